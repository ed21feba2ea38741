import { costlyCharacters, countParts, type CostlyCharacter, type TextCount } from "./segments";
import { latin } from "./translit";

/** The size of a text, and what would make it cheaper. Only what helps is there. */
export interface Advice extends TextCount {
  /** Code points, as a person counts. */
  characters: number;
  /** The few characters without which the text would not be Unicode. */
  forcing: CostlyCharacter[];
  /** Characters that take two places. */
  double: CostlyCharacter[];
  /** The text with plain dashes, quotes and spaces, and its parts, if that makes it shorter. */
  plain?: { text: string; parts: number };
  /** The text to send in Latin letters, with plain dashes and quotes, and its parts, if they are fewer. */
  latin?: { text: string; parts: number };
  /** Characters to remove for one part fewer, if they are few. */
  remove?: number;
}

/** A message may have no more. */
export const MAX_PARTS = 8;

const MAX_NAMED = 6;
const MAX_REMOVED = 25;
/** Any character of one unit that is not in the 7-bit alphabet. */
const UNICODE = "\u2014";

// Typographic characters that keyboards and word processors put in place of plain ones.
const PLAIN: readonly [RegExp, string][] = [
  [/[\u2010-\u2015\u2212]/g, "-"],
  [/[\u00ab\u00bb\u201c-\u201f\u2033]/g, '"'],
  [/[\u2018-\u201b\u2032\u00b4`]/g, "'"],
  [/\u2026/g, "..."],
  [/[\u00a0\u2000-\u200a\u202f\u205f\t]/g, " "],
  [/[\u200b-\u200f\u2060\ufeff\u00ad\ufe0f]/g, ""],
  [/[\u2022\u00b7]/g, "*"],
  [/\u2116/g, "No."],
];

/** A text with plain characters in place of typographic ones. */
export function plainText(text: string): string {
  return PLAIN.reduce((plain, [pattern, by]) => plain.replace(pattern, by), text);
}

/** Measures a text as it is sent. */
export function advise(typed: string, translit: boolean): Advice {
  const sent = (text: string): string => (translit ? latin(text) : text);
  const text = sent(typed);
  const count = countParts(text);
  const advice: Advice = { ...count, characters: [...typed].length, forcing: [], double: doubles(text, count) };
  if (count.encoding === "ucs2") {
    advice.forcing = forcing(text);
    const plain = plainText(typed);
    const plainCount = countParts(sent(plain));
    // A dash less in a Russian text changes nothing: it stays Unicode.
    if (plainCount.parts < count.parts) advice.plain = { text: plain, parts: plainCount.parts };
    if (!translit) {
      const parts = countParts(latin(plain)).parts;
      if (parts < count.parts) advice.latin = { text: plain, parts };
    }
  }
  const remove = toRemove(text, count);
  if (remove !== undefined) advice.remove = remove;
  return advice;
}

/** The characters that force Unicode, if they are few: nobody replaces each letter of a language. */
function forcing(text: string): CostlyCharacter[] {
  const found = costlyCharacters(text);
  const total = found.reduce((sum, { count }) => sum + count, 0);
  return found.length <= MAX_NAMED && total <= Math.max(3, text.length * 0.15) ? found : [];
}

/** Extension characters of the 7-bit alphabet, or what is outside of the basic plane in Unicode. */
function doubles(text: string, count: TextCount): CostlyCharacter[] {
  if (count.encoding === "gsm7") return costlyCharacters(text).slice(0, MAX_NAMED);
  return costlyCharacters(text)
    .filter(({ character }) => character.length === 2)
    .map((costly): CostlyCharacter => ({ ...costly, cost: "double" }))
    .slice(0, MAX_NAMED);
}

function toRemove(text: string, { parts, encoding }: TextCount): number | undefined {
  if (parts < 2) return undefined;
  // Whichever are removed, so those that force Unicode count as still there.
  const stays = encoding === "ucs2" ? UNICODE : "";
  const characters = [...text];
  for (let removed = 1; removed <= MAX_REMOVED; removed++) {
    const rest = characters.slice(0, -(removed + stays.length)).join("") + stays;
    if (countParts(rest).parts < parts) return removed;
  }
  return undefined;
}
