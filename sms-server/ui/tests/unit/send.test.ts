import { beforeEach, expect, test, vi } from "vitest";
import { advise, plainText } from "@/lib/advice";
import { countryName } from "@/lib/country";
import { latin } from "@/lib/translit";
import { draft, prefill } from "@/pages/send/draft";
import { fileOfPasted, listedNumbers } from "@/pages/send/many/pasted";
import { expiry, fieldsOf, lacksTime } from "@/pages/send/options";
import { forgetKey, keyOf } from "@/pages/send/single/idempotency";

beforeEach(() => {
  sessionStorage.clear();
  forgetKey();
});

test("a dash that makes a Latin text Unicode is named, and what plain characters save", () => {
  const advice = advise(`${"a".repeat(75)} \u2014 \u201cb\u201d`, false);
  expect(advice).toMatchObject({ encoding: "ucs2", parts: 2, plain: { parts: 1 } });
  expect(advice.forcing.map(({ character }) => character).sort()).toEqual(["\u2014", "\u201c", "\u201d"]);
  expect(advice.plain?.text).toBe(`${"a".repeat(75)} - "b"`);
});

test("in a Russian text no letter is blamed, a dash less saves nothing, Latin letters do", () => {
  const text = "\u041d\u0430\u043f\u043e\u043c\u0438\u043d\u0430\u0435\u043c ".repeat(7) + "\u2014 5";
  const advice = advise(text, false);
  expect(advice.plain).toBeUndefined();
  expect(advice).toMatchObject({ encoding: "ucs2", parts: 2, forcing: [], latin: { parts: 1 } });
});

test.each([
  ["\u0430".repeat(71), 1],
  ["\u0430".repeat(90), 20],
  ["\u0430".repeat(120), undefined],
  [`${"a".repeat(70)}\u2014 \u201cb\u201d`, 5],
  ["a".repeat(161), 1],
  ["a".repeat(160), undefined],
])("the number of characters to remove for a part less, %#", (text, remove) => {
  expect(advise(text, false).remove).toBe(remove);
});

test("characters that take two places are named, in both alphabets", () => {
  expect(advise("5 \u20ac [x]", false).double.map(({ character }) => character)).toEqual(["\u20ac", "[", "]"]);
  expect(advise("\u0430 \u{1f600}", false).double).toMatchObject([{ character: "\u{1f600}", cost: "double" }]);
});

test("with translit the Latin text is measured", () => {
  expect(latin("\u0429\u0443\u043a\u0430, \u0401\u0416 \u0438 \u043f\u043e\u0434\u044a\u0435\u0437\u0434")).toBe("Schuka, EZh i pod'ezd");
  expect(advise("\u0430".repeat(100), true)).toMatchObject({ encoding: "gsm7", parts: 1 });
});

test("plain text has neither soft nor hard spaces", () => {
  expect(plainText("\u00aba\u00a0\u2013\u200bb\u2026\u00bb")).toBe('"a -b..."');
});

test("the country of a number is told in the language of the page", () => {
  expect(countryName("+4915123456789", "en")).toBe("Germany");
  expect(countryName("+77011234567", "en")).toBe("Kazakhstan");
  expect(countryName("+3751", "en")).toBe("Belarus");
  expect(countryName("+79991234567", "en")).toBe("Russia");
});

test("the same content keeps its key until it is accepted, another content has another", () => {
  const first = keyOf("a");
  expect(keyOf("a")).toBe(first);
  expect(first).toMatch(/^[0-9a-f]{32}$/);
  const second = keyOf("b");
  expect(second).not.toBe(first);
  forgetKey();
  expect(keyOf("b")).not.toBe(second);
});

test("the key does not need a secure page", () => {
  vi.stubGlobal("crypto", { getRandomValues: (bytes: Uint8Array) => bytes.fill(7) });
  expect(keyOf("plain http")).toBe("07".repeat(16));
  vi.unstubAllGlobals();
});

test("a time that is wanted and not complete is never at once", () => {
  const options = { from: " ", class: "service", later: true, at: "", deadline: "", translit: false, daytime: null } as const;
  expect(lacksTime(options, "Europe/Moscow")).toBe(true);
  const complete = { ...options, at: "2026-12-01T10:00", deadline: "3600", translit: true };
  expect(lacksTime(complete, "Europe/Moscow")).toBe(false);
  expect(fieldsOf(complete, "Europe/Moscow")).toEqual({
    class: "service", send_at: "2026-12-01T07:00:00.000Z", deadline_seconds: 3600, translit: true,
  });
  expect(expiry(complete, "Europe/Moscow", Date.parse("2026-11-27T00:00:00Z"))).toBe(Date.parse("2026-12-01T08:00:00Z"));
  // An earlier choice of a time does not count when "at once" was chosen after it.
  expect(fieldsOf({ ...complete, later: false }, "Europe/Moscow").send_at).toBeUndefined();
});

test("what is written is kept in the tab, and a link replaces it", () => {
  draft.text = "typed";
  expect(JSON.parse(sessionStorage.getItem("sms.draft") ?? "{}")).toMatchObject({ text: "typed" });
  expect(prefill({})).toBe(false);
  expect(prefill({ to: "+79251234567", text: "again", class: "otp", from: "Clinic" })).toBe(true);
  expect(draft).toMatchObject({ to: "+79251234567", text: "again", class: "otp", from: "Clinic", later: false });
});

test.each([
  ["8 (925) 123-45-67, +7 916 123 45 67; 9031234567", 3],
  ["89251234567\n\n89161234567\n", 2],
  ["89251234567", 1],
  ["89251234567;Anna", null],
  ["7,92512E+10", null],
  ["89251234567\t89161234567", null],
  ["", null],
])("%j as a list of numbers", (text, count) => {
  expect(listedNumbers(text)?.length ?? null).toBe(count);
});

test("numbers in a row become rows, a table goes as it is", () => {
  expect(fileOfPasted("89251234567, 89161234567")).toBe("89251234567\n89161234567");
  expect(fileOfPasted("phone\tname\n89251234567\tAnna")).toBe("phone\tname\n89251234567\tAnna");
});
