import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { findings, openPage, startBrowser } from "./browser";
import { startServer, type Running } from "./server";

let server: Running;
let browser: Browser;
let imports = false;
beforeAll(async () => {
  server = await startServer();
  browser = await startBrowser();
  imports = await server.api("v1/imports").then(() => true, () => false);
});
afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

interface Listed {
  data: { id: string; to: string; text: string; status: string; from?: string }[];
}
async function sentWith(text: string): Promise<Listed["data"]> {
  return ((await server.api(`v1/messages?q=${encodeURIComponent(text)}`)) as Listed).data;
}
async function write(page: Page, to: string, text: string): Promise<void> {
  await page.getByLabel("To", { exact: true }).fill(to);
  await page.getByLabel("Text", { exact: true }).fill(text);
}
const send = (page: Page) => page.getByRole("button", { name: "Send", exact: true });

test("a message is sent with the keyboard, and followed live to its end", async () => {
  const { page, errors } = await openPage(browser, server);
  await page.goto("send");
  await write(page, "8 (925) 123-45-67", "Your table is booked");
  await page.getByText("+7 925 123-45-67 · Russia, mobile").waitFor();
  await page.getByText("20 characters · 1 part · Latin alphabet").waitFor();
  await page.keyboard.press("Control+Enter");
  const row = page.getByRole("listitem").filter({ hasText: "Delivered" });
  await row.waitFor();
  await row.getByText("It has arrived on the phone.").waitFor();
  // The form is ready for the next one, and the number is masked.
  expect(await page.getByLabel("To", { exact: true }).inputValue()).toBe("");
  expect(await row.getByText("+7 925 ***-**-67").count()).toBe(1);
  expect(await findings(page)).toEqual([]);
  await page.reload();
  await page.getByRole("listitem").filter({ hasText: "Delivered" }).getByRole("link").click();
  await page.waitForURL("**/messages/*");
  expect(errors).toEqual([]);
});

test("a double click and a lost reply send once", async () => {
  const { page } = await openPage(browser, server);
  await page.goto("send");
  let lost = 0;
  const keys = new Set<string | undefined>();
  await page.route("**/v1/messages", async (route) => {
    keys.add(route.request().headers()["idempotency-key"]);
    await route.fetch();
    // The server has taken it, and three times nobody learns that.
    if (++lost <= 3) await route.abort("connectionreset");
    else await route.fallback();
  });
  await write(page, "+79251234500", "Sent once");
  await send(page).dblclick();
  await page.getByText("The server did not answer").waitFor({ timeout: 30_000 });
  await page.reload();
  expect(await page.getByLabel("Text", { exact: true }).inputValue()).toBe("Sent once");
  await send(page).click();
  await page.getByRole("listitem").filter({ hasText: "+7 925 ***-**-00" }).waitFor();
  expect(keys.size).toBe(1);
  expect(await sentWith("Sent once")).toHaveLength(1);
});

test("a session that ends while one types loses no text", async () => {
  const { page } = await openPage(browser, server);
  await page.goto("send");
  await write(page, "+79251234501", "Typed before the end");
  await page.route("**/v1/messages", (route) => route.fulfill({ status: 401, json: { code: "unauthorized", detail: "" } }));
  await send(page).click();
  const dialog = page.getByRole("dialog");
  await dialog.waitFor();
  await page.unroute("**/v1/messages");
  // Real servers sign in; the one in front of older servers is signed in always.
  await page.route("**/ui/session", (route) =>
    route.fulfill({ json: { id: "s", name: "Olga", client: { id: "c", name: "c" }, kind: "live", scopes: ["admin"], expires_at: "2999-01-01T00:00:00Z", signed_in_at: "2026-01-01T00:00:00Z" } }),
  );
  await dialog.locator("input").fill(server.key);
  await dialog.getByRole("button", { name: "Sign in" }).click();
  await dialog.waitFor({ state: "hidden" });
  expect(await page.getByLabel("Text", { exact: true }).inputValue()).toBe("Typed before the end");
  await send(page).click();
  await page.getByRole("listitem").filter({ hasText: "+7 925 ***-**-01" }).waitFor();
  expect(await sentWith("Typed before the end")).toHaveLength(1);
});

