/**
 * A key that nobody else has, for `Idempotency-Key`. `crypto.randomUUID` is undefined on plain
 * HTTP; this works there too.
 */
export function randomKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
