import { describe, expect, test } from "vitest";
import { highest, labelled, linePath, ticks } from "@/pages/monitor/chart";
import { usedShare } from "@/pages/monitor/account";
import { laneHistory, note } from "@/pages/monitor/laneHistory";
import { readRange } from "@/pages/monitor/range";

describe("the axis of a chart", () => {
  test.each([
    [0, 1, [0, 1]],
    [3, 1, [0, 1, 2, 3]],
    [66, 1, [0, 20, 40, 60, 80]],
    [80, 1, [0, 20, 40, 60, 80]],
    [900, 1, [0, 500, 1000]],
    [0.3, 0, [0, 0.1, 0.2, 0.3]],
  ])("has round steps up to %d", (top, least, expected) => {
    expect(ticks(top, 4, least)).toEqual(expected);
  });

  test("covers every height with few steps", () => {
    for (let top = 1; top < 1e7; top = Math.ceil(top * 1.13)) {
      const found = ticks(top, 4, 1);
      expect(found.at(-1)).toBeGreaterThanOrEqual(top);
      expect(found.length).toBeLessThanOrEqual(5);
      expect(new Set(found).size).toBe(found.length);
    }
  });

  test("takes its height from all lines, gaps aside", () => {
    expect(highest([[1, null, 4], [null, 2]])).toBe(4);
    expect(highest([[], [null]])).toBe(0);
  });

  test("has at most so many labels", () => {
    expect(labelled(60, 4)).toEqual([0, 15, 30, 45]);
    expect(labelled(288, 5).length).toBeLessThanOrEqual(5);
    expect(labelled(3, 0)).toEqual([0]);
  });
});

describe("a line", () => {
  const draw = (values: (number | null)[]): string => linePath(values, (at) => at * 10, (value) => value);

  test("is broken by a gap, and never bridges it", () => {
    expect(draw([1, 2, null, 3, 4])).toBe("M0.0 1.0L10.0 2.0M30.0 3.0L40.0 4.0");
  });
  test("shows a point between two gaps", () => {
    expect(draw([null, 5, null])).toBe("M10.0 5.0h4");
  });
  test("is nothing without values", () => {
    expect(draw([null, null])).toBe("");
  });
});

test("the history of a lane is bounded", () => {
  const lane = { ready: 0, leased: 0, oldest_age_ms: null };
  for (let ready = 0; ready < 500; ready++) note({ urgent: { ...lane, ready }, normal: lane, bulk: lane });
  expect(laneHistory.urgent.length).toBe(200);
  expect(laneHistory.urgent.at(-1)).toBe(499);
});

test("the URL names one of three ranges", () => {
  expect(readRange("24h")).toBe("24h");
  for (const other of [undefined, null, "", "7d", "toString", ["24h"]]) expect(readRange(other)).toBe("1h");
});

test("the used share of a limit is never more than all of it", () => {
  const account = { senders: [], balance: null, runway: {} };
  expect(usedShare({ ...account, daily_limit: 1000, used_today: 600 })).toBe(0.6);
  expect(usedShare({ ...account, daily_limit: 10, used_today: 12 })).toBe(1);
  expect(usedShare({ ...account, daily_limit: 0, used_today: 0 })).toBe(1);
  expect(usedShare({ ...account, daily_limit: null, used_today: 3 })).toBeNull();
});
