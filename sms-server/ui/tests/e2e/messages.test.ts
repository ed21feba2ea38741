import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { findings, openPage, startBrowser } from "./browser";
import { startServer, type Running } from "./server";

let server: Running;
let browser: Browser;
beforeAll(async () => {
  server = await startServer();
  browser = await startBrowser();
  await send("+79031110000");
  await send("+79031110001");
});
afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

const tomorrow = (): string => new Date(Date.now() + 86_400_000).toISOString();

async function send(to: string, more: Record<string, unknown> = {}): Promise<string> {
  const body = { to, text: "Ваш заказ готов", ...more };
  return ((await server.api("v1/messages", { method: "POST", body })) as { id: string }).id;
}
async function sendMany(count: number, more: Record<string, unknown>): Promise<void> {
  const messages = Array.from({ length: count }, (_, at) => ({ to: `+7925${1_000_000 + at}`, text: "Ваш заказ готов", ...more }));
  await server.api("v1/messages/batch", { method: "POST", body: { messages } });
}
async function statusOf(id: string): Promise<string> {
  return ((await server.api(`v1/messages/${id}`)) as { status: string }).status;
}
async function reaches(id: string, status: string): Promise<void> {
  await expect.poll(() => statusOf(id), { timeout: 40_000 }).toBe(status);
}
const rows = (page: Page) => page.locator("tbody tr");
const heading = (page: Page) => page.getByRole("heading", { level: 1 });

test("a message is found by its number, and the way back is the browser's", async () => {
  await send("+79031112233");
  await send("+79031112244");
  const { page, errors } = await openPage(browser, server);
  await page.goto("messages");
  await rows(page).first().waitFor();
  await page.keyboard.press("/");
  await page.keyboard.type("8 (903) 111-22-33");
  await expect.poll(() => rows(page).count()).toBe(1);
  expect(new URL(page.url()).searchParams.get("q")).toBe("8 (903) 111-22-33");
  // The number is masked until it is asked for.
  expect(await rows(page).innerText()).toContain("+7 903 ***-**-33");
  await rows(page).getByText("Ваш заказ").click();
  await heading(page).getByText("+7 903 ***-**-33").waitFor();
  await page.getByRole("button", { name: "show" }).click();
  await heading(page).getByText("+7 903 111-22-33").waitFor();
  await page.goBack();
  expect(await page.getByRole("searchbox").inputValue()).toBe("8 (903) 111-22-33");
  await expect.poll(() => rows(page).count()).toBe(1);
  expect(errors).toEqual([]);
});

test("a person sees why a message failed, and that it was not charged", async () => {
  await reaches(await send("+79760000002", { reference: "refused" }), "failed");
  const { page } = await openPage(browser, server);
  await page.goto("messages?reference=refused");
  await rows(page).getByText("Refused").waitFor();
  await rows(page).getByRole("link").click();
  await page.getByText("The message was refused and never sent.").waitFor();
  await page.getByText("It is not charged.").waitFor();
  await page.getByText("Attempt 1: refused by sandbox").waitFor();
  expect(await page.locator(".message-timeline").innerText()).toContain("code 202");
});

