import { expect, test } from "vitest";
import { costNotes, totalOf, unknownCost } from "@/pages/send/many/costWords";

test("an exact total stands for itself, an estimate tells by how many prices it is", () => {
  const exact = { on_stop_list: 0, cost: { total: "3.45", exact: true, asked: 1, refused: 0 } };
  expect(totalOf(exact)).toEqual({ total: "3.45", exact: true });
  expect(costNotes(exact)).toEqual([]);
  const about = { on_stop_list: 2, cost: { total: "1424.50", exact: false, asked: 100, refused: 3 } };
  expect(totalOf(about)).toEqual({ total: "1424.50", exact: false });
  expect(costNotes(about)).toEqual([
    { key: "cost_by", values: { count: 100 }, number: 100 },
    { key: "cost_refused", values: { count: 3, asked: 100 }, number: 3 },
    { key: "cost_stopped", values: { count: 2 }, number: 2 },
  ]);
});

test("an unknown cost is never a zero, and says why", () => {
  const unknown = { on_stop_list: 0, cost: { total: null, exact: false, asked: 5, refused: 0, unknown: "paused" as const } };
  expect(totalOf(unknown)).toBeNull();
  expect(unknownCost(unknown)).toBe("paused");
  expect(costNotes(unknown)).toEqual([]);
  expect(totalOf({})).toBeNull();
  expect(unknownCost({})).toBe("other");
  // All are on the stop-list: the total is known, and it is nothing.
  expect(totalOf({ cost: { total: "0", exact: true, asked: 0, refused: 0 } })).toEqual({ total: "0", exact: true });
});
