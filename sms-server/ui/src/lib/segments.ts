// The same rules as sms-core/src/message/text.rs; sms-core/tests/vectors/segments.json is checked
// against both.

export type Encoding = "gsm7" | "ucs2";

/** Size of a text on the air. */
export interface TextCount {
  encoding: Encoding;
  /** Length in septets or UTF-16 code units. */
  units: number;
  /** Number of parts; 0 for an empty text. */
  parts: number;
  /** Units that still fit into the last part. */
  left: number;
}

/** A character that forces Unicode, or that takes two places of the 7-bit alphabet. */
export interface CostlyCharacter {
  character: string;
  count: number;
  cost: "unicode" | "double";
}

const SINGLE: Record<Encoding, number> = { gsm7: 160, ucs2: 70 };
const JOINED: Record<Encoding, number> = { gsm7: 153, ucs2: 67 };

// 3GPP TS 23.038 §6.2.1 by position, without the escape.
const DEFAULT = new Set(
  "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?" +
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà",
);
// §6.2.1.1: an escape and a position each.
const EXTENSION = new Set("\f^{}\\[~]|€");

/** Number of septets of a character; undefined if it is not in the 7-bit alphabet. */
export function septets(character: string): 1 | 2 | undefined {
  if (DEFAULT.has(character)) return 1;
  return EXTENSION.has(character) ? 2 : undefined;
}

/** Counts the units and parts of a text. */
export function countParts(text: string): TextCount {
  const total = totalSeptets(text);
  const encoding = total === undefined ? "ucs2" : "gsm7";
  const units = total ?? text.length;
  const limit = units <= SINGLE[encoding] ? SINGLE[encoding] : JOINED[encoding];
  const [parts, last] = divide(text, encoding, units, limit);
  return { encoding, units, parts, left: limit - last };
}

/** The characters that make a text longer than it looks, the most frequent first. */
export function costlyCharacters(text: string): CostlyCharacter[] {
  const counts = new Map<string, number>();
  for (const character of text) {
    if (septets(character) !== 1) counts.set(character, (counts.get(character) ?? 0) + 1);
  }
  const unicode = countParts(text).encoding === "ucs2";
  return [...counts]
    .map(([character, count]): CostlyCharacter => {
      return { character, count, cost: septets(character) === 2 ? "double" : "unicode" };
    })
    // In Unicode, every character of the extension table takes one unit as any other.
    .filter((costly) => !unicode || costly.cost === "unicode")
    .sort((a, b) => b.count - a.count);
}

function totalSeptets(text: string): number | undefined {
  let total = 0;
  for (const character of text) {
    const cost = septets(character);
    if (cost === undefined) return undefined;
    total += cost;
  }
  return total;
}

/** The number of parts, and the units in the last one. */
function divide(text: string, encoding: Encoding, units: number, limit: number): [number, number] {
  if (units === 0) return [0, 0];
  if (units <= limit) return [1, units];
  // A surrogate pair may be split between parts, an escape pair may not.
  if (encoding === "ucs2") return [Math.ceil(units / limit), ((units - 1) % limit) + 1];
  let parts = 1;
  let filled = 0;
  for (const character of text) {
    const cost = septets(character) ?? 0;
    if (filled + cost > limit) [parts, filled] = [parts + 1, cost];
    else filled += cost;
  }
  return [parts, filled];
}
