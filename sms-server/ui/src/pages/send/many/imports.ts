import { reportSignedOut, request } from "@/api/client";
import { Problem } from "@/api/problem";
import type { components } from "@/api/schema";

type Schemas = components["schemas"];
/** A file of recipients that was checked. */
export type Import = Schemas["ImportView"];
/** An import with its first messages and its first errors. */
export type ImportDetails = Schemas["ImportDetails"];
export type PreviewMessage = Schemas["PreviewView"];
export type RowErrors = Schemas["RowErrors"];
export type Job = Schemas["JobView"];

/** Parameters of a check, as the API names them. */
export type CheckParameters = Record<string, string>;

/** Checks a file. Nothing is sent. */
export async function checkFile(body: Blob | string, parameters: CheckParameters): Promise<ImportDetails> {
  const query = new URLSearchParams(parameters);
  const headers = { "Content-Type": "text/csv" };
  return json(`v1/imports?${query.toString()}`, { method: "POST", body, headers });
}

/** Begins to send. The same call again is answered with the same job. */
export function sendImport(id: string): Promise<Job> {
  return json(`v1/imports/${id}/send`, { method: "POST" });
}

/** Removes one that was not sent. */
export async function removeImport(id: string): Promise<void> {
  await call(`v1/imports/${id}`, { method: "DELETE" });
}

export function readImport(id: string, signal: AbortSignal): Promise<ImportDetails> {
  return json(`v1/imports/${id}`, { signal });
}

export async function readImports(signal: AbortSignal): Promise<Import[]> {
  return (await json<{ data: Import[] }>("v1/imports?limit=50", { signal })).data;
}

async function json<T>(path: string, init: RequestInit): Promise<T> {
  return (await (await call(path, init)).json()) as T;
}

async function call(path: string, init: RequestInit): Promise<Response> {
  try {
    return await request(path, init);
  } catch (error) {
    if (Problem.from(error).status === 401) reportSignedOut();
    throw error;
  }
}
