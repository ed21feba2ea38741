import { fromZoned } from "@/lib/format/times";
import type { MessageClass, Options } from "./draft";

const HOUR = 3600;

/** What a class means if nothing else is chosen; as sms-core/src/message/class.rs. */
export const POLICIES: Record<MessageClass, { deadline: number; daytime: boolean }> = {
  otp: { deadline: 300, daytime: false },
  service: { deadline: 24 * HOUR, daytime: false },
  marketing: { deadline: 72 * HOUR, daytime: true },
};

/** Deadlines to choose from, in seconds. */
export const DEADLINES: readonly number[] = [300, 1800, HOUR, 6 * HOUR, 24 * HOUR, 72 * HOUR];

/** The fields of a request that were chosen; what is as usual is left out. */
export interface OptionFields {
  from?: string;
  class: MessageClass;
  send_at?: string;
  deadline_seconds?: number;
  translit?: true;
  daytime?: boolean;
}

/** The chosen time; null for at once, and while the time is not complete. */
export function moment(options: Options, zone: string): string | null {
  return options.later ? fromZoned(options.at, zone) : null;
}

/** True if a time is wanted that is not complete: nothing may be sent then, least of all at once. */
export function lacksTime(options: Options, zone: string): boolean {
  return options.later && moment(options, zone) === null;
}

/** The chosen options as the API takes them; times typed are in `zone`. */
export function fieldsOf(options: Options, zone: string): OptionFields {
  const fields: OptionFields = { class: options.class };
  const [from, at] = [options.from.trim(), moment(options, zone)];
  if (from !== "") fields.from = from;
  if (at !== null) fields.send_at = at;
  if (options.deadline !== "") fields.deadline_seconds = Number(options.deadline);
  if (options.translit) fields.translit = true;
  if (options.daytime !== null) fields.daytime = options.daytime;
  return fields;
}

/** The time after which the message is not sent any more. */
export function expiry(options: Options, zone: string, now: number = Date.now()): number {
  const at = moment(options, zone);
  const seconds = options.deadline === "" ? POLICIES[options.class].deadline : Number(options.deadline);
  return Math.max(now, at === null ? now : Date.parse(at)) + seconds * 1000;
}
