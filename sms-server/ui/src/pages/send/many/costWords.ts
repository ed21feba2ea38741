import type { components } from "@/api/schema";
import type { ImportDetails } from "./imports";

type Cost = components["schemas"]["ImportCost"];

/** A text of the page: its key below `send.many`, its values, and the number that decides its plural form. */
export interface CostText {
  key: string;
  values: Record<string, number>;
  number: number;
}

/** What a mailing costs: the total as the API tells it, null if nobody knows it. */
export function totalOf({ cost }: Pick<ImportDetails, "cost">): { total: string; exact: boolean } | null {
  return cost?.total == null ? null : { total: cost.total, exact: cost.exact };
}

/** Why no cost is known: a key below `send.many.cost_unknown`. */
export function unknownCost({ cost }: Pick<ImportDetails, "cost">): NonNullable<Cost["unknown"]> | "other" {
  return cost?.unknown ?? "other";
}

/** What has to be known to read the total: by how many prices it is, and for which messages nothing is paid. */
export function costNotes({ cost, on_stop_list: stopped }: Pick<ImportDetails, "cost" | "on_stop_list">): CostText[] {
  const notes: CostText[] = [];
  const add = (key: string, number: number, more = {}): void => {
    if (number > 0) notes.push({ key, values: { count: number, ...more }, number });
  };
  if (cost?.total != null && !cost.exact) add("cost_by", cost.asked);
  if (cost) add("cost_refused", cost.refused, { asked: cost.asked });
  add("cost_stopped", stopped);
  return notes;
}
