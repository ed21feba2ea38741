import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { findings, openPage, startBrowser } from "./browser";
import { startServer, type Running } from "./server";

/** Walks of an operator and a developer: Monitor, Inbox, Settings, the first steps. */
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

const send = (to: string, text: string): Promise<unknown> => server.api("v1/messages", { method: "POST", body: { to, text } });
const dialog = (page: Page) => page.getByRole("dialog");

test("the first steps tick themselves off, and stay away once dismissed", async () => {
  const { page, errors } = await openPage(browser, server);
  await page.goto("inbox");
  const steps = page.getByRole("region", { name: "First steps" });
  await steps.getByText("0 of 3").waitFor();
  await steps.getByText("nothing leaves this machine").waitFor();
  await server.api("v1/keys", { method: "POST", body: { name: "first", kind: "test" } });
  await page.reload();
  await steps.getByText("1 of 3").waitFor();
  await steps.getByRole("button", { name: "Dismiss" }).click();
  await steps.waitFor({ state: "detached" });
  await page.reload();
  await page.getByRole("heading", { name: "Inbox", level: 1 }).waitFor();
  await page.waitForTimeout(500);
  expect(await steps.count()).toBe(0);
  expect(errors).toEqual([]);
});

test("the empty inbox teaches, then shows the code of a message, which is copied", async () => {
  const { page, errors } = await openPage(browser, server);
  await page.goto("inbox");
  await page.getByText("The sandbox is empty").waitFor();
  expect(await page.locator(".empty pre").innerText()).toContain(`${server.url}v1/messages`);
  await send("+79251234567", "Код для входа: 4711");
  await page.getByRole("button", { name: "Copy code 4711" }).waitFor();
  expect(await page.locator(".bubble mark").innerText()).toBe("4711");
  await page.getByRole("article").getByText("Delivered").waitFor();
  await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
  await page.getByRole("button", { name: "Copy code 4711" }).click();
  await page.getByText("Copied").waitFor();
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe("4711");
  expect(errors).toEqual([]);
});

test("what came to the inbox since it was open is counted in the title", async () => {
  const { page } = await openPage(browser, server);
  await page.goto("settings/look");
  await page.getByRole("heading", { level: 1 }).waitFor();
  await send("+79251234568", "Your code is 815 224");
  await page.reload();
  await expect.poll(() => page.title(), { timeout: 30_000 }).toMatch(/^\(1\) /);
  await page.getByRole("link", { name: /Inbox/ }).click();
  await page.locator(".number-row").first().waitFor();
  await expect.poll(() => page.title(), { timeout: 30_000 }).toMatch(/^Inbox/);
});

test("a rule decides the end of a message", async () => {
  const { page } = await openPage(browser, server);
  await page.goto("inbox?tab=rules");
  await page.getByRole("button", { name: "Add a rule" }).click();
  await page.getByLabel("Rule 1: to").fill("12");
  await page.getByRole("button", { name: "Save the rules" }).click();
  await page.getByRole("alert").filter({ hasText: /\S/ }).first().waitFor();
  await page.getByLabel("Rule 1: to").fill("8 925 123-45-99");
  await page.getByLabel("Rule 1: code").fill("207");
  await page.getByRole("button", { name: "Save the rules" }).click();
  await page.getByText("The rules are in force.").waitFor();
  const { id } = (await send("+79251234599", "no way")) as { id: string };
  const status = async (): Promise<unknown> => ((await server.api(`v1/messages/${id}`)) as { status: string }).status;
  await expect.poll(status, { timeout: 30_000 }).toBe("failed");
  await page.getByRole("button", { name: "Remove rule 1" }).click();
  await page.getByRole("button", { name: "Save the rules" }).click();
  await expect.poll(() => server.api("v1/sandbox/rules")).toEqual({ rules: [] });
});

