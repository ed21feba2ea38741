import type { LocationQueryValue } from "vue-router";

/** The ranges of the charts. The step is one that the server keeps for as long. */
export const RANGES = {
  "1h": { hours: 1, step: 60 },
  "24h": { hours: 24, step: 300 },
  "72h": { hours: 72, step: 3600 },
} as const;

export type Range = keyof typeof RANGES;

/** The range that the URL names; the last hour for anything else. */
export function readRange(value: LocationQueryValue | LocationQueryValue[] | undefined): Range {
  return typeof value === "string" && Object.hasOwn(RANGES, value) ? (value as Range) : "1h";
}
