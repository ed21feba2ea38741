import type { IncomingMessage, ServerResponse } from "node:http";
import type { Plugin, ProxyOptions } from "vite";

/**
 * The development server: passes `/v1` and `ui/session` to the server at $SMS_DEV_URL (default
 * http://127.0.0.1:8080), signed in with $SMS_DEV_KEY.
 *
 * With a key it answers `ui/session` by itself, so no sign-in is needed. Without one, the real
 * sign-in of that server is used.
 */
export function devServer(): Plugin {
  const target = process.env["SMS_DEV_URL"] ?? "http://127.0.0.1:8080";
  const key = process.env["SMS_DEV_KEY"];
  const headers: Record<string, string> = key ? { Authorization: `Bearer ${key}` } : {};
  const proxied: ProxyOptions = { target, headers };
  return {
    name: "sms-dev-server",
    apply: "serve",
    config: () => ({ server: { proxy: { "/v1": proxied, "/ui/": proxied, "/readyz": proxied } } }),
    configureServer(server) {
      if (key === undefined) return;
      server.middlewares.use((request, response, next) => {
        if (!answerSession(request, response)) next();
      });
    },
  };
}

const SESSION = {
  id: "dev",
  name: "developer",
  client: { id: "dev", name: "dev" },
  kind: "live",
  scopes: ["send", "read", "admin"],
  signed_in_at: new Date().toISOString(),
  expires_at: new Date(Date.now() + 12 * 3600_000).toISOString(),
};

/** Answers `ui/session` and `ui/sessions` in place of the server. */
export function answerSession(request: IncomingMessage, response: ServerResponse): boolean {
  const path = request.url?.split("?")[0];
  if (path !== "/ui/session" && path !== "/ui/sessions") return false;
  if (request.method === "DELETE") {
    response.writeHead(204).end();
    return true;
  }
  const body =
    path === "/ui/session"
      ? SESSION
      : { data: [{ ...SESSION, last_seen_at: SESSION.signed_in_at, address: "127.0.0.1", current: true }] };
  response.writeHead(200, { "Content-Type": "application/json" }).end(JSON.stringify(body));
  return true;
}
