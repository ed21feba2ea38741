import type { components } from "@/api/schema";

export type SandboxMessage = components["schemas"]["SandboxMessage"];

/** A phone: the messages of one number, newest first. */
export interface Thread {
  number: string;
  messages: SandboxMessage[];
  /** How many came after `seen`. */
  fresh: number;
}

/** Messages, newest first, as phones; the one with the newest message is the first. */
export function threads(messages: readonly SandboxMessage[], seen: string): Thread[] {
  const found = new Map<string, Thread>();
  for (const message of messages) {
    const { to } = message;
    // An erased one came to no phone that is known.
    if (to === null) continue;
    let thread = found.get(to);
    if (!thread) found.set(to, (thread = { number: to, messages: [], fresh: 0 }));
    thread.messages.push(message);
    if (Date.parse(message.created_at) > Date.parse(seen)) thread.fresh++;
  }
  return [...found.values()];
}

/** The text of a message in pieces, of which one may be its code; that may be written as `471-121`. */
export function pieces({ text, found_code: code }: Pick<SandboxMessage, "text" | "found_code">): { text: string; code: boolean }[] {
  const whole = text ?? "";
  const pattern = code && /^\d+$/.test(code) ? new RegExp(`(?<!\\d)${[...code].join("[\\s-]?")}(?!\\d)`) : null;
  const found = pattern?.exec(whole);
  if (!found) return [{ text: whole, code: false }];
  const end = found.index + found[0].length;
  return [
    { text: whole.slice(0, found.index), code: false },
    { text: found[0], code: true },
    { text: whole.slice(end), code: false },
  ].filter((piece) => piece.text !== "");
}
