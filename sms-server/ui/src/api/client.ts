import createClient, { type Middleware } from "openapi-fetch";
import { address, basePath } from "@/lib/base";
import { Problem } from "./problem";
import type { paths } from "./schema";

/** Tells the server that a script of this origin sends the request; a form of another cannot. */
const HEADERS = { "X-Requested-With": "sms-ui" };

const signedOut = new Set<() => void>();

/** Calls back when the server says that the session is over. */
export function onSignedOut(callback: () => void): void {
  signedOut.add(callback);
}

export function reportSignedOut(): void {
  signedOut.forEach((callback) => callback());
}

const failures: Middleware = {
  async onResponse({ response }) {
    if (response.ok) return;
    const body: unknown = await response.clone().json().catch(() => null);
    if (response.status === 401) reportSignedOut();
    throw Problem.of(response, body);
  },
  onError({ error }) {
    return Problem.from(error);
  },
};

const client = createClient<paths>({
  baseUrl: new URL(basePath(), location.origin).href.replace(/\/$/, ""),
  credentials: "same-origin",
  headers: HEADERS,
});
client.use(failures);

/** The REST API, typed by the OpenAPI document. Throws a `Problem` for every failure. */
export const api = client;

/** The data of a reply: `await data(api.GET("/v1/queue"))`. */
export async function data<T>(call: Promise<{ data?: T }>): Promise<NonNullable<T>> {
  // Failures were thrown; only a 204 has no data, and nobody asks for it.
  return (await call).data as NonNullable<T>;
}

/** A request outside the document (sessions, streams, downloads). Throws a `Problem` as well. */
export async function request(path: string, init: RequestInit = {}): Promise<Response> {
  const headers = { ...HEADERS, ...(init.headers as Record<string, string> | undefined) };
  let response: Response;
  try {
    response = await fetch(address(path), { ...init, credentials: "same-origin", headers });
  } catch (error) {
    throw Problem.from(error);
  }
  if (response.ok) return response;
  throw Problem.of(response, await response.json().catch(() => null));
}
