import { describe, expect, test } from "vitest";
import { inDays, readNumbers, standing } from "@/pages/settings/keys/key";
import { decode, findNumbers } from "@/pages/settings/stoplist/numbers";

test("a key is valid until it is revoked or expires", () => {
  const now = Date.parse("2026-11-27T10:00:00Z");
  expect(standing({}, now)).toBe("valid");
  expect(standing({ expires_at: "2026-11-27T10:00:01Z" }, now)).toBe("valid");
  expect(standing({ expires_at: "2026-11-27T10:00:00Z" }, now)).toBe("expired");
  expect(standing({ expires_at: "2026-11-28T10:00:00Z", revoked_at: "2026-11-27T09:00:00Z" }, now)).toBe("revoked");
  expect(inDays(30, now)).toBe("2026-12-27T10:00:00.000Z");
  expect(inDays(null, now)).toBeNull();
});

test("allowed numbers are one in a line, or after commas", () => {
  expect(readNumbers(" +7925 \n\n8903, 8904;")).toEqual(["+7925", "8903", "8904"]);
});

describe("numbers for the stop-list", () => {
  test("are found in any form, each once", () => {
    expect(findNumbers("8 (925) 123-45-67\n+79251234567\r\n89031112233")).toEqual({
      numbers: ["+79251234567", "+79031112233"],
      skipped: 0,
    });
  });
  test("are found in an exported file: the heading, the reason and the time are none", () => {
    const csv = "number;reason;by;added_at\n\"+79251234567\";\"asked, 2026\";admin;2026-11-27T10:00:00Z\n";
    expect(findNumbers(csv)).toEqual({ numbers: ["+79251234567"], skipped: 1 });
  });
  test("spoiled by a spreadsheet are none", () => {
    expect(findNumbers("7,92512E+10\n7.92512E+10")).toEqual({ numbers: [], skipped: 2 });
  });
  test("of a file in windows-1251 are read", () => {
    expect(decode(new Uint8Array([0xcd, 0xee, 0xec, 0xe5, 0xf0]).buffer)).toBe("Номер");
    expect(decode(new TextEncoder().encode("Номер").buffer as ArrayBuffer)).toBe("Номер");
  });
});