test("a code of the sandbox is told in Russian on Russian pages, and what it said besides stays", async () => {
  await server.api("v1/sandbox/rules", { method: "PUT", body: { rules: [{ to: "+79251234598", action: "fail", code: 207 }] } });
  const ids = await Promise.all(["+79251234598", "+79760000001", "+79760000004"].map((to) => send(to, "end")));
  const [byRule, late, lost] = ids.map((one) => (one as { id: string }).id);
  await server.api("v1/sandbox/rules", { method: "PUT", body: { rules: [] } });
  const { page, errors } = await openPage(browser, server, { language: "ru" });
  await page.goto(`messages/${byRule}`);
  await page.locator(".message-story").getByText("До этого номера нет маршрута").waitFor({ timeout: 30_000 });
  const steps = page.locator(".message-timeline");
  await steps.getByText("До этого номера нет маршрута").waitFor();
  await steps.getByText("песочница отказала, как её и просили").waitFor();
  await page.goto(`messages/${late}`);
  await steps.getByText("Не доставлено: время жизни истекло").waitFor({ timeout: 30_000 });
  await page.goto(`messages/${lost}`);
  await steps.getByText("Песочница потеряла ответ, как её и просили").waitFor({ timeout: 30_000 });
  await page.goto("messages");
  await page.getByText("до этого номера нет маршрута").first().waitFor();
  for (const path of ["messages", `messages/${byRule}`, `messages/${lost}`, "inbox", "monitor"]) {
    await page.goto(path);
    await page.locator("h1").waitFor();
    await page.waitForTimeout(500);
    expect(await page.locator("main").innerText(), path).not.toMatch(/as it was asked|no route|lifetime/);
  }
  expect(errors).toEqual([]);
});

test("the kinds of store and queue are told", async () => {
  const { page } = await openPage(browser, server);
  await page.goto("settings/about");
  await page.getByText("SQLite, a file · accepts messages").waitFor();
  await page.getByText("in the memory of the process · works").waitFor();
});

test("a key is made, used as its curl line does, and revoked", async () => {
  const { page, errors } = await openPage(browser, server);
  await page.goto("settings/keys");
  await page.getByRole("button", { name: "Make a key" }).click();
  await dialog(page).getByLabel("Name").fill("shop");
  await dialog(page).getByRole("button", { name: "Make the key" }).click();
  const secret = await page.locator("[data-secret]").innerText();
  expect(await page.locator("[data-command]").innerText()).toContain(secret);
  // Esc is too easy a way to lose a key for good.
  await page.keyboard.press("Escape");
  expect(await page.locator("[data-secret]").isVisible()).toBe(true);
  const use = (): Promise<Response> =>
    fetch(`${server.url}v1/messages`, {
      method: "POST",
      headers: { Authorization: `Bearer ${secret}`, "Content-Type": "application/json" },
      body: JSON.stringify({ to: "+79251234567", text: "from the shop" }),
    });
  expect((await use()).status).toBe(202);
  await page.getByRole("button", { name: "I have stored it" }).click();
  expect(await page.content()).not.toContain(secret);
  const row = page.getByRole("row", { name: /shop/ });
  await row.getByRole("button", { name: "Rotate" }).click();
  await dialog(page).getByRole("button", { name: "Rotate" }).click();
  expect(await page.locator("[data-secret]").innerText()).not.toBe(secret);
  await page.getByRole("button", { name: "I have stored it" }).click();
  await row.last().getByRole("button", { name: "Revoke" }).click();
  await dialog(page).getByText("cannot be undone").waitFor();
  await dialog(page).getByRole("button", { name: "Revoke" }).click();
  await page.getByText("is revoked").waitFor();
  await expect.poll(async () => (await use()).status, { timeout: 30_000 }).toBe(401);
  expect(errors).toEqual([]);
});