test("an unknown message is settled, with a reason that stays", async () => {
  const id = await send("+79760000004");
  await reaches(id, "unknown");
  const { page, errors } = await openPage(browser, server);
  await page.goto("messages");
  await page.getByText("1 message needs a decision.").waitFor();
  await page.getByRole("link", { name: "Show" }).click();
  await expect.poll(() => new URL(page.url()).search).toBe("?status=unknown");
  await rows(page).getByRole("link").click();
  await page.getByText("may have accepted this message").waitFor();
  await page.getByText("It may have been charged.").waitFor();
  await page.getByRole("button", { name: "Decide…" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("button", { name: "Mark as sent" }).click();
  await dialog.getByText("Write in a few words why.").waitFor();
  expect(await findings(page)).toEqual([]);
  await dialog.getByLabel("Reason").fill("seen in the provider's panel");
  await dialog.getByRole("button", { name: "Mark as sent" }).click();
  await dialog.waitFor({ state: "hidden" });
  await page.getByText("Settled by a person: it was sent").waitFor();
  await page.getByText("seen in the provider's panel").waitFor();
  expect(await statusOf(id)).toBe("sent");
  expect(errors).toEqual([]);
});

test("a report without a message is evidence: one click fills the form with its id", async () => {
  const id = await send("+79760000004");
  await reaches(id, "unknown");
  const { page } = await openPage(browser, server);
  await page.route(`**/v1/messages/${id}`, async (route) => {
    const answer = await route.fetch();
    const receipt = { provider: "sandbox", provider_id: "202647-1000481", state: "delivered", made_at: new Date().toISOString(), received_at: new Date().toISOString() };
    await route.fulfill({ json: { ...((await answer.json()) as object), unmatched_receipts: [receipt] } });
  });
  await page.goto(`messages/${id}`);
  await page.getByRole("button", { name: "This is it: mark as sent" }).click();
  expect(await page.getByLabel("Provider's id, if known").inputValue()).toBe("202647-1000481");
  await server.api(`v1/messages/${id}/resolve`, { method: "POST", body: { resolution: "failed", reason: "test" } });
});

test("a message is sent again, and both know each other", async () => {
  const id = await send("+79760000001");
  await reaches(id, "undelivered");
  const { page } = await openPage(browser, server);
  await page.goto(`messages/${id}`);
  await page.getByRole("button", { name: "Send again…" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Reason").fill("the phone was off");
  await dialog.getByRole("button", { name: "Send again" }).click();
  await page.getByRole("link", { name: "the earlier message" }).waitFor();
  await page.getByText("the phone was off").waitFor();
  expect(page.url()).not.toContain(id);
  // It is followed live to its end.
  await page.getByText("could not deliver the message.").waitFor({ timeout: 30_000 });
  await page.getByRole("link", { name: "the earlier message" }).click();
  await page.getByText("Sent again").waitFor();
  expect(page.url()).toContain(id);
});

test("a scheduled message is cancelled after a question", async () => {
  const id = await send("+79031112255", { send_at: tomorrow() });
  const { page } = await openPage(browser, server);
  await page.goto(`messages/${id}`);
  await page.getByText("The message is scheduled for").waitFor();
  await page.getByRole("button", { name: "Cancel…" }).click();
  await page.getByRole("dialog").getByText("It will not be sent, and costs nothing.").waitFor();
  await page.getByRole("button", { name: "Cancel the message" }).click();
  await page.getByText("The message was cancelled before it was sent.").waitFor();
  expect(await statusOf(id)).toBe("cancelled");
});

test("all that match are cancelled; then the choice is gone, and live goes on", async () => {
  await sendMany(60, { reference: "campaign", send_at: tomorrow() });
  const { page, errors } = await openPage(browser, server);
  await page.goto("messages?reference=campaign");
  await page.getByText("60 messages", { exact: true }).waitFor();
  await page.getByRole("button", { name: "Pause" }).click();
  await page.getByLabel("Choose all on this page").check();
  await page.getByText("50 chosen").waitFor();
  await page.getByRole("button", { name: "Choose all 60 that match" }).click();
  await page.getByText("All chosen: 60").waitFor();
  await page.getByRole("button", { name: "Cancel…" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("heading", { name: "Cancel 60 messages?" }).waitFor();
  await dialog.getByRole("button", { name: "Cancel them" }).click();
  await dialog.waitFor({ state: "hidden" });
  await page.getByText("60 of 60").waitFor({ timeout: 40_000 });
  await page.getByText("Finished.").waitFor();
  expect(await page.getByText(/chosen/).count()).toBe(0);
  expect(await page.locator("tbody input:checked").count()).toBe(0);
  await expect.poll(() => rows(page).filter({ hasText: "Cancelled" }).count(), { timeout: 30_000 }).toBe(50);
  await send("+79031112266", { reference: "campaign", send_at: tomorrow() });
  await page.getByRole("button", { name: "1 new" }).click({ timeout: 30_000 });
  await rows(page).first().getByText("Scheduled for").waitFor();
  expect(errors).toEqual([]);
});

test("chosen rows are done one by one, and those that cannot be are told before", async () => {
  await send("+79031112277", { reference: "few", send_at: tomorrow() });
  await send("+79031112278", { reference: "few", send_at: tomorrow() });
  await reaches(await send("+79760000002", { reference: "few" }), "failed");
  const { page } = await openPage(browser, server);
  await page.goto("messages?reference=few");
  await page.getByLabel("Choose all on this page").check();
  await page.getByRole("button", { name: "Cancel…" }).click();
  await page.getByRole("heading", { name: "Cancel 2 messages?" }).waitFor();
  await page.getByText("1 other is not waiting any more").waitFor();
  await page.getByRole("button", { name: "Cancel them" }).click();
  await page.getByText("2 messages cancelled").waitFor();
  await expect.poll(() => rows(page).filter({ hasText: "Cancelled" }).count()).toBe(2);
  expect(await page.locator("tbody input:checked").count()).toBe(0);
});

test("all that match are erased for good, where the server can", async ({ skip }) => {
  const { paths } = (await server.api("openapi.json")) as { paths: Record<string, unknown> };
  if (!paths["/v1/selections/{id}/erase"]) skip();
  for (const end of ["1", "2"]) await reaches(await send(`+7976000000${end}`, { reference: "gone" }), end === "1" ? "undelivered" : "failed");
  const { page, errors } = await openPage(browser, server);
  await page.goto("messages?reference=gone");
  await page.getByLabel("Choose all on this page").check();
  await page.getByRole("button", { name: "More" }).click();
  await page.getByRole("menuitem", { name: "Erase…" }).click();
  await page.getByRole("heading", { name: "Erase 2 messages?" }).waitFor();
  await page.getByLabel("Reason").fill("asked for it");
  await page.getByRole("button", { name: "Erase for good" }).click();
  await page.getByText("2 of 2").waitFor({ timeout: 30_000 });
  await page.goto("messages");
  await rows(page).getByText("erased").first().click();
  await page.getByRole("heading", { name: "erased" }).waitFor();
  expect(errors).toEqual([]);
});

test("a search that still waits does not bring the list back from the next page", async () => {
  const { page } = await openPage(browser, server);
  await page.goto("messages");
  await rows(page).first().waitFor();
  await page.getByRole("searchbox").pressSequentially("Ваш");
  await rows(page).first().getByRole("link").click();
  await page.locator(".message-timeline").waitFor();
  await page.waitForTimeout(1000);
  expect(new URL(page.url()).pathname).toMatch(/\/messages\/.+/);
});

test("pages are turned with the browser, and filters are in its history", async () => {
  await sendMany(60, { reference: "paging", send_at: tomorrow() });
  const { page } = await openPage(browser, server);
  await page.goto("messages?reference=paging");
  await rows(page).first().waitFor();
  const first = await rows(page).first().innerText();
  await page.getByRole("link", { name: "Older" }).click();
  await expect.poll(() => rows(page).count()).toBe(10);
  await page.goBack();
  await expect.poll(() => rows(page).count()).toBe(50);
  expect(await rows(page).first().innerText()).toBe(first);
  await page.getByRole("button", { name: "Remove the filter: Reference" }).click();
  await expect.poll(() => new URL(page.url()).search).toBe("");
  await page.goBack();
  await expect.poll(() => new URL(page.url()).search).toBe("?reference=paging");
  await page.getByText("60 messages", { exact: true }).waitFor();
});

test("the keyboard walks, chooses and opens, also on a Russian layout", async () => {
  const { page } = await openPage(browser, server);
  await page.goto("messages");
  await rows(page).first().waitFor();
  const press = (code: string, key: string) =>
    page.evaluate(([code, key]) => (document.activeElement ?? document).dispatchEvent(new KeyboardEvent("keydown", { code: code ?? "", key: key ?? "", bubbles: true })), [code, key]);
  await press("KeyJ", "о");
  await press("KeyJ", "о");
  await press("KeyX", "ч");
  await page.getByText("1 chosen").waitFor();
  expect(await rows(page).nth(1).getByRole("checkbox").isChecked()).toBe(true);
  await press("KeyK", "л");
  await page.keyboard.press("Escape");
  expect(await page.getByText("1 chosen").count()).toBe(0);
  await page.keyboard.press("Enter");
  await page.locator(".message-timeline").waitFor();
});

test("paused means that nothing is asked, also when the window comes back", async () => {
  const { page } = await openPage(browser, server);
  await page.goto("messages");
  await rows(page).first().waitFor();
  await page.getByRole("button", { name: "Pause" }).click();
  await page.waitForTimeout(500);
  const asked: string[] = [];
  page.on("request", (request) => request.url().includes("/v1/") && asked.push(request.url()));
  await page.evaluate(() => {
    window.dispatchEvent(new Event("focus"));
    document.dispatchEvent(new Event("visibilitychange"));
  });
  await page.waitForTimeout(6000);
  expect(asked).toEqual([]);
  await page.getByRole("button", { name: "Resume" }).click();
  await expect.poll(() => asked.length).toBeGreaterThan(0);
});

test("a second tab shows what the first has done", async () => {
  const id = await send("+79031112288", { send_at: tomorrow() });
  const { page } = await openPage(browser, server);
  await page.goto(`messages/${id}`);
  await page.getByText("The message is scheduled for").waitFor();
  const others = [await page.context().newPage(), await page.context().newPage()];
  for (const other of others) {
    await other.goto(`messages/${id}`);
    await other.getByText("The message is scheduled for").waitFor();
  }
  await page.bringToFront();
  await page.getByRole("button", { name: "Cancel…" }).click();
  await page.getByRole("button", { name: "Cancel the message" }).click();
  for (const tab of [page, ...others]) await tab.getByText("The message was cancelled before it was sent.").waitFor();
});

test("a session that ends while a reason is typed loses nothing", async () => {
  const id = await send("+79760000004");
  await reaches(id, "unknown");
  const { page } = await openPage(browser, server);
  await page.goto(`messages/${id}`);
  await page.getByRole("button", { name: "Decide…" }).click();
  await page.getByLabel("Reason").fill("a long story");
  await page.route("**/v1/**", (route) => route.fulfill({ status: 401, json: { code: "unauthorized", detail: "" } }));
  await page.getByRole("button", { name: "Mark as sent" }).click();
  await page.getByRole("heading", { name: "Your session has ended" }).waitFor();
  await page.unroute("**/v1/**");
  await page.getByLabel("Link or key").fill(server.key);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("heading", { name: "Your session has ended" }).waitFor({ state: "hidden" });
  expect(await page.getByLabel("Reason").inputValue()).toBe("a long story");
  await page.getByRole("button", { name: "Mark as sent" }).click();
  await page.getByText("Settled by a person: it was sent").waitFor();
});

test("copying works without navigator.clipboard, as on plain HTTP", async () => {
  const id = await send("+79031112299", { send_at: tomorrow() });
  const { page } = await openPage(browser, server);
  await page.addInitScript(() => {
    Object.defineProperty(navigator, "clipboard", { value: undefined });
    document.execCommand = () => {
      document.body.dataset["copied"] = (document.activeElement as HTMLTextAreaElement).value;
      return true;
    };
  });
  await page.goto(`messages/${id}`);
  await page.getByRole("button", { name: "Copy as curl" }).click();
  await page.getByText("Copied").waitFor();
  const line = await page.evaluate(() => document.body.dataset["copied"]);
  expect(line).toContain(`v1/messages' \\`);
  expect(line).toContain(`"to":"+79031112299"`);
});

test("what the server could not finish is said: a count, and how far a search has looked", async () => {
  const { page } = await openPage(browser, server);
  const searched_back_to = "2026-11-20T07:00:00.000Z";
  await page.route("**/v1/messages/count?*", (route) => route.fulfill({ json: { count: 9000, searched_back_to } }));
  await page.route(/\/v1\/messages\?(?!.*resend_of)/, (route) =>
    route.fulfill({ json: { data: [], next_cursor: "01a21c50-e169-70a9-a252-cf3af99acc83", searched_back_to } }));
  await page.goto("messages?q=needle");
  await page.getByText("at least 9\u00a0000 messages").waitFor();
  await page.getByText("Nothing found so far").waitFor();
  await page.getByText(/Looked back to 20 Nov 2026, \d\d:00\./).waitFor();
  await page.getByRole("link", { name: "Look further back" }).click();
  await expect.poll(() => new URL(page.url()).searchParams.get("cursor")).toBe("01a21c50-e169-70a9-a252-cf3af99acc83");
});

test("the table goes out as CSV with the filters of the page", async () => {
  const { page } = await openPage(browser, server);
  await page.goto("messages?reference=few&status=cancelled");
  await rows(page).first().waitFor();
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("link", { name: "CSV" }).click()]);
  expect(new URL(download.url()).search).toBe("?status=cancelled&reference=few");
  expect(download.suggestedFilename()).toBe("messages.csv");
});

for (const theme of ["light", "dark"] as const) {
  test(`axe finds nothing on the list and on a message, ${theme}`, async () => {
    const id = await send("+79760000001");
    await reaches(id, "undelivered");
    const { page, errors } = await openPage(browser, server, { theme });
    await page.goto("messages");
    await rows(page).nth(2).getByRole("checkbox").check();
    await page.getByRole("button", { name: "Filter", exact: true }).click();
    expect(await findings(page)).toEqual([]);
    await page.goto(`messages/${id}`);
    await page.locator(".message-timeline").waitFor();
    expect(await findings(page)).toEqual([]);
    expect(errors).toEqual([]);
  });
}

test("nothing is wider than a phone, in Russian", async () => {
  const id = await send("+79760000001");
  const { page } = await openPage(browser, server, { language: "ru", width: 360 });
  for (const path of ["messages", `messages/${id}`]) {
    await page.goto(path);
    await page.locator("tbody tr, .message-timeline").first().waitFor();
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(360);
  }
});
