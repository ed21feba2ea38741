import type { components } from "@/api/schema";

export type Account = components["schemas"]["AccountView"];

/** The used share of the daily limit, 0 to 1; null without a limit. */
export function usedShare(account: Account): number | null {
  const { daily_limit: limit, used_today: used } = account;
  if (limit == null || used == null) return null;
  return limit === 0 ? 1 : Math.min(1, used / limit);
}
