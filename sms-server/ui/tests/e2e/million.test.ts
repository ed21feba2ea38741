import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { Browser, Page, Request } from "playwright-core";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { openPage, startBrowser } from "./browser";
import { startServer, type Running } from "./server";

/**
 * Every page over many stored messages: MILLION=1000000. With MILLION_STORE, a folder, the filled store
 * is kept there for the next time.
 */
const COUNT = Number(process.env["MILLION"] ?? 0);
const KEPT = process.env["MILLION_STORE"];
const WAIT_MS = 300;
const ROUNDS = 3;
/** Long enough for what a page asks for after its first replies. */
const SETTLED_MS = 800;

let folder: string;
let server: Running;
let browser: Browser;

beforeAll(async () => {
  if (COUNT === 0) return;
  folder = KEPT === undefined ? mkdtempSync(join(tmpdir(), "sms-million-")) : resolve(KEPT);
  mkdirSync(folder, { recursive: true });
  const settings = { SMS_STORE: `sqlite:${folder}/sms.db` };
  if (!existsSync(`${folder}/sms.db`)) {
    await sendSeeds(settings);
    console.info(execFileSync("python3", [join(import.meta.dirname, "million.py"), `${folder}/sms.db`, String(COUNT)], { encoding: "utf8" }));
  }
  server = await startServer(settings);
  await vi.waitFor(async () => expect(await counted(server)).toBeGreaterThanOrEqual(COUNT), { timeout: 1_200_000, interval: 5000 });
  browser = await startBrowser();
}, 3_600_000);
afterAll(async () => {
  await browser?.close();
  await server?.stop();
  if (folder && KEPT === undefined) rmSync(folder, { recursive: true, force: true });
});

/** One message of each kind of end, sent by the server itself. */
async function sendSeeds(settings: Record<string, string>): Promise<void> {
  const first = await startServer(settings);
  for (const to of ["+79251234567", "+79760000001", "+79760000002", "+79760000004"]) {
    await first.api("v1/messages", { method: "POST", body: { to, text: "Ваш заказ готов" } });
  }
  const open = async (): Promise<number> => {
    const { data } = (await first.api("v1/messages")) as { data: { status: string }[] };
    return data.filter(({ status }) => ["queued", "sending", "sent"].includes(status)).length;
  };
  await vi.waitFor(async () => expect(await open()).toBe(0), { timeout: 60_000, interval: 500 });
  // The rows for the charts are copied from those of these messages.
  await vi.waitFor(async () => expect(await counted(first)).toBeGreaterThan(0), { timeout: 60_000, interval: 500 });
  await first.stop();
}
/** What the charts know of: the server catches up with the log by itself. */
async function counted(of: Running): Promise<number> {
  const from = new Date(Date.now() - 40 * 86_400_000).toISOString();
  const { points } = (await of.api(`v1/stats/series?step_seconds=86400&from_time=${from}`)) as { points: { accepted: number }[] };
  return points.reduce((sum, { accepted }) => sum + accepted, 0);
}

/** How long each request of the API took for the page, in milliseconds, by its path. */
async function requests(page: Page, open: ReadonlySet<Request>): Promise<Map<string, number>> {
  await page.waitForTimeout(SETTLED_MS);
  // One that has not come to its end has no time yet.
  await expect.poll(() => open.size, { timeout: 60_000 }).toBe(0);
  const entries = await page.evaluate(() =>
    (performance.getEntriesByType("resource") as PerformanceResourceTiming[])
      .filter(({ name, responseEnd }) => new URL(name).pathname.startsWith("/v1/") && responseEnd > 0)
      .map(({ name, startTime, responseEnd }) => ({ path: new URL(name).pathname + new URL(name).search, ms: responseEnd - startTime })),
  );
  const found = new Map<string, number>();
  for (const { path, ms } of entries) {
    // Times in a query move with the clock.
    const name = decodeURIComponent(path).replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, "TIME");
    found.set(name, Math.max(ms, found.get(name) ?? 0));
  }
  return found;
}

const ROWS = "tbody tr";
const LIST: Record<string, string> = {
  "all": "messages",
  "delivered": "messages?status=delivered",
  "what failed": "messages?status=undelivered,failed",
  "what is unknown": "messages?status=unknown",
  "a class that is nowhere": "messages?class=otp",
  "a code": "messages?code=202",
  "a reference": "messages?reference=batch-500",
  "a reference that is nowhere": "messages?reference=nowhere",
  "the last 24 hours": "messages?period=24h",
  "failed in the last 7 days": "messages?period=7d&status=failed",
  "a number": "messages?q=%2B79250000777",
  "a part of a number": "messages?q=0000777",
  "a part of a text": "messages?q=" + encodeURIComponent("заказ 777"),
  "a text that is nowhere": "messages?q=nowhere",
  "a text that is nowhere, of a state": "messages?q=nowhere&status=delivered",
};
const PAGES: Record<string, string> = {
  ...Object.fromEntries(Object.entries(LIST).map(([name, path]) => [`Messages, ${name}`, path])),
  "Monitor, 1 h": "monitor",
  "Monitor, 24 h": "monitor?range=24h",
  "Monitor, 72 h": "monitor?range=72h",
  "Send": "send",
  "Several recipients": "send/many",
  "Inbox": "inbox",
  ...Object.fromEntries(["keys", "clients", "stoplist", "sessions", "look", "about"].map((tab) => [`Settings, ${tab}`, `settings/${tab}`])),
};

test.runIf(COUNT > 0)("no page waits for its data", { timeout: 1_200_000 }, async () => {
  const { page, errors } = await openPage(browser, server);
  const open = new Set<Request>();
  page.on("request", (request) => /\/v1\/(?!events$)/.test(request.url()) && open.add(request));
  page.on("requestfinished", (request) => open.delete(request));
  page.on("requestfailed", (request) => open.delete(request));
  const slow: string[] = [];
  const measure = async (name: string, show: () => Promise<unknown>): Promise<void> => {
    const rounds: Map<string, number>[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      await show();
      await page.locator("h1").waitFor();
      await page.waitForFunction(() => document.querySelector(".skel") === null);
      rounds.push(await requests(page, open));
    }
    const paths = new Set(rounds.flatMap((round) => [...round.keys()]));
    const medians = [...paths].map((path) => {
      const times = rounds.flatMap((round) => round.get(path) ?? []).sort((a, b) => a - b);
      return { path, ms: times[Math.floor(times.length / 2)] ?? 0 };
    });
    medians.sort((a, b) => b.ms - a.ms);
    const [worst] = medians;
    console.info(`${name}: ${medians.length} requests, the slowest ${worst?.ms.toFixed(0) ?? "–"} ms: ${worst?.path ?? "none"}`);
    slow.push(...medians.filter(({ ms }) => ms > WAIT_MS).map(({ path, ms }) => `${name}: ${path}: ${ms.toFixed(0)} ms`));
  };

  for (const [name, path] of Object.entries(PAGES)) await measure(name, () => page.goto(path));
  await page.goto("messages");
  const older = (await page.getByRole("link", { name: "Older" }).getAttribute("href")) ?? "";
  await measure("Messages, an older page", () => page.goto(older));
  const id = (await page.locator(`${ROWS} a`).first().getAttribute("href")) ?? "";
  await measure("A message", () => page.goto(id));
  expect(slow).toEqual([]);
  expect(errors).toEqual([]);
});
