import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openPage, startBrowser } from "./browser";
import { startServer } from "./server";

const PAGES = ["send", "messages", "monitor", "inbox", "settings"];
const folder = process.env["SHOTS_DIR"];

test.runIf(folder)("every page has its pictures", { timeout: 300_000 }, async () => {
  mkdirSync(folder ?? "", { recursive: true });
  const server = await startServer();
  const browser = await startBrowser();
  try {
    const sent = (await server.api("v1/messages", { method: "POST", body: { to: "+79251234567", text: "Код для входа: 4711" } })) as { id: string };
    for (const theme of ["light", "dark"] as const) {
      for (const language of ["en", "ru"] as const) {
        for (const width of [1280, 360]) {
          const { page, errors } = await openPage(browser, server, { theme, language, width });
          for (const path of [...PAGES, `messages/${sent.id}`]) {
            await page.goto(path);
            await page.locator("h1").waitFor();
            // The event stream never ends, so the network is never idle.
            await page.waitForTimeout(400);
            const name = path.startsWith("messages/") ? "message" : path;
            await page.screenshot({ path: join(folder ?? "", `${name}-${theme}-${language}-${width}.png`) });
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
