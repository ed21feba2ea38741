import { describe, expect, test } from "vitest";
import { body, newRule, readShare, typed } from "@/pages/inbox/rules";
import { pieces, threads, type SandboxMessage } from "@/pages/inbox/threads";

const at = (to: string, created_at: string): SandboxMessage => ({ id: to + created_at, to, created_at }) as SandboxMessage;

describe("phones", () => {
  test("are in the order of their newest message, with what is new", () => {
    const found = threads(
      [at("+2", "2026-11-27T10:00:03Z"), at("+1", "2026-11-27T10:00:02Z"), at("+2", "2026-11-27T10:00:01Z")],
      "2026-11-27T10:00:01.5Z",
    );
    expect(found.map((phone) => [phone.number, phone.messages.length, phone.fresh])).toEqual([["+2", 2, 1], ["+1", 1, 1]]);
  });
});

describe("the code in a text", () => {
  const shown = (text: string | null, found_code: string | null): string =>
    pieces({ text, found_code } as SandboxMessage).map((piece) => (piece.code ? `[${piece.text}]` : piece.text)).join("");

  test("is marked as it is written", () => {
    expect(shown("Код 4711.", "4711")).toBe("Код [4711].");
    expect(shown("471-121 is it", "471121")).toBe("[471-121] is it");
  });
  test("is not a part of a longer number", () => {
    expect(shown("Order 104711, code 4711", "4711")).toBe("Order 104711, code [4711]");
  });
  test("may be absent, as may the text", () => {
    expect(shown("Hello", null)).toBe("Hello");
    expect(shown(null, null)).toBe("");
    expect(shown("Hello (", "(")).toBe("Hello (");
  });
});

describe("rules", () => {
  test("go to the server and back without a change", () => {
    const rules = [
      { to: "+79251234567", action: "fail" as const, code: 207 },
      { share: 0.07, action: "undelivered" as const },
      { action: "delay" as const, seconds: 60 },
    ];
    expect(typed(rules)[1]?.share).toBe("7");
    expect(body(typed(rules))).toEqual(rules);
  });
  test("leave out what does not belong to the action", () => {
    expect(body([{ ...newRule(), action: "silent", code: "207", seconds: "9" }])).toEqual([{ action: "silent" }]);
  });
  test.each([["", null], ["10", 0.1], ["2,5 %", 0.025], ["0", 0], ["100", 1], ["101", undefined], ["-1", undefined], ["x", undefined]])(
    "read the share %j",
    (share, expected) => expect(readShare(share)).toBe(expected),
  );
});
