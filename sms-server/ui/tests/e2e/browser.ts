import { AxeBuilder } from "@axe-core/playwright";
import { chromium, type Browser, type Page } from "playwright-core";
import type { Running } from "./server";

export interface Look {
  theme?: "light" | "dark";
  language?: "en" | "ru";
  width?: number;
}

export async function startBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: process.env["CHROMIUM"] || "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-dev-shm-usage"],
  });
}

/** A page that is signed in. `errors` collects what the page should never have: CSP, exceptions. */
export async function openPage(browser: Browser, server: Running, look: Look = {}): Promise<{ page: Page; errors: string[] }> {
  const { theme = "light", language = "en", width = 1280 } = look;
  const context = await browser.newContext({
    baseURL: server.url,
    viewport: { width, height: width < 500 ? 740 : 860 },
    colorScheme: theme,
    locale: language === "ru" ? "ru-RU" : "en-GB",
  });
  const page = await context.newPage();
  const errors: string[] = [];
  page.on("pageerror", (error) => errors.push(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error" && !/status of (4|5)\d\d/.test(message.text())) errors.push(message.text());
  });
  const response = await context.request.get("ui/session");
  if (response.status() === 401) {
    const signed = await context.request.post("ui/session", { data: { key: server.key }, headers: { "X-Requested-With": "sms-ui" } });
    if (!signed.ok()) throw new Error(`sign-in: ${signed.status()} ${await signed.text()}`);
  }
  return { page, errors };
}

/** The serious and critical findings of axe on the page as it is. */
export async function findings(page: Page): Promise<string[]> {
  const { violations } = await new AxeBuilder({ page }).analyze();
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map((node) => node.html.slice(0, 120)).join(" ; ")}`);
}
