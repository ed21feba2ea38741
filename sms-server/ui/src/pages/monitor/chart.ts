/** A value at each point; null where there is none. */
export type Values = readonly (number | null)[];

export interface Series {
  name: string;
  tone: "accent" | "run" | "ok" | "bad" | "warn";
  /** Pattern of the stroke, so that lines differ by more than colour. */
  dash?: string;
  values: Values;
}

/** Round values from 0 up to or just above `top`: at most `count` steps of 1, 2 or 5 × 10ⁿ. */
export function ticks(top: number, count = 4, least = 0): number[] {
  const wanted = Math.max(top, least * count, Number.MIN_VALUE) / count;
  const power = 10 ** Math.floor(Math.log10(wanted));
  // 0.3 / 0.1 is a little less than 3: without the tolerance a step would be one too large.
  const size = [1, 2, 5, 10].find((factor) => factor * power >= wanted * (1 - 1e-9)) ?? 10;
  const step = Math.max(size * power, least);
  const steps = Math.max(1, Math.ceil((top / step) * (1 - 1e-9)));
  return Array.from({ length: steps + 1 }, (_, at) => Number((at * step).toPrecision(12)));
}

/** The largest value of all lines; 0 without any. */
export function highest(lines: readonly Values[]): number {
  // A loop: a long range has more points than a call takes arguments.
  let top = 0;
  for (const line of lines) for (const value of line) if (value !== null && value > top) top = value;
  return top;
}

/**
 * The path of a line. A gap ends it, and a point between two gaps becomes a short dash, so that it is
 * seen.
 */
export function linePath(values: Values, x: (at: number) => number, y: (value: number) => number): string {
  let path = "";
  values.forEach((value, at) => {
    if (value === null) return;
    const begins = at === 0 || values[at - 1] === null;
    const ends = at === values.length - 1 || values[at + 1] === null;
    const [left, level] = [x(at).toFixed(1), y(value).toFixed(1)];
    path += `${begins ? "M" : "L"}${left} ${level}`;
    if (begins && ends) path += "h4";
  });
  return path;
}

/** Indices of the points that have a label below: at most `count`, at even distances. */
export function labelled(length: number, count: number): number[] {
  const every = Math.max(1, Math.ceil(length / Math.max(1, count)));
  const found: number[] = [];
  for (let at = 0; at < length; at += every) found.push(at);
  return found;
}
