import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { findings, openPage, startBrowser } from "./browser";
import { startServer, type Running } from "./server";

let server: Running;
let browser: Browser;
beforeAll(async () => {
  server = await startServer();
  browser = await startBrowser();
});
afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

for (const theme of ["light", "dark"] as const) {
  test(`the frame opens under a strict CSP, and axe finds nothing, ${theme}`, async () => {
    const { page, errors } = await openPage(browser, server, { theme });
    await page.goto("messages");
    await page.getByRole("heading", { name: "Messages", level: 1 }).waitFor();
    await page.getByRole("banner").getByText("e2e").waitFor();
    expect(await page.locator("html").getAttribute("data-theme")).toBe(theme);
    expect(await findings(page)).toEqual([]);
    expect(errors).toEqual([]);
  });
}

test("a page shows no sideways scrolling at 360 px, in Russian", async () => {
  const { page } = await openPage(browser, server, { language: "ru", width: 360 });
  await page.goto("send");
  await page.getByRole("heading", { name: "Отправить", level: 1 }).waitFor();
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(360);
});

test("one stream of events per tab opens, and stays open", async () => {
  const { page } = await openPage(browser, server);
  const streams: number[] = [];
  page.on("response", (response) => {
    if (response.url().endsWith("/v1/events")) streams.push(response.status());
  });
  await page.goto("send");
  await page.getByRole("heading", { level: 1 }).waitFor();
  await page.waitForTimeout(2500);
  expect(streams).toEqual([200]);
  expect(await page.getByText("Live updates are interrupted").count()).toBe(0);
});

test("language and theme are switched in the frame, and remembered", async () => {
  const { page } = await openPage(browser, server);
  await page.goto("send");
  await page.getByRole("button", { name: "Русский" }).click();
  await page.getByRole("heading", { name: "Отправить", level: 1 }).waitFor();
  await page.getByLabel("Тема").selectOption("dark");
  await page.reload();
  await page.getByRole("heading", { name: "Отправить", level: 1 }).waitFor();
  expect(await page.locator("html").getAttribute("data-theme")).toBe("dark");
  expect(await page.locator("html").getAttribute("lang")).toBe("ru");
});

test("the question mark opens the help on a Russian layout, and Escape closes it", async () => {
  const { page } = await openPage(browser, server);
  await page.goto("send");
  await page.getByRole("heading", { level: 1 }).waitFor();
  await page.evaluate(() =>
    document.dispatchEvent(new KeyboardEvent("keydown", { key: ",", code: "Slash", shiftKey: true, bubbles: true })),
  );
  await page.getByRole("dialog").waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "hidden" });
});

test("the session ends under a page: it is asked for over the page, which stays", async () => {
  const { page } = await openPage(browser, server);
  await page.goto("send");
  await page.getByRole("heading", { level: 1 }).waitFor();
  await page.route("**/v1/**", (route) => route.fulfill({ status: 401, json: { code: "unauthorized", detail: "" } }));
  await page.reload();
  await page.getByRole("dialog").waitFor();
  await page.keyboard.press("Escape");
  await page.keyboard.press("Escape");
  await page.waitForTimeout(200);
  expect(await page.getByRole("dialog").isVisible()).toBe(true);
  await expect(page.locator("h1").count()).resolves.toBe(1);
});