test("the provider is paused with a reason, the banner says how many wait, and resumes", async () => {
  const { page, errors } = await openPage(browser, server);
  await page.goto("monitor");
  await page.getByRole("button", { name: "Pause sending…" }).click();
  await dialog(page).getByText("nothing is lost").waitFor();
  await dialog(page).getByLabel("Reason").fill("the wrong sender name");
  await dialog(page).getByRole("button", { name: "Pause sending" }).click();
  await page.getByRole("status").filter({ hasText: "is paused: the wrong sender name" }).waitFor();
  // Until every worker has paused, a message may still go out.
  await page.getByText("Nothing is sent through sandbox:").waitFor();
  const { id } = (await send("+79251234567", "waits")) as { id: string };
  await page.getByRole("status").filter({ hasText: /[1-9]\d* messages? waits?\./ }).waitFor({ timeout: 30_000 });
  await page.getByRole("button", { name: "Resume sending" }).click();
  const status = async (): Promise<unknown> => ((await server.api(`v1/messages/${id}`)) as { status: string }).status;
  await expect.poll(status, { timeout: 40_000 }).toBe("delivered");
  await page.getByText("Messages go out through sandbox").waitFor();
  expect(errors).toEqual([]);
});

test("the charts have tables, the range lives in the URL, and a code leads to its messages", async () => {
  await send("+79760000002", "is refused");
  const { page } = await openPage(browser, server);
  await page.goto("monitor");
  await page.getByText("Show as a table").first().click();
  expect(await page.locator(".figures tbody tr").count()).toBeGreaterThan(50);
  await page.getByRole("link", { name: "24 h" }).click();
  await page.waitForURL(/range=24h/);
  await page.reload();
  expect(await page.getByRole("link", { name: "24 h" }).getAttribute("aria-current")).toBe("true");
  await page.getByRole("link", { name: "Show the messages with the code 202" }).click();
  await page.waitForURL(/messages\?.*code=202/);
});

test("a number is put on the stop-list from a pasted list, found, and removed", async () => {
  const { page } = await openPage(browser, server);
  await page.goto("settings/stoplist");
  await page.getByRole("button", { name: "Add numbers" }).click();
  await dialog(page).getByLabel("Numbers").fill("number\n8 (903) 111-22-33;asked\n+79251110000");
  await dialog(page).getByText("2 numbers; 1 line without a number is left out").waitFor();
  await dialog(page).getByLabel("Reason").fill("asked for it");
  await dialog(page).getByRole("button", { name: "Add 2 numbers" }).click();
  await page.getByText("2 new on the stop-list.").waitFor();
  await page.getByLabel("Find a number").fill("8 903 111 22 33");
  await page.waitForURL(/to=/);
  await expect.poll(() => page.locator("tbody tr").count()).toBe(1);
  await page.getByRole("button", { name: "Remove" }).click();
  await dialog(page).getByRole("button", { name: "Remove" }).click();
  await page.getByText("This number is not on the list").waitFor();
});

test("a link signs in once, in its own name; another session is ended, and this one signs out", async ({ skip }) => {
  const link = server.signinLink("Olga");
  if (link === null) return skip();
  const context = await browser.newContext();
  const olga = await context.newPage();
  await olga.goto(link);
  await olga.waitForURL(/\/send$/);
  expect(olga.url()).not.toContain("#");
  const cookie = (await context.cookies()).find(({ name }) => name.endsWith("sms_session"));
  expect(cookie).toMatchObject({ httpOnly: true, sameSite: "Strict" });

  const second = await (await browser.newContext()).newPage();
  await second.goto(link);
  await second.getByText("This link was used already").waitFor();

  const { page } = await openPage(browser, server);
  await page.goto("settings/sessions");
  await page.getByRole("row", { name: /Olga/ }).getByRole("button", { name: "End" }).click();
  await dialog(page).getByRole("button", { name: "End" }).click();
  await page.getByText("The session is ended.").waitFor();
  await olga.goto(`${server.url}monitor`);
  await olga.getByRole("heading", { name: "Sign in", level: 1 }).waitFor({ timeout: 30_000 });

  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByRole("heading", { name: "Sign in", level: 1 }).waitFor();
  expect((await page.context().request.get("ui/session")).status()).toBe(401);
});

