import type { LocationQuery } from "vue-router";
import { CLASSES, STATUSES, type MessageClass, type MessageFilter, type MessageStatus } from "@/api/messages";
import { fromZoned, toZoned } from "@/lib/format/times";
import { readPhone } from "@/lib/phone";

/** Ranges of time that move on with the clock; days are those of the instance's zone. */
export const PERIODS = ["today", "yesterday", "24h", "7d"] as const;
export type Period = (typeof PERIODS)[number];

/** What the list is narrowed to, as it stands in the URL, with the names of the API. */
export interface Filters {
  status: MessageStatus[];
  q: string;
  to: string;
  class: MessageClass | null;
  code: number | null;
  reference: string;
  resend_of: string;
  /** The id of a client: only messages of its live keys. */
  client: string;
  /** Excludes `from_time` and `to_time`. */
  period: Period | null;
  from_time: string;
  to_time: string;
}

const DAY = 86_400_000;
const MINUTE = 60_000;

/** The filters of a URL. What is no valid value is left out, so that no old link breaks a page. */
export function readFilters(query: LocationQuery): Filters {
  const text = (name: string): string => {
    const value = query[name];
    return (Array.isArray(value) ? value[0] : value)?.trim() ?? "";
  };
  const time = (name: string): string => (Number.isNaN(Date.parse(text(name))) ? "" : new Date(text(name)).toISOString());
  const wanted = text("status").split(",");
  const period = PERIODS.find((known) => known === text("period")) ?? null;
  return {
    status: STATUSES.filter((status) => wanted.includes(status)),
    q: text("q"),
    to: text("to"),
    class: CLASSES.find((known) => known === text("class")) ?? null,
    code: /^-?\d{1,9}$/.test(text("code")) ? Number(text("code")) : null,
    reference: text("reference"),
    resend_of: text("resend_of"),
    client: text("client"),
    period,
    from_time: period ? "" : time("from_time"),
    to_time: period ? "" : time("to_time"),
  };
}

/** The query of a URL: only what is set, so that the plain list has a plain address. */
export function writeFilters(filters: Filters): Record<string, string> {
  const all: Record<string, string> = {
    ...filters,
    status: filters.status.join(","),
    class: filters.class ?? "",
    code: filters.code === null ? "" : String(filters.code),
    period: filters.period ?? "",
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== ""));
}

/** No filters. */
export function noFilters(): Filters {
  return readFilters({});
}

/**
 * The filters for the API. A search for a complete number becomes `to`, which has an index: it
 * finds every message at once, however many there are.
 */
export function apiFilter(filters: Filters, zone: string, now: number = Date.now()): MessageFilter {
  const range = filters.period ? periodRange(filters.period, zone, now) : filters;
  const number = filters.to === "" ? completeNumber(filters.q) : null;
  const all: MessageFilter = {
    status: filters.status.join(","),
    q: number === null ? filters.q : "",
    to: number ?? filters.to,
    class: filters.class,
    code: filters.code,
    reference: filters.reference,
    resend_of: filters.resend_of,
    client: filters.client,
    from_time: range.from_time,
    to_time: range.to_time,
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== "" && value !== null));
}

function periodRange(period: Period, zone: string, now: number): { from_time: string; to_time: string } {
  const midnight = (at: number): string => fromZoned(`${toZoned(at, zone).slice(0, 10)}T00:00`, zone) ?? "";
  // Whole minutes: the same question again is the same request.
  const since = (length: number): string => new Date(Math.floor((now - length) / MINUTE) * MINUTE).toISOString();
  switch (period) {
    case "today":
      return { from_time: midnight(now), to_time: "" };
    case "yesterday": {
      const today = midnight(now);
      // Noon of the day before, so that a day of 23 or 25 hours is met too.
      return { from_time: midnight(Date.parse(today) - DAY / 2), to_time: today };
    }
    case "24h":
      return { from_time: since(DAY), to_time: "" };
    case "7d":
      return { from_time: since(7 * DAY), to_time: "" };
  }
}

function completeNumber(typed: string): string | null {
  const phone = readPhone(typed);
  // Any long number could be one of abroad, but also an order; those are searched as text.
  return phone.kind === "russia_mobile" || (typed.startsWith("+") && phone.kind !== "short") ? phone.e164 : null;
}

/** True for the id of a message, which can be opened at once. */
export function isMessageId(typed: string): boolean {
  return /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i.test(typed.trim());
}
