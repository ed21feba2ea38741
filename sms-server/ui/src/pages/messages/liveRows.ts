import type { Message } from "@/api/messages";
import type { LiveEvent } from "@/live/stream";

/** What is on the screen, and what a fresh page has on top of it. */
export interface Rows {
  shown: Message[];
  /** Ids of messages that came since; shown when the person asks for them, so that nothing jumps. */
  incoming: string[];
  /** Ids of shown messages that no longer match the filter. */
  left: ReadonlySet<string>;
}

export function firstRows(page: Message[]): Rows {
  return { shown: page, incoming: [], left: new Set() };
}

/** Renews the shown rows in their places from a page that was read again; ids sort by time. */
export function renewRows(shown: Message[], page: Message[], limit: number): Rows {
  const last = shown.at(-1);
  if (last === undefined) return firstRows(page);
  const fresh = new Map(page.map((message) => [message.id, message]));
  const known = new Set(shown.map((message) => message.id));
  const oldest = page.at(-1)?.id;
  const full = page.length >= limit;
  // Rows below a full screen only moved up, because others left.
  const incoming = page.filter(({ id }) => !known.has(id) && (id > last.id || shown.length < limit));
  const left = shown.filter(({ id }) => !fresh.has(id) && (!full || oldest === undefined || id > oldest));
  return {
    shown: shown.map((message) => fresh.get(message.id) ?? message),
    incoming: incoming.map(({ id }) => id),
    left: new Set(left.map(({ id }) => id)),
  };
}

/** Shows at once what events tell about shown rows; the next read has the rest. Null: about none. */
export function applyEvents(shown: Message[], events: LiveEvent[]): Message[] | null {
  const known = new Map(shown.map((message) => [message.id, message]));
  let touched = false;
  for (const event of events) {
    const message = known.get(event.message_id);
    if (!message || Date.parse(event.at) < Date.parse(message.updated_at)) continue;
    touched = true;
    known.set(message.id, {
      ...message,
      status: event.status,
      updated_at: event.at,
      code: event.code ?? null,
      meaning: event.meaning ?? null,
      reason: event.text ?? null,
    });
  }
  return touched ? shown.map((message) => known.get(message.id) ?? message) : null;
}

/** How long a message took to get where it is; null while it is on its way. */
export function tookMs(message: Message): number | null {
  if (["queued", "sending", "sent", "unknown", "cancelled", "expired"].includes(message.status)) return null;
  // A message that was scheduled did not take the days that it was told to wait.
  const start = message.attempts <= 1 && message.due_at > message.created_at ? message.due_at : message.created_at;
  return Math.max(0, Date.parse(message.updated_at) - Date.parse(start));
}

/** The time a message is scheduled for; null if it only waits for its turn. */
export function scheduledFor(message: Message, now: number = Date.now()): string | null {
  const later = message.status === "queued" && Date.parse(message.due_at) > now + 1000;
  return later ? message.due_at : null;
}