test("a refusal is said at its field, in the language of the page, and nothing is lost", async () => {
  const { page } = await openPage(browser, server, { language: "ru" });
  await page.goto("send");
  const [to, text] = [page.getByLabel("Кому", { exact: true }), page.getByLabel("Текст", { exact: true })];
  await to.fill("8 925 12");
  await text.fill("Привет");
  await page.getByRole("button", { name: "Отправить", exact: true }).click();
  await page.getByRole("alert").filter({ hasText: /номер|цифр/ }).first().waitFor();
  expect(await to.getAttribute("aria-invalid")).toBe("true");
  expect(await text.inputValue()).toBe("Привет");
  await server.api("v1/stoplist", { method: "POST", body: { numbers: ["+79251234502"], reason: "asked" } });
  await to.fill("+79251234502");
  await page.getByRole("button", { name: "Отправить", exact: true }).click();
  await page.getByText("Номер в стоп-листе").waitFor();
});

test("the characters that cost a part are named, shown and replaced", async () => {
  const { page } = await openPage(browser, server);
  await page.goto("send");
  await write(page, "", `${"a".repeat(70)} \u2014 \u201cb\u201d`);
  await page.getByText("These characters make the whole text Unicode:").waitFor();
  await page.getByText("Remove 6 characters, and it will be 1 part.").waitFor();
  await page.getByRole("button", { name: "\u2014", exact: true }).click();
  const area = page.getByLabel("Text", { exact: true });
  expect(await area.evaluate((element: HTMLTextAreaElement) => [element.selectionStart, element.selectionEnd])).toEqual([71, 72]);
  await page.getByRole("button", { name: "Replace them" }).click();
  expect(await area.inputValue()).toBe(`${"a".repeat(70)} - "b"`);
  await page.getByText("76 characters · 1 part · Latin alphabet").waitFor();
});

test("a time is typed in the zone of the instance, and without one nothing goes", async () => {
  const { page } = await openPage(browser, server);
  await page.goto("send");
  await write(page, "+79251234503", "Later then");
  await page.getByLabel("When", { exact: true }).selectOption("later");
  const at = page.getByLabel(/^Date and time, Europe\/Moscow/);
  await at.fill("");
  expect(await send(page).isDisabled()).toBe(true);
  const tomorrow = new Date(Date.now() + 86_400_000).toISOString().slice(0, 10);
  await at.fill(`${tomorrow}T10:30`);
  await page.getByRole("button", { name: /^Schedule for / }).click();
  await page.getByRole("listitem").filter({ hasText: "Scheduled for" }).waitFor();
  const [found] = await sentWith("Later then");
  const message = (await server.api(`v1/messages/${found?.id}`)) as { due_at: string };
  expect(new Date(message.due_at).toISOString()).toBe(`${tomorrow}T07:30:00.000Z`);
});

test("a link prefills the page once, and a reload keeps what was typed since", async () => {
  const { page } = await openPage(browser, server);
  await page.goto("send?to=%2B79251234504&text=Again");
  await page.waitForURL(/\/send$/);
  const area = page.getByLabel("Text", { exact: true });
  expect(await area.inputValue()).toBe("Again");
  expect(await page.getByLabel("To", { exact: true }).inputValue()).toBe("+79251234504");
  await area.fill("Changed");
  await page.reload();
  expect(await area.inputValue()).toBe("Changed");
});

test("the cost is asked once for each size of the text, not for each key", async () => {
  const { page } = await openPage(browser, server);
  const asked: string[] = [];
  await page.route("**/v1/estimate", async (route) => {
    asked.push((route.request().postDataJSON() as { texts: string[] }).texts[0] ?? "");
    await route.fulfill({ json: { data: [], parts: 1, cost: { total: "2.30", recipients: [{ to: "+79251234505", cost: "2.30" }] } } });
  });
  await page.goto("send");
  await page.getByLabel("To", { exact: true }).fill("+79251234505");
  await page.getByLabel("Text", { exact: true }).pressSequentially("Twenty letters here", { delay: 20 });
  await page.getByText("2.30").waitFor();
  await page.getByLabel("Text", { exact: true }).pressSequentially(" and more", { delay: 20 });
  await page.waitForTimeout(1200);
  expect(asked).toHaveLength(1);
  await page.getByLabel("Text", { exact: true }).pressSequentially("!".repeat(160), { delay: 1 });
  await page.waitForTimeout(1500);
  expect(asked).toHaveLength(2);
  expect(await page.getByText("2.30").count()).toBe(1);
});

