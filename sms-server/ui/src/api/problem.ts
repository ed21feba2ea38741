import type { components } from "./schema";

type ProblemBody = components["schemas"]["Problem"];
/** One wrong field, by `pointer` into the body, or by `parameter`. */
export type FieldProblem = components["schemas"]["FieldProblem"];

/**
 * Every failure of a request: a problem of the server (RFC 9457), or one of the way to it, with the
 * codes `offline` (no answer), `aborted` (given up by the page) and `unreadable` (an answer of
 * something in between, such as a proxy).
 */
export class Problem extends Error {
  override readonly name = "Problem";

  constructor(
    readonly code: string,
    /** The HTTP status; 0 without an answer. */
    readonly status: number,
    /** The server's words, in English. */
    readonly detail: string,
    readonly errors: readonly FieldProblem[] = [],
    readonly requestId: string | null = null,
    /** Seconds after which the server wants to be asked again. */
    readonly retryAfter: number | null = null,
  ) {
    super(detail);
  }

  static of(response: Response, body: unknown): Problem {
    const retryAfter = Number.parseInt(response.headers.get("Retry-After") ?? "", 10);
    const wait = Number.isNaN(retryAfter) ? null : retryAfter;
    if (isProblemBody(body)) {
      const { code, detail, errors, request_id } = body;
      return new Problem(code, response.status, detail, errors ?? [], request_id ?? null, wait);
    }
    const text = `${response.status} ${response.statusText}`.trim();
    return new Problem("unreadable", response.status, text, [], response.headers.get("X-Request-Id"), wait);
  }

  /** A failure as a `Problem`, whatever was thrown. */
  static from(error: unknown): Problem {
    if (error instanceof Problem) return error;
    const aborted = error instanceof DOMException && error.name === "AbortError";
    return new Problem(aborted ? "aborted" : "offline", 0, error instanceof Error ? error.message : String(error));
  }

  /** The entry about a field of the body, as `/to`. */
  at(pointer: string): FieldProblem | undefined {
    return this.errors.find((error) => error.pointer === pointer);
  }

  /** True when the same request may work later. */
  get temporary(): boolean {
    return this.status === 0 || this.status === 408 || this.status === 429 || this.status >= 500;
  }
}

function isProblemBody(body: unknown): body is ProblemBody {
  return typeof body === "object" && body !== null && "code" in body && "detail" in body;
}
