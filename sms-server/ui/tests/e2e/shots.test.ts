import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openPage, startBrowser } from "./browser";
import { startServer } from "./server";

const PAGES = [
  "send", "send/many", "messages", "monitor", "inbox", "inbox?tab=rules",
  ...["keys", "clients", "stoplist", "sessions", "look", "about"].map((tab) => `settings/${tab}`),
];
const folder = process.env["SHOTS_DIR"];

test.runIf(folder)("every page has its pictures", { timeout: 900_000 }, async () => {
  mkdirSync(folder ?? "", { recursive: true });
  const server = await startServer();
  const browser = await startBrowser();
  try {
    const send = async (to: string, text: string, more = {}): Promise<string> =>
      ((await server.api("v1/messages", { method: "POST", body: { to, text, ...more } })) as { id: string }).id;
    const failed = await send("+79760000002", "Ваш заказ 1042 готов, ждём вас до 21:00 по адресу: Лесная, 7");
    await send("+79760000001", "Запись на завтра в 10:30. Отменить можно по телефону");
    const unknown = await send("+79760000004", "Счёт за ноябрь оплачен, спасибо!");
    await send("+79031112255", "Напоминаем о визите завтра в 12:00", { send_at: new Date(Date.now() + 86_400_000).toISOString() });
    const delivered = await send("+79251234567", "Код для входа: 4711");
    await server.api("v1/keys", { method: "POST", body: { name: "Интернет-магазин", scopes: ["send", "read"] } });
    await server.api("v1/keys", { method: "POST", body: { name: "tests", kind: "test" } });
    await server.api("v1/stoplist", { method: "POST", body: { numbers: ["+79031112233"], reason: "попросил не писать" } });
    await server.api("v1/sandbox/rules", { method: "PUT", body: { rules: [{ to: "+79251234599", action: "fail", code: 207 }] } });
    const messages = { delivered, failed, unknown };
    for (const theme of ["light", "dark"] as const) {
      for (const language of ["en", "ru"] as const) {
        for (const width of [1280, 360]) {
          const { page, errors } = await openPage(browser, server, { theme, language, width });
          for (const [path, name] of [
            ...PAGES.map((path) => [path, path.replace(/\W/g, "-")] as const),
            ...Object.entries(messages).map(([name, id]) => [`messages/${id}`, `message-${name}`] as const),
          ]) {
            await page.goto(path);
            await page.locator("h1").waitFor();
            // The event stream never ends, so the network is never idle.
            await page.waitForTimeout(400);
            // As high as the page, so that what is fixed to the window covers nothing.
            const height = await page.evaluate(() => document.documentElement.scrollHeight);
            await page.setViewportSize({ width, height: Math.max(height, 740) });
            await page.screenshot({ path: join(folder ?? "", `${name}-${theme}-${language}-${width}.png`) });
            await page.setViewportSize({ width, height: 740 });
          }
          expect(errors).toEqual([]);
          await page.context().close();
        }
      }
    }
  } finally {
    await browser.close();
    await server.stop();
  }
});

/** Pictures as large as a screen, for the documents: `docs` below the folder. */
test.runIf(folder)("the documents have their pictures", { timeout: 120_000 }, async () => {
  const docs = join(folder ?? "", "docs");
  mkdirSync(docs, { recursive: true });
  const server = await startServer({ SMS_LABEL: "shop" });
  const browser = await startBrowser();
  try {
    const send = async (to: string, text: string, more = {}): Promise<string> =>
      ((await server.api("v1/messages", { method: "POST", body: { to, text, ...more } })) as { id: string }).id;
    await send("+79251234567", "Your code is 471121", { class: "otp" });
    await send("+79251234568", "Your order 1207 is ready");
    await send("+79760000002", "The courier comes between 14:00 and 16:00");
    await send("+79760000001", "We have moved: 7 Lesnaya Street");
    await send("+79251234569", "See you tomorrow at 10:30", { send_at: new Date(Date.now() + 86_400_000).toISOString() });
    const id = await send("+79251234570", "Your table is booked for 19:30");
    await server.api("v1/keys", { method: "POST", body: { name: "shop", scopes: ["send"] } });
    const { page, errors } = await openPage(browser, server);
    await page.goto("send");
    await page.getByRole("button", { name: "Dismiss" }).click();
    await page.waitForTimeout(9000);
    for (const [path, name] of [[`messages/${id}`, "message"], ["messages", "messages"], ["monitor", "monitor"], ["send", "send"]] as const) {
      await page.goto(path);
      await page.locator("h1").waitFor();
      if (name === "send") {
        await page.getByLabel("To", { exact: true }).fill("+79251234567");
        await page.getByLabel("Text", { exact: true }).fill("Your order 1207 is ready");
        await page.getByText("1.00").waitFor();
        await page.getByRole("heading", { level: 1 }).click();
      }
      await page.waitForTimeout(600);
      // The name of the machine is of no use to a reader.
      if (name === "monitor") await page.getByText(/^\S+-\d+-[\da-f]{4}$/).first().evaluate((worker) => (worker.textContent = "sms-1-4f2a"));
      await page.screenshot({ path: join(docs, `${name}.png`) });
    }
    expect(errors).toEqual([]);
  } finally {
    await browser.close();
    await server.stop();
  }
});
