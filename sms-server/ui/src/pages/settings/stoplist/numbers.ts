import { readPhone } from "@/lib/phone";

/** At most so many numbers go in one request. */
export const CHUNK = 1000;

/** Numbers found in a text or a file: those of the first cell of each line that looks like one. */
export interface FoundNumbers {
  numbers: string[];
  /** Lines with something else, as a row of headings. */
  skipped: number;
}

/**
 * Reads what was typed, pasted from a spreadsheet, or exported as CSV. Each number counts once. A
 * number as a spreadsheet spoils it (`7,92512E+10`) is no number: its digits are lost.
 */
export function findNumbers(text: string): FoundNumbers {
  const found = new Set<string>();
  let skipped = 0;
  for (const line of text.split(/\r\n?|\n/)) {
    if (line.trim() === "") continue;
    const numbers = line
      .split(/[;,\t]/)
      .map((cell) => readPhone(cell.trim().replace(/^["']+|["']+$/g, "")).e164)
      .filter((number) => number !== null);
    // Further cells are a reason or a time; the reason of this list is asked for once.
    if (numbers[0] === undefined) skipped++;
    else found.add(numbers[0]);
  }
  return { numbers: [...found], skipped };
}

/** Text of a file: UTF-8, else windows-1251, as Russian spreadsheets save it. */
export function decode(bytes: ArrayBuffer): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return new TextDecoder("windows-1251").decode(bytes);
  }
}
