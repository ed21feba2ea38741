import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { findings, openPage, startBrowser } from "./browser";
import { startServer, type Running } from "./server";

/** The messages of one client, for those who see all. */
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

/** A client of this name with two messages that wait; its id. */
async function client(name: string): Promise<string> {
  const key = (await server.api("v1/keys", { method: "POST", body: { name, scopes: ["send"] } })) as { secret: string; client: { id: string } };
  for (const to of ["+79031110001", "+79031110002"]) {
    const body = JSON.stringify({ to, text: `from ${name}`, send_at: new Date(Date.now() + 86_400_000).toISOString() });
    const headers = { Authorization: `Bearer ${key.secret}`, "Content-Type": "application/json" };
    const reply = await fetch(`${server.url}v1/messages`, { method: "POST", headers, body });
    expect(reply.status).toBe(202);
  }
  return key.client.id;
}

test("a client is chosen by its name; address, export and choice go by it", async () => {
  const [shop] = [await client("shop"), await client("till")];
  const { page, errors } = await openPage(browser, server);
  await page.goto("messages");
  const rows = page.locator("tbody tr");
  await expect.poll(() => rows.count()).toBe(4);
  await page.getByRole("button", { name: "Filter", exact: true }).click();
  const choice = page.getByLabel("Client", { exact: true });
  await choice.getByRole("option", { name: "till" }).waitFor({ state: "attached" });
  await choice.focus();
  await choice.selectOption("shop");
  await expect.poll(() => new URL(page.url()).searchParams.get("client")).toBe(shop);
  await expect.poll(() => rows.count()).toBe(2);
  expect(await rows.allInnerTexts()).toEqual([expect.stringContaining("from shop"), expect.stringContaining("from shop")]);
  expect(await findings(page)).toEqual([]);
  const csv = await page.getByRole("link", { name: "CSV" }).getAttribute("href");
  expect(csv).toContain(`client=${shop}`);

  // All that match are those of the client; so is what is done with them.
  await page.reload();
  await page.locator(".chip").getByText("Client: shop").waitFor();
  await rows.first().getByRole("checkbox").check();
  const selected = page.waitForRequest("**/v1/selections");
  await page.getByRole("button", { name: "Choose all 2 that match" }).click();
  expect((await selected).postDataJSON()).toEqual({ filter: { client: shop } });
  await page.getByText("All chosen: 2").waitFor();

  await page.getByRole("button", { name: "Remove the filter: Client" }).click();
  await expect.poll(() => rows.count()).toBe(4);
  await page.goBack();
  await expect.poll(() => rows.count()).toBe(2);
  expect(errors).toEqual([]);
});

test("the list of clients leads to their messages", async () => {
  const id = await client("kiosk");
  const { page } = await openPage(browser, server);
  await page.goto("settings/clients");
  await page.getByRole("row", { name: /kiosk/ }).getByRole("link", { name: "Messages" }).click();
  await page.waitForURL(new RegExp(`messages\\?client=${id}`));
  await page.locator(".chip").getByText("Client: kiosk").waitFor();
  await expect.poll(() => page.locator("tbody tr").count()).toBe(2);
});

test("who does not see all clients has no such filter", async ({ skip }) => {
  const link = server.signinLink("Ivan", "read");
  if (link === null) return skip();
  const page = await (await browser.newContext()).newPage();
  await page.goto(link);
  await page.waitForURL(/\/send$/);
  await page.goto(`${server.url}messages`);
  await page.getByRole("button", { name: "Filter", exact: true }).click();
  await page.getByLabel("Reference", { exact: true }).waitFor();
  expect(await page.getByLabel("Client", { exact: true }).count()).toBe(0);
});