test("language and theme are chosen in the settings", async () => {
  const { page } = await openPage(browser, server);
  await page.goto("settings/look");
  await page.getByLabel("Русский").check();
  await page.getByRole("heading", { name: "Настройки", level: 1 }).waitFor();
  await page.getByLabel("Тёмная").check();
  await page.reload();
  await page.getByRole("heading", { name: "Настройки", level: 1 }).waitFor();
  expect(await page.locator("html").getAttribute("data-theme")).toBe("dark");
});

test("without a stream the page polls, says so, and stays right", async () => {
  const { page } = await openPage(browser, server);
  await page.route(/\/v1\/events$/, (route) => route.abort());
  await page.goto("inbox");
  await page.getByText("Live updates are interrupted.").waitFor({ timeout: 40_000 });
  await send("+79251230777", "Your code is 9031");
  await page.getByRole("button", { name: "Copy code 9031" }).waitFor({ timeout: 40_000 });
});

test("a session that may only read sees the state and no buttons that change it", async ({ skip }) => {
  const link = server.signinLink("Ivan", "read");
  if (link === null) return skip();
  const page = await (await browser.newContext()).newPage();
  await page.goto(link);
  await page.waitForURL(/\/send$/);
  await page.goto(`${server.url}monitor`);
  await page.getByText("Pausing and resuming needs the permission admin.").waitFor();
  await page.getByText("Messages a minute").waitFor();
  expect(await page.getByRole("button", { name: "Pause sending…" }).count()).toBe(0);
  await page.goto(`${server.url}settings/keys`);
  await page.getByText("This needs the permission admin.").waitFor();
});

test("at 360 px a row of the settings is a card: nothing scrolls sideways, no word is broken", async () => {
  const reason = "попросил больше не присылать напоминаний о визите";
  await server.api("v1/stoplist", { method: "POST", body: { numbers: ["+79031112277"], reason } });
  await server.api("v1/keys", { method: "POST", body: { name: "Интернет-магазин на Лесной", scopes: ["send", "read"] } });
  const { page } = await openPage(browser, server, { language: "ru", width: 360 });
  for (const path of ["settings/stoplist", "settings/keys", "settings/clients", "settings/sessions", "inbox?tab=rules", "monitor"]) {
    await page.goto(path);
    await page.locator(".cards tbody tr").first().waitFor();
    const hidden = await page.locator(".cards").last().evaluate((table) => table.scrollWidth - table.clientWidth);
    expect(hidden, path).toBeLessThanOrEqual(0);
  }
  await page.goto("settings/stoplist");
  const cell = page.getByText(reason);
  await cell.waitFor();
  expect(await cell.evaluate((element) => element.getBoundingClientRect().width)).toBeGreaterThan(150);
  expect(await findings(page)).toEqual([]);
});

describe.each(["light", "dark"] as const)("axe, %s", (theme) => {
  const PAGES = ["monitor", "inbox", "inbox?tab=rules", ...["keys", "clients", "stoplist", "sessions", "look", "about"].map((tab) => `settings/${tab}`)];
  test("finds nothing serious, at 360 px neither, and nothing scrolls sideways", { timeout: 120_000 }, async () => {
    for (const width of [1280, 360]) {
      const { page, errors } = await openPage(browser, server, { theme, width, language: width === 360 ? "ru" : "en" });
      for (const path of PAGES) {
        await page.goto(path);
        await page.locator("h1").waitFor();
        await page.locator(".skel").first().waitFor({ state: "detached", timeout: 30_000 }).catch(() => null);
        expect(await findings(page), path).toEqual([]);
        expect(await page.evaluate(() => document.documentElement.scrollWidth), path).toBeLessThanOrEqual(width);
      }
      expect(errors).toEqual([]);
      await page.context().close();
    }
  });
});
