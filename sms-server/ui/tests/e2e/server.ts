import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, request as forward, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { extname, join, resolve } from "node:path";
import { answerSession } from "../../dev/server";

/** Another build than the one that the server has in it, to try pages without building the server. */
const OTHER_DIST = process.env["UI_DIST"];
const DIST = resolve(OTHER_DIST ?? join(import.meta.dirname, "../../dist"));
const BINARY = process.env["SMS_SERVER_BIN"] ?? resolve(import.meta.dirname, "../../../../target/debug/sms-server");
const KEY = "e2e-admin-key-0123456789";
const CSP =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; " +
  "connect-src 'self'; manifest-src 'self'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'";
const TYPES: Record<string, string> = { ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".html": "text/html" };

/** A real server with SQLite and the sandbox, and the address of its UI. */
export interface Running {
  url: string;
  /** The address that the program itself listens on, without a slash at the end. */
  origin: string;
  /** An admin key, for calls of the API. */
  key: string;
  /** The link that the first start without an admin key prints; null for any other. */
  firstLink: string | null;
  api(path: string, init?: { method?: string; body?: unknown }): Promise<unknown>;
  /** A sign-in link of this UI, made by the program's own command; null for a program without sessions. */
  signinLink(name: string, scopes?: string): string | null;
  /** Runs a command of the program with the settings of this server. Returns what it prints. */
  run(...command: string[]): string;
  stop(): Promise<void>;
}

/**
 * Starts `sms-server` in a folder of its own. `settings` are further `SMS_…` variables; with
 * `SMS_PUBLIC_URL` the UI is at that address, where the caller has a proxy; with an empty
 * `SMS_ADMIN_KEY` the server makes a key and a link, as on its first start. `base` is a path that a
 * proxy in front of it takes away, as `/sms/`.
 */
export async function startServer(settings: Record<string, string> = {}, base = "/"): Promise<Running> {
  const folder = mkdtempSync(join(tmpdir(), "sms-ui-"));
  const env = {
    PATH: process.env["PATH"], SMS_STORE: `sqlite:${folder}/sms.db`, SMS_LISTEN: "127.0.0.1:0",
    SMS_ADMIN_KEY: KEY, SMS_LABEL: "e2e", ...settings,
  };
  if (env.SMS_ADMIN_KEY === "") delete (env as Partial<typeof env>).SMS_ADMIN_KEY;
  const child = spawn(BINARY, ["serve"], { cwd: folder, env, stdio: ["ignore", "pipe", "pipe"] });
  const { address: server, greeting } = await listening(child, env.SMS_ADMIN_KEY === undefined);
  const key = /Bearer ([^']+)/.exec(greeting)?.[1] ?? KEY;
  const published = settings["SMS_PUBLIC_URL"];
  const own = published !== undefined || (OTHER_DIST === undefined && base === "/" && (await servesUi(server)));
  const sessions = (await fetch(`${server}/ui/session`)).status === 401;
  const front = own ? undefined : await startFront(server, sessions, base);
  const url = published ?? (front ? `http://127.0.0.1:${(front.address() as AddressInfo).port}${base}` : `${server}/`);
  const run = (...command: string[]): string => execFileSync(BINARY, command, { cwd: folder, env, encoding: "utf8" });
  const first = /^http\S+#\S+$/m.exec(greeting)?.[0] ?? null;
  return {
    url,
    run,
    origin: server,
    key,
    firstLink: first && front ? new URL(`signin${new URL(first).hash}`, url).href : first,
    api: async (path, init = {}) => {
      const headers = { Authorization: `Bearer ${key}`, "Content-Type": "application/json" };
      const body = init.body === undefined ? undefined : JSON.stringify(init.body);
      const response = await fetch(`${server}/${path}`, { method: init.method ?? "GET", headers, body });
      if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
      return response.status === 204 ? null : response.json();
    },
    signinLink: (name, scopes = "send,read,admin") => {
      if (!sessions) return null;
      const link = /https?:\S+#\S+/.exec(run("signin", "--name", name, "--scopes", scopes))?.[0] ?? "";
      // Without a public address the command cannot know the port that the system picked.
      return published === undefined ? new URL(`signin${new URL(link).hash}`, url).href : link;
    },
    stop: async () => {
      front?.closeAllConnections();
      front?.close();
      const ended = new Promise((done) => child.once("exit", done));
      child.kill("SIGTERM");
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** The address of the server, once it is ready: it is in the log, which may name others. `greets`: once it has greeted, too. */
async function listening(child: ChildProcess, greets: boolean): Promise<{ address: string; greeting: string }> {
  let log = "";
  let greeting = "";
  return new Promise((found, failed) => {
    const read = (): void => {
      const address = /(?<=serving address=)127\.0\.0\.1:\d+/.exec(log.replace(/\u001b\[[\d;]*m/g, ""));
      if (address && (!greets || greeting.includes("Bearer"))) found({ address: `http://${address[0]}`, greeting });
    };
    child.stdout?.on("data", (piece: Buffer) => ((greeting += piece.toString()), (log += piece.toString()), read()));
    child.stderr?.on("data", (piece: Buffer) => ((log += piece.toString()), read()));
    child.once("error", failed);
    child.once("exit", (code) => failed(new Error(`sms-server ended with ${code}: ${log}`)));
  });
}

/** Returns true if the server has the UI and its sign-in. Older ones have neither. */
async function servesUi(server: string): Promise<boolean> {
  const response = await fetch(`${server}/signin`, { headers: { Accept: "text/html" } });
  return response.ok && (await response.text()).includes('id="app"');
}

/**
 * Serves the build as the server would, for a server without a UI. The sessions are those of the server; if
 * it has none, everybody is an administrator.
 */
async function startFront(server: string, sessions: boolean, base: string): Promise<Server> {
  const front = createServer((request, response) => {
    if (!request.url?.startsWith(base)) return void response.writeHead(404).end();
    request.url = request.url.slice(base.length - 1);
    const path = request.url.split("?")[0] ?? "/";
    if (!sessions && answerSession(request, response)) return;
    if (/^\/(v1|ui)\//.test(path) || path === "/readyz") {
      const headers = sessions ? request.headers : { ...request.headers, authorization: `Bearer ${KEY}` };
      const passed = forward(`${server}${request.url}`, { method: request.method, headers }, (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(response);
      });
      passed.on("error", () => response.destroy());
      response.on("close", () => passed.destroy());
      request.pipe(passed);
      return;
    }
    const file = join(DIST, path);
    const found = file.startsWith(DIST) && extname(file) !== "" && existsSync(file) ? file : join(DIST, "index.html");
    response.writeHead(200, { "Content-Type": TYPES[extname(found)] ?? "text/plain", "Content-Security-Policy": CSP });
    const content = readFileSync(found);
    response.end(found.endsWith(".html") ? content.toString().replace('<base href="/">', `<base href="${base}">`) : content);
  });
  await new Promise<void>((done) => front.listen(0, "127.0.0.1", done));
  return front;
}
