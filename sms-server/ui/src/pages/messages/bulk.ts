import type { BulkAction, MessageStatus } from "@/api/messages";

/** The statuses in which an action can be done with a message, as the API has it. */
const POSSIBLE: Record<BulkAction, readonly MessageStatus[]> = {
  cancel: ["queued"],
  resolve: ["unknown"],
  resend: ["sent", "delivered", "undelivered", "failed", "expired", "cancelled"],
  erase: ["sent", "delivered", "undelivered", "failed", "expired", "cancelled"],
};

/** How many of a selection an action will change, and how many it will leave. */
export interface Effect {
  changes: number;
  leaves: number;
}

export function effectOf(action: BulkAction, byStatus: Record<string, number>): Effect {
  let changes = 0;
  let leaves = 0;
  for (const [status, count] of Object.entries(byStatus)) {
    if (POSSIBLE[action].some((possible) => possible === status)) changes += count;
    else leaves += count;
  }
  return { changes, leaves };
}

export function countByStatus(messages: readonly { status: MessageStatus }[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { status } of messages) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}

/** Does a task with each item, some at a time. What the task throws is its business. */
export async function eachOf<T>(items: readonly T[], atOnce: number, task: (item: T) => Promise<void>): Promise<void> {
  const waiting = [...items];
  const lane = async (): Promise<void> => {
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) await task(item);
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
}
