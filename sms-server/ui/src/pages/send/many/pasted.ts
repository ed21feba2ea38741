import { readPhone } from "@/lib/phone";

const MAX_LOOKED_AT = 2000;

/**
 * The numbers of a text that is nothing but numbers, with any separators; null if there is more in
 * it. A space is inside of numbers, so it separates nothing.
 */
export function listedNumbers(text: string): string[] | null {
  // Two columns of numbers are a table: which one is meant is not for this page to guess.
  if (text.includes("\t")) return null;
  const cells = text.split(/[\n\r;,]+/).map((cell) => cell.trim()).filter((cell) => cell !== "");
  const numbers = cells.slice(0, MAX_LOOKED_AT).every((cell) => readPhone(cell).e164 !== null);
  return cells.length > 0 && numbers ? cells : null;
}

/**
 * A pasted list as a file for the server: numbers after each other become a number a line. All
 * else, such as the cells of a spreadsheet, goes as it is: reading it is the server's job.
 */
export function fileOfPasted(text: string): string {
  return listedNumbers(text)?.join("\n") ?? text;
}
