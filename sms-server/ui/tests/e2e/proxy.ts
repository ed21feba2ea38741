import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, request as forward, type IncomingMessage, type RequestListener, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface ProxyOptions {
  /** The path under which the server is, with a slash at both ends. */
  base?: string;
  /** Speaks HTTPS, with a certificate of its own making. */
  tls?: boolean;
  /** The path goes on to the server as it is; else it is removed on the way. */
  handOn?: boolean;
  /** Answers a request in place of the server if it returns true. */
  answer?(request: IncomingMessage, response: ServerResponse): boolean;
}

/** A request that came to the proxy, by its path as the browser wrote it. */
export interface Passed {
  path: string;
  cookie: string | undefined;
}

/** A reverse proxy in front of a server. What lies outside its path is another application's. */
export interface Proxy {
  /** The address that people type, with the path. */
  url: string;
  origin: string;
  /** All requests, in their order. */
  passed: Passed[];
  /** Hands requests on to the server at this address. */
  connect(server: string): void;
  stop(): void;
}

/** Starts a proxy; its address is known before that of the server, which has to be told. */
export async function startProxy(options: ProxyOptions = {}): Promise<Proxy> {
  const { base = "/", tls = false, handOn = false } = options;
  const passed: Passed[] = [];
  let server: string | undefined;
  const listener: RequestListener = (request, response) => {
    const path = request.url ?? "/";
    passed.push({ path, cookie: request.headers.cookie });
    if (!path.startsWith(base)) return void response.writeHead(200, { "Content-Type": "text/plain" }).end("another application");
    if (server === undefined) return void response.writeHead(502).end();
    if (options.answer?.(request, response)) return;
    const target = new URL(handOn ? path : `/${path.slice(base.length)}`, server);
    const headers = { ...request.headers, "x-forwarded-for": request.socket.remoteAddress ?? "" };
    const out = forward(target, { method: request.method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    out.on("error", () => response.destroy());
    response.on("close", () => out.destroy());
    request.pipe(out);
  };
  const proxy = tls ? createTlsServer(certificate(), listener) : createServer(listener);
  await new Promise<void>((done) => proxy.listen(0, "127.0.0.1", done));
  const origin = `${tls ? "https" : "http"}://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  return {
    url: origin + base,
    origin,
    passed,
    connect: (address) => (server = address),
    stop: () => {
      proxy.closeAllConnections();
      proxy.close();
    },
  };
}

/** A key and a certificate for this machine, good for two days. */
function certificate(): { key: string; cert: string } {
  const folder = mkdtempSync(join(tmpdir(), "sms-proxy-"));
  const [key, cert] = [join(folder, "key.pem"), join(folder, "cert.pem")];
  const made = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"];
  try {
    execFileSync("openssl", ["req", "-x509", ...made, "-keyout", key, "-out", cert], { stdio: "ignore" });
    return { key: readFileSync(key, "utf8"), cert: readFileSync(cert, "utf8") };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