test("without the permission to send the page is to look at", async () => {
  const { page } = await openPage(browser, server);
  await page.route("**/ui/session", (route) =>
    route.fulfill({ json: { id: "s", name: "Olga", client: { id: "c", name: "c" }, kind: "live", scopes: ["read"], expires_at: "2999-01-01T00:00:00Z", signed_in_at: "2026-01-01T00:00:00Z" } }),
  );
  await page.goto("send");
  await page.getByText("You can look, but not send").first().waitFor();
  expect(await page.getByLabel("Text", { exact: true }).isDisabled()).toBe(true);
  expect(await send(page).isDisabled()).toBe(true);
  expect(await findings(page)).toEqual([]);
});

/** 500 rows of which 7 are wrong, as a Russian Excel saves them. */
function clients(): string {
  const wrong = ["7,92512E+10", "12345", "", "abc", "+7925", "7,91612E+10", "999"];
  const rows = Array.from({ length: 500 }, (_, index) => {
    const phone = index % 70 === 5 ? wrong[Math.floor(index / 70) % 7] : `8925${String(2_000_000 + index)}`;
    return `${phone};Client ${index}`;
  });
  // Index 5, 75, … 495: eight rows; the last one is made right.
  rows[495] = "89253000495;Client 495";
  return `phone;name\r\n${rows.join("\r\n")}\r\n`;
}

test("a CSV of 500 rows with 7 wrong ones is checked, sent, and reported after leaving", { timeout: 120_000 }, async ({ skip }) => {
  if (!imports) skip();
  const { page, errors } = await openPage(browser, server);
  await page.goto("send/many");
  await page.setInputFiles("input[type=file]", { name: "clients.csv", mimeType: "text/csv", buffer: Buffer.from(clients()) });
  await page.getByRole("button", { name: "{name}" }).click();
  const area = page.getByLabel("Text", { exact: true });
  expect(await area.inputValue()).toBe("{name}");
  await area.press("End");
  await area.pressSequentially(", your order is ready");
  await page.getByText("Client 0, your order is ready").waitFor({ timeout: 40_000 });
  await page.getByText("7 wrong rows").first().waitFor();
  // The cost is there before anything is confirmed: an estimate, because not every price was asked for.
  await page.getByText(/^493 parts · about 493\.00\s₽$/).waitFor();
  await page.getByText(/^Estimated from the prices of \d+ messages of the list\.$/).waitFor();
  const row = page.getByRole("row").filter({ hasText: "7,92512E+10" });
  await row.getByText("The spreadsheet has rounded the number").waitFor();
  expect(await row.getByRole("cell").first().innerText()).toBe("7");
  expect(await findings(page)).toEqual([]);
  await page.getByRole("button", { name: "Send 493 messages…" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByText(/^493 messages · 493 parts · about 493\.00\s₽$/).waitFor();
  await dialog.getByText("7 wrong rows are left out.").waitFor();
  await dialog.getByRole("button", { name: "Send", exact: true }).click();
  await page.waitForURL("**/send/imports/*");
  await page.getByText("Accepted: 493 messages.").waitFor({ timeout: 60_000 });
  const address = page.url();
  await page.goto("messages");
  await page.goto("send/many");
  await page.getByRole("link", { name: /clients\.csv/ }).click();
  await page.waitForURL(address);
  await page.getByRole("link", { name: /Delivered/ }).waitFor({ timeout: 30_000 });
  const download = page.waitForEvent("download");
  await page.getByRole("link", { name: "Report, CSV" }).click();
  expect((await download).suggestedFilename()).toContain("report");
  expect(await findings(page)).toEqual([]);
  // The same file again: a warning.
  await page.goto("send/many");
  await page.setInputFiles("input[type=file]", { name: "clients.csv", mimeType: "text/csv", buffer: Buffer.from(clients()) });
  await area.fill("{name}, once more");
  await page.getByText(/The same list was sent at/).waitFor({ timeout: 40_000 });
  expect(errors).toEqual([]);
});

test("a file that is dropped anywhere is taken, and a mailing that runs is stopped", { timeout: 120_000 }, async ({ skip }) => {
  if (!imports) skip();
  const { page } = await openPage(browser, server);
  await page.goto("send/many");
  await page.getByLabel("Recipients", { exact: true }).waitFor();
  await page.evaluate(() => {
    const dataTransfer = new DataTransfer();
    dataTransfer.items.add(new File(["phone;text\r\n89251234520;Hello\r\n"], "dropped.csv"));
    document.querySelector("h1")?.dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true }));
  });
  await page.getByText("dropped.csv").waitFor();
  // The file has its texts itself.
  await page.getByRole("button", { name: "Send 1 message…" }).click();
  const job = { action: "send", total: 1, done: 0, failed: 0, skipped: 0, by: "k", created_at: new Date().toISOString() };
  let state = "running";
  await page.route("**/v1/jobs/**", (route) => {
    if (route.request().method() === "POST") state = "stopped";
    return route.fulfill({ json: { ...job, id: "j", state } });
  });
  await page.getByRole("dialog").getByRole("button", { name: "Send", exact: true }).click();
  await page.waitForURL("**/send/imports/*");
  await page.getByText("0 of 1").waitFor();
  await page.getByRole("button", { name: "Stop" }).click();
  await page.getByRole("dialog").getByText("What is accepted already still goes.").waitFor();
  await page.getByRole("dialog").getByRole("button", { name: "Stop" }).click();
  await page.getByText("Stopped. Accepted: 0 messages. Not sent: 1.").waitFor();
});

