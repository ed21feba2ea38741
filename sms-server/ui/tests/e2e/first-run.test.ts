import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { findings, openPage, startBrowser } from "./browser";
import { startServer, type Running } from "./server";
import { startSimulator, type Simulator } from "./simulator";

/** A new installation: first with the sandbox, then with an account at sms.ru. */
let browser: Browser;
beforeAll(async () => {
  browser = await startBrowser();
});
afterAll(() => browser?.close());

const steps = (page: Page) => page.getByRole("region", { name: "First steps" });
const field = (page: Page, name: string) => page.getByLabel(name, { exact: true });

describe("with the sandbox", () => {
  let server: Running;
  beforeAll(async () => {
    // Without an admin key the server makes one, and prints a link.
    server = await startServer({ SMS_ADMIN_KEY: "" });
  });
  afterAll(() => server?.stop());

  test("the printed link leads to Send, a first message is prepared, and the inbox shows it", async () => {
    const context = await browser.newContext({ locale: "en-GB" });
    const page = await context.newPage();
    const errors: string[] = [];
    page.on("pageerror", (error) => errors.push(String(error)));
    expect(server.firstLink?.startsWith(`${server.url}signin#`)).toBe(true);
    await page.goto(server.firstLink ?? "");
    await page.waitForURL(`${server.url}send`);
    await steps(page).getByText("Sandbox: nothing leaves this machine.").waitFor();
    // The key of the first start is the first step.
    await steps(page).getByText("1 of 3").waitFor();
    await steps(page).getByRole("link", { name: "Send a first message" }).click();
    await page.waitForURL(`${server.url}send`);
    expect(await field(page, "To").inputValue()).toBe("+79251234567");
    expect(await field(page, "Text").inputValue()).toBe("Your code is 4711");
    await page.getByRole("button", { name: "Send", exact: true }).click();
    await page.getByRole("listitem").filter({ hasText: "Delivered" }).waitFor();
    await steps(page).getByRole("link", { name: "See it in the inbox" }).click();
    await page.waitForURL(`${server.url}inbox`);
    await page.getByRole("button", { name: "Copy code 4711" }).waitFor();
    // The link has worked once.
    const again = await (await browser.newContext({ locale: "en-GB" })).newPage();
    await again.goto(server.firstLink ?? "");
    await again.getByText("This link was used already").waitFor();
    expect(errors).toEqual([]);
  });
});

describe("with sms.ru", () => {
  let simulator: Simulator;
  let server: Running;
  beforeAll(async () => {
    simulator = await startSimulator("--balance", "1000", "--price", "2.30", "--daily-limit", "500", "--sender", "Acme");
    server = await startServer({ SMS_PROVIDER: `${simulator.url}?poll_first_seconds=1`, SMS_TIMEZONE: zoneAtNoon() });
  });
  afterAll(async () => {
    await server?.stop();
    await simulator?.stop();
  });

  test("the three steps tick themselves off, and the card says that everything is set up", async () => {
    const { page, errors } = await openPage(browser, server);
    await page.goto("send");
    await steps(page).getByText("1 of 3").waitFor();
    expect(await steps(page).getByText("nothing leaves this machine").count()).toBe(0);
    await steps(page).getByRole("link", { name: "Make a key" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Name").fill("shop");
    await dialog.getByRole("button", { name: "Make the key" }).click();
    await page.getByRole("button", { name: "I have stored it" }).click();
    await page.getByRole("link", { name: "Send", exact: true }).click();
    await steps(page).getByText("2 of 3").waitFor();
    await steps(page).getByText("sms-server callback add").waitFor();
    expect(server.run("callback", "add", server.origin)).toContain(`${server.origin}/callbacks/`);
    // The first report ticks the last step, while the page is open.
    await field(page, "To").fill("8 925 123-45-67");
    await field(page, "Text").fill("Your order is ready");
    await page.getByRole("button", { name: "Send", exact: true }).click();
    await page.getByRole("listitem").filter({ hasText: "Delivered" }).waitFor({ timeout: 30_000 });
    await steps(page).getByText("3 of 3").waitFor({ timeout: 30_000 });
    await steps(page).getByText("Everything is set up.").waitFor();
    expect(await findings(page)).toEqual([]);
    // It has said so: the next time there is no card.
    await page.reload();
    await page.getByRole("heading", { name: "Send", level: 1 }).waitFor();
    await steps(page).waitFor({ state: "detached" });
    expect(errors).toEqual([]);
  });

  test("the cost is told before and after, with the balance, how long it lasts, and the daily limit", async () => {
    const { page, errors } = await openPage(browser, server);
    await page.goto("send");
    await field(page, "To").fill("+7 925 765-43-21");
    await field(page, "Text").fill("Привет! ".repeat(20));
    // 160 Cyrillic letters are three parts.
    await page.locator("form").getByText(/6\.90/).waitFor();
    await page.getByRole("button", { name: "Send", exact: true }).click();
    const row = page.getByRole("listitem").filter({ hasText: "Delivered" });
    await row.waitFor({ timeout: 30_000 });
    await row.getByRole("link").click();
    // A report has no cost; the worker asks for it within seconds.
    await page.locator("dl.kv").getByText(/6\.90/).waitFor({ timeout: 40_000 });
    await page.goto("messages");
    await page.locator("tbody tr").first().getByText(/6\.90/).waitFor();
    await page.goto("monitor");
    await page.getByText("Messages go out through sms.ru as they come.").waitFor();
    const figures = page.locator("dl.kv").filter({ hasText: "Balance" });
    const figure = (name: string) => figures.locator("dt", { hasText: name }).locator("xpath=following-sibling::dd[1]");
    // 2.30 went for the first message. The account is asked for at most every 15 s.
    await expect.poll(() => figure("Balance").innerText(), { timeout: 30_000 }).toContain("990.80");
    await expect.poll(() => figure("Spent today").innerText(), { timeout: 30_000 }).toContain("9.20");
    expect(await figure("Lasts").innerText()).toMatch(/^about \d+(\.\d)? days?$/);
    expect(await figure("Daily limit").innerText()).toMatch(/^2 of 500/);
    expect(await figure("Sender names").innerText()).toContain("Acme");
    expect(await figure("Reports").innerText()).toMatch(/by callback/);
    expect(errors).toEqual([]);
  });
});

/** A zone in which it is about noon: in the first minutes of a day nobody can tell how long money lasts. */
function zoneAtNoon(): string {
  const ahead = 12 - new Date().getUTCHours();
  // In these names the sign is the other way round.
  return ahead === 0 ? "Etc/GMT" : `Etc/GMT${ahead > 0 ? "-" : "+"}${Math.abs(ahead)}`;
}
