import { expect, test, vi } from "vitest";
import { Batches } from "@/live/batches";
import { SseParser } from "@/live/sse";

test("events are read out of pieces that are cut anywhere", () => {
  const text = "retry: 2000\nid: 1\n\nid: 2\nevent: receipt\ndata: {\"a\":1}\n\nid: 3\n\nevent: resync\ndata: {}\n\n";
  for (const size of [1, 7, text.length]) {
    const parser = new SseParser();
    const blocks = [];
    for (let at = 0; at < text.length; at += size) blocks.push(...parser.push(text.slice(at, at + size)));
    expect(blocks).toEqual([
      { id: "1", event: "message", data: null },
      { id: "2", event: "receipt", data: '{"a":1}' },
      { id: "3", event: "message", data: null },
      { id: null, event: "resync", data: "{}" },
    ]);
  }
});

test("10,000 events a minute are four calls a second, and a flood is a resync", () => {
  vi.useFakeTimers();
  const calls: number[] = [];
  let floods = 0;
  const batches = new Batches<number>((values) => calls.push(values.length), () => floods++);
  for (let at = 0; at < 167; at++) {
    batches.add(at);
    vi.advanceTimersByTime(6);
  }
  vi.runAllTimers();
  expect(calls.reduce((sum, count) => sum + count, 0)).toBe(167);
  expect(calls.length).toBeLessThanOrEqual(5);
  for (let at = 0; at < 3000; at++) batches.add(at);
  vi.runAllTimers();
  expect(floods).toBe(1);
  vi.useRealTimers();
});
