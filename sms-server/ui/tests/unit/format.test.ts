import { expect, test } from "vitest";
import { russianForm } from "@/i18n";
import { formatMoney, formatNumber } from "@/lib/format/numbers";
import { formatDuration, formatTime, fromZoned, toZoned } from "@/lib/format/times";

const plain = (text: string): string => text.replace(/\u00a0/g, " ");

test("Russian plurals have their three forms", () => {
  const forms = [0, 1, 2, 4, 5, 11, 12, 14, 21, 22, 25, 101, 111, 1.5].map(russianForm);
  expect(forms).toEqual([2, 0, 1, 1, 2, 2, 2, 2, 0, 1, 2, 0, 2, 1]);
});

test("numbers and money read as in the drawings", () => {
  expect(plain(formatNumber(12480, "ru"))).toBe("12 480");
  expect(plain(formatNumber(1240, "ru"))).toBe("1 240");
  expect(plain(formatMoney("1240.5", "ru"))).toBe("1 240,50 ₽");
  expect(plain(formatMoney("0.30", "en"))).toBe("0.30 ₽");
  expect(formatMoney("none", "en")).toBe("none");
});

test.each([
  [-500, "0 ms"], [41, "41 ms"], [900, "0.9 s"], [31_000, "31 s"], [59_700, "1 min"], [80_000, "1 min 20 s"],
  [7_500_000, "2 h 5 min"], [3 * 86_400_000, "3 d"], [Number.NaN, "0 ms"],
])("%d ms is %s", (ms, text) => {
  expect(plain(formatDuration(ms, "en"))).toBe(text);
});

test("times are those of the instance's zone, not of the machine", () => {
  const at = "2026-11-27T09:02:11.000Z";
  const now = Date.parse("2026-11-27T20:00:00Z");
  expect(formatTime(at, "row", "en", "Europe/Moscow", now)).toBe("12:02:11");
  expect(formatTime(at, "row", "en", "Asia/Vladivostok", now)).toContain("27 Nov");
});

test("a time that is typed is taken in the instance's zone, also around a change of the clocks", () => {
  expect(fromZoned("2026-11-27T10:00", "Europe/Moscow")).toBe("2026-11-27T07:00:00.000Z");
  expect(fromZoned("2026-03-29T01:30", "Europe/Berlin")).toBe("2026-03-29T00:30:00.000Z");
  expect(fromZoned("2026-03-29T03:30", "Europe/Berlin")).toBe("2026-03-29T01:30:00.000Z");
  expect(fromZoned("", "Europe/Moscow")).toBeNull();
  expect(toZoned("2026-11-27T07:00:00.000Z", "Europe/Moscow")).toBe("2026-11-27T10:00");
});
