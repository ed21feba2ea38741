import type { components } from "@/api/schema";

export type Key = components["schemas"]["KeyView"];
export type NewKey = components["schemas"]["NewKeyView"];
export type KeyBody = components["schemas"]["KeyBody"];
export type Scope = components["schemas"]["KeyScopeName"];

export type Standing = "valid" | "expired" | "revoked";

/** Whether the key is accepted now. */
export function standing(key: Pick<Key, "revoked_at" | "expires_at">, now = Date.now()): Standing {
  if (key.revoked_at) return "revoked";
  return key.expires_at && Date.parse(key.expires_at) <= now ? "expired" : "valid";
}

/** Numbers typed one in a line, or after commas. */
export function readNumbers(typed: string): string[] {
  return typed
    .split(/[\n,;]+/)
    .map((line) => line.trim())
    .filter((line) => line !== "");
}

/** A time in so many days, for `expires_at`; null for never. */
export function inDays(days: number | null, now = Date.now()): string | null {
  return days === null ? null : new Date(now + days * 86_400_000).toISOString();
}
