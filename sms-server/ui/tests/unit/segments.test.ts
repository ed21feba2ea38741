import { expect, test } from "vitest";
import { costlyCharacters, countParts } from "@/lib/segments";
import file from "../../../../sms-core/tests/vectors/segments.json";

interface Vector {
  why: string;
  text: [string, number][];
  encoding: string;
  lengths: number[];
}

const vectors = file.vectors as unknown as Vector[];

test.each(vectors.map((vector, at) => [`${at}: ${vector.why}`, vector] as const))("%s", (_, { text, encoding, lengths }) => {
  const counted = countParts(text.map(([piece, times]) => piece.repeat(times)).join(""));
  const units = lengths.reduce((sum, length) => sum + length, 0);
  expect(counted).toMatchObject({ encoding, units, parts: lengths.length });
  const single = encoding === "gsm7" ? 160 : 70;
  const limit = units <= single ? single : single === 160 ? 153 : 67;
  expect(counted.left).toBe(limit - (lengths.at(-1) ?? 0));
});

test("the characters that cost are named, those of the extension table only while they do", () => {
  expect(costlyCharacters("a€b")).toEqual([{ character: "€", count: 1, cost: "double" }]);
  expect(costlyCharacters("a€—b——")).toEqual([{ character: "—", count: 3, cost: "unicode" }]);
});
