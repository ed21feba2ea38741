import { QueryObserver } from "@tanstack/vue-query";
import { afterEach, expect, test, vi } from "vitest";
import { every, queryClient } from "@/api/queries";
import { paused } from "@/live/paused";

afterEach(() => {
  paused.value = false;
  vi.useRealTimers();
});

test("a pause stops an interval that runs, and its end starts it again", async () => {
  vi.useFakeTimers();
  let asked = 0;
  const observer = new QueryObserver(queryClient, { queryKey: ["asked"], queryFn: () => ++asked, refetchInterval: every(1000) });
  const stop = observer.subscribe(() => undefined);
  await vi.advanceTimersByTimeAsync(2500);
  expect(asked).toBe(3);
  paused.value = true;
  await vi.advanceTimersByTimeAsync(10_000);
  expect(asked).toBe(3);
  paused.value = false;
  await vi.advanceTimersByTimeAsync(2500);
  expect(asked).toBe(5);
  stop();
});
