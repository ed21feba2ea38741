const formatters = new Map<string, Intl.DateTimeFormat>();

/**
 * How much of a time is shown. `row`: the time today, and the date with it on other days; `short`:
 * the same without seconds, for sentences.
 */
export type TimeStyle = "row" | "short" | "time" | "date" | "full" | "exact";

const STYLES: Record<Exclude<TimeStyle, "row" | "short">, Intl.DateTimeFormatOptions> = {
  time: { hour: "2-digit", minute: "2-digit", second: "2-digit" },
  date: { day: "numeric", month: "short", year: "numeric" },
  full: { day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit" },
  exact: {
    day: "numeric", month: "short", year: "numeric",
    hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3,
  },
};
const MINUTES: Intl.DateTimeFormatOptions = { hour: "2-digit", minute: "2-digit" };
const OTHER_DAY: Intl.DateTimeFormatOptions = { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" };

/** A time of the API in the time zone of the instance. Not a time: an empty text. */
export function formatTime(
  at: string | number | Date,
  style: TimeStyle,
  language: string,
  zone: string,
  now: number = Date.now(),
): string {
  const date = new Date(at);
  if (Number.isNaN(date.getTime())) return "";
  if (style !== "row" && style !== "short") return formatter(language, zone, STYLES[style]).format(date);
  const day = (time: Date): string => formatter(language, zone, STYLES.date).format(time);
  const sameDay = day(date) === day(new Date(now));
  return formatter(language, zone, !sameDay ? OTHER_DAY : style === "row" ? STYLES.time : MINUTES).format(date);
}

const UNITS: [Intl.RelativeTimeFormatUnit, number][] = [
  ["day", 86_400_000], ["hour", 3_600_000], ["minute", 60_000], ["second", 1000],
];

/** `5 minutes ago`, `in 2 hours`. */
export function formatRelative(at: string | number | Date, language: string, now: number = Date.now()): string {
  const distance = new Date(at).getTime() - now;
  if (Number.isNaN(distance)) return "";
  const [unit, size] = UNITS.find(([, size]) => Math.abs(distance) >= size) ?? ["second", 1000];
  const count = Math.trunc(distance / size);
  return new Intl.RelativeTimeFormat(language, { numeric: "auto" }).format(count === 0 ? 0 : count, unit);
}

/**
 * A length of time in at most two units: `0.9 s`, `31 s`, `1 min 20 s`, `2 h 5 min`, `3 d`. Clocks
 * of two machines differ, so what would be negative is zero.
 */
export function formatDuration(ms: number, language: string): string {
  const [d, h, min, s, millis] = language === "ru" ? ["д", "ч", "мин", "с", "мс"] : ["d", "h", "min", "s", "ms"];
  const length = Number.isFinite(ms) ? Math.max(0, ms) : 0;
  if (length < 100) return `${Math.round(length)}\u00a0${millis}`;
  if (length < 9_950) return `${decimal(length / 1000, language)}\u00a0${s}`;
  const seconds = Math.round(length / 1000);
  const pair = (big: number, unit: string, small: number, smallUnit: string): string =>
    small === 0 ? `${big}\u00a0${unit}` : `${big}\u00a0${unit} ${small}\u00a0${smallUnit}`;
  if (seconds < 60) return `${seconds}\u00a0${s}`;
  if (seconds < 3600) return pair(Math.trunc(seconds / 60), `${min}`, seconds % 60, `${s}`);
  const minutes = Math.round(seconds / 60);
  if (minutes < 1440) return pair(Math.trunc(minutes / 60), `${h}`, minutes % 60, `${min}`);
  const hours = Math.round(minutes / 60);
  return pair(Math.trunc(hours / 24), `${d}`, hours % 24, `${h}`);
}

/** The name of a zone for people: `Europe/Moscow (GMT+3)`. */
export function formatZone(zone: string, language: string, now: number = Date.now()): string {
  const parts = formatter(language, zone, { timeZoneName: "shortOffset" }).formatToParts(now);
  return `${zone} (${parts.find((part) => part.type === "timeZoneName")?.value ?? ""})`;
}

/**
 * The moment of a date and time that a person typed (`2026-11-27T10:00`, of
 * `<input type="datetime-local">`) in the zone of the instance, as RFC 3339 in UTC. Null if it is
 * not complete. An hour that does not exist moves forward with the clocks.
 */
export function fromZoned(typed: string, zone: string): string | null {
  const wanted = Date.parse(`${typed}Z`);
  if (Number.isNaN(wanted)) return null;
  // The offset at the guess may be another than at the moment itself: twice is enough.
  const first = wanted - offset(wanted, zone);
  return new Date(wanted - offset(first, zone)).toISOString();
}

/** The other way, for the value of `<input type="datetime-local">`. */
export function toZoned(at: string | number | Date, zone: string): string {
  const time = new Date(at).getTime();
  return Number.isNaN(time) ? "" : new Date(time + offset(time, zone)).toISOString().slice(0, 16);
}

/** Milliseconds that the zone is ahead of UTC at a moment. */
function offset(time: number, zone: string): number {
  const parts = formatter("en", zone, {
    year: "numeric", month: "numeric", day: "numeric",
    hour: "numeric", minute: "numeric", second: "numeric",
  }).formatToParts(time);
  const part = (type: string): number => Number(parts.find((found) => found.type === type)?.value);
  const local = Date.UTC(
    part("year"), part("month") - 1, part("day"), part("hour"), part("minute"), part("second"),
  );
  return local - Math.floor(time / 1000) * 1000;
}

function decimal(value: number, language: string): string {
  return new Intl.NumberFormat(language, { maximumFractionDigits: 1 }).format(value);
}

function formatter(language: string, zone: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const locale = language === "en" ? "en-GB" : language;
  const name = `${locale} ${zone} ${JSON.stringify(options)}`;
  let found = formatters.get(name);
  if (!found) {
    found = create(locale, zone, { ...options, hourCycle: "h23" });
    formatters.set(name, found);
  }
  return found;
}

function create(locale: string, zone: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  try {
    return new Intl.DateTimeFormat(locale, { ...options, timeZone: zone });
  } catch {
    // A zone that this browser does not know.
    return new Intl.DateTimeFormat(locale, { ...options, timeZone: "UTC" });
  }
}
