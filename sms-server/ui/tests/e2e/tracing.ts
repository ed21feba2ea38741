import type { Browser, Page } from "playwright-core";

interface TraceEvent {
  name: string;
  ph: string;
  pid: number;
  tid: number;
  /** Microseconds. */
  dur?: number;
  args?: { name?: string };
}

/** What the main threads of pages did. */
export interface Tasks {
  count: number;
  longestMs: number;
}

/** Records what the browser itself says about its tasks while `work` goes on. */
export async function traceTasks(browser: Browser, page: Page, work: () => Promise<void>): Promise<Tasks> {
  await browser.startTracing(page, { categories: ["disabled-by-default-devtools.timeline"] });
  let trace: { traceEvents: TraceEvent[] };
  try {
    await work();
  } finally {
    trace = JSON.parse((await browser.stopTracing()).toString()) as typeof trace;
  }
  const events = trace.traceEvents;
  const thread = ({ pid, tid }: TraceEvent): string => `${pid}:${tid}`;
  const main = new Set(events.filter(({ name, args }) => name === "thread_name" && args?.name === "CrRendererMain").map(thread));
  const tasks = events.filter((event) => event.name === "RunTask" && event.ph === "X" && main.has(thread(event)));
  return { count: tasks.length, longestMs: Math.max(0, ...tasks.map(({ dur = 0 }) => dur / 1000)) };
}