test("pasted numbers and cells are understood", async ({ skip }) => {
  if (!imports) skip();
  const { page } = await openPage(browser, server);
  await page.goto("send");
  await page.getByLabel("To", { exact: true }).fill("89251234510, 89161234511");
  await page.getByRole("button", { name: "Send to all of them" }).click();
  await page.waitForURL("**/send/many");
  await page.getByLabel("Text", { exact: true }).fill("To two people");
  await page.getByRole("button", { name: "Send 2 messages…" }).waitFor();
  await page.getByLabel("Recipients", { exact: true }).fill("phone\tname\n89251234510\tAnna\n89161234511\tPeter");
  await page.getByLabel("Text", { exact: true }).fill("Hello {name}");
  await page.getByText("Hello Peter").waitFor();
  await page.getByLabel("Text", { exact: true }).fill("Hello {nobody}");
  await page.getByText("There is no such column.").waitFor();
  await page.reload();
  expect(await page.getByLabel("Text", { exact: true }).inputValue()).toBe("Hello {nobody}");
});

test("a cost that is not known is said so, with the reason, on the page and in the question", async ({ skip }) => {
  if (!imports) skip();
  await server.api("v1/stoplist", { method: "POST", body: { numbers: ["+79161234531"], reason: "asked" } });
  const { page, errors } = await openPage(browser, server, { language: "ru", theme: "dark", width: 360 });
  let unknown = "";
  await page.route("**/v1/imports?*", async (route) => {
    if (route.request().method() !== "POST" || unknown === "") return route.fallback();
    const reply = await route.fetch();
    const found = (await reply.json()) as object;
    await route.fulfill({ response: reply, json: { ...found, cost: { total: null, exact: false, asked: 2, refused: 0, unknown } } });
  });
  await page.goto("send/many");
  await page.getByLabel("Получатели", { exact: true }).fill("89251234530\n89161234531\n89161234532");
  await page.getByLabel("Текст", { exact: true }).fill("Привет");
  await page.getByText(/^3 части · 2,00\s₽$/).waitFor();
  await page.getByText("1 номер в стоп-листе: на него ничего не уйдёт, платить не придётся.").waitFor();
  unknown = "no_answer";
  await page.getByLabel("Текст", { exact: true }).fill("Привет ещё раз");
  await page.getByText("3 части · цена неизвестна").waitFor();
  await page.getByText("Провайдер не ответил на вопрос о цене.").waitFor();
  expect(await findings(page)).toEqual([]);
  await page.getByRole("button", { name: "Отправить 3 сообщения…" }).click();
  await page.getByRole("dialog").getByText("3 сообщения · 3 части · цена неизвестна").waitFor();
  await page.getByRole("dialog").getByText("Отправить это не мешает.").waitFor();
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(360);
  expect(errors).toEqual([]);
});

test("a server without imports has no page for several recipients", async () => {
  const { page } = await openPage(browser, server);
  await page.route("**/v1/imports?*", (route) => route.fulfill({ status: 404, json: { code: "no_such_path", detail: "" } }));
  await page.goto("send/many");
  await page.waitForURL(/\/send$/);
  await page.getByLabel("Text", { exact: true }).waitFor();
  expect(await page.getByRole("link", { name: "Several recipients" }).count()).toBe(0);
});
