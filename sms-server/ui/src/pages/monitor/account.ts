import type { components } from "@/api/schema";

/** How long the account lasts at the pace of today. By hand until the document has it. */
export interface Runway {
  spent_today: string | null;
  balance_days: number | null;
  daily_limit_reached: boolean;
  daily_limit_at: string | null;
}

/** The account; `runway` is absent on servers that do not tell. */
export type Account = components["schemas"]["AccountView"] & { runway?: Runway | null };

/** The used share of the daily limit, 0 to 1; null without a limit. */
export function usedShare(account: Account): number | null {
  const { daily_limit: limit, used_today: used } = account;
  if (limit == null || used == null) return null;
  return limit === 0 ? 1 : Math.min(1, used / limit);
}
