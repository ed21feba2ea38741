import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startBrowser } from "./browser";
import { startProxy, type Proxy } from "./proxy";
import { startServer, type Running } from "./server";

/** The UI next to other applications, at https://example.org/sms/, behind both kinds of proxies. */
let browser: Browser;
beforeAll(async () => {
  browser = await startBrowser();
});
afterAll(() => browser?.close());

const PROXIES = [
  { name: "over TLS, the path removed on the way", options: { base: "/sms/", tls: true }, cookie: { name: "__Secure-sms_session", secure: true } },
  { name: "over plain HTTP, the path handed on", options: { base: "/apps/sms-2/", handOn: true }, cookie: { name: "sms_session", secure: false } },
];

describe.each(PROXIES)("$name", ({ options, cookie }) => {
  let proxy: Proxy;
  let server: Running;
  let context: BrowserContext;
  let page: Page;
  const errors: string[] = [];
  /** What the page asked for, and how it was answered. */
  const asked: { url: string; status: number; type: string }[] = [];

  beforeAll(async () => {
    proxy = await startProxy(options);
    server = await startServer({ SMS_PUBLIC_URL: proxy.url, SMS_TRUSTED_PROXIES: "127.0.0.1" });
    proxy.connect(server.origin);
    context = await browser.newContext({ baseURL: proxy.url, ignoreHTTPSErrors: true, locale: "en-GB", viewport: { width: 1280, height: 860 } });
    page = await context.newPage();
    page.on("pageerror", (error) => errors.push(String(error)));
    page.on("console", (message) => message.type() === "error" && !message.text().includes("status of 401") && errors.push(message.text()));
    page.on("response", (response) => asked.push({ url: response.url(), status: response.status(), type: response.headers()["content-type"] ?? "" }));
  });
  afterAll(async () => {
    await context?.close();
    await server?.stop();
    proxy?.stop();
  });

  const send = async (body: Record<string, unknown>): Promise<string> =>
    ((await server.api("v1/messages", { method: "POST", body: { to: "+79251234567", ...body } })) as { id: string }).id;
  const heading = (name: string | RegExp) => page.getByRole("heading", { name, level: 1 });

  test("the printed link signs in, with a cookie for this path alone", async () => {
    const link = server.signinLink("Olga") ?? "";
    expect(link.startsWith(`${proxy.url}signin#`)).toBe(true);
    await page.goto(link);
    await page.waitForURL(`${proxy.url}send`);
    await heading("Send").waitFor();
    expect(await context.cookies()).toMatchObject([{ ...cookie, path: options.base, httpOnly: true, sameSite: "Strict" }]);
    // Another application on this host never sees it.
    await (await context.newPage()).goto(`${proxy.origin}/other`);
    expect(proxy.passed.find(({ path }) => path === "/other")).toEqual({ path: "/other", cookie: undefined });
    expect(proxy.passed.some(({ path, cookie: sent }) => path.includes("/v1/") && sent?.includes(cookie.name))).toBe(true);
  });

  test("a message is sent, and its end comes over the stream", async () => {
    await page.getByLabel("To", { exact: true }).fill("8 925 123-45-67");
    await page.getByLabel("Text", { exact: true }).fill("Under a path");
    await page.getByRole("button", { name: "Send", exact: true }).click();
    const row = page.getByRole("listitem").filter({ hasText: "Delivered" });
    await row.waitFor();
    expect(asked).toContainEqual({ url: `${proxy.url}v1/events`, status: 200, type: "text/event-stream" });
    await row.getByRole("link").click();
    await page.waitForURL(`${proxy.url}messages/*`);
    await page.locator(".message-timeline").getByText("Delivered").first().waitFor();
  });

  test("a change comes live, without asking for the page again", async () => {
    const id = await send({ text: "Later", send_at: new Date(Date.now() + 86_400_000).toISOString() });
    await page.goto(`messages/${id}`);
    await page.getByText("The message is scheduled for").waitFor();
    await server.api(`v1/messages/${id}/cancel`, { method: "POST" });
    await page.getByText("The message was cancelled before it was sent.").waitFor();
  });

  test("every page opens by its address, again after a reload, and the way back is the browser's", async () => {
    const id = await send({ text: "Deep", reference: "deep" });
    for (const [path, shown] of [
      ["messages?reference=deep", "Messages"], [`messages/${id}`, /\+7 925/], ["monitor?range=24h", "Monitor"],
      ["settings/keys", "Settings"], ["send/many", "Send"], ["no/such/page", /./],
    ] as const) {
      await page.goto(path);
      await heading(shown).waitFor();
      await page.reload();
      await heading(shown).waitFor();
      expect(page.url()).toBe(proxy.url + path);
    }
    await page.goto("messages?reference=deep");
    await page.locator("tbody tr").getByRole("link").click();
    await page.waitForURL(`${proxy.url}messages/${id}`);
    await page.goBack();
    await page.locator("tbody tr").first().waitFor();
    expect(page.url()).toBe(`${proxy.url}messages?reference=deep`);
    await page.getByRole("link", { name: "Inbox" }).click();
    await page.waitForURL(`${proxy.url}inbox`);
  });

  test("the table goes out as CSV, and the documents of the server open", async () => {
    await page.goto("messages?reference=deep");
    const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("link", { name: "CSV" }).click()]);
    expect(download.url()).toBe(`${proxy.url}v1/messages.csv?reference=deep`);
    await page.goto("settings/about");
    for (const link of await page.locator("main a[target=_blank]").all()) {
      const address = new URL((await link.getAttribute("href")) ?? "", page.url()).href;
      expect(address.startsWith(proxy.url)).toBe(true);
      expect((await context.request.get(address)).status(), address).toBe(200);
    }
    const made = await context.request.post("v1/messages", {
      data: { to: "+79251234567", text: "Location" }, headers: { "X-Requested-With": "sms-ui" },
    });
    expect(made.headers()["location"]).toMatch(new RegExp(`^(${proxy.origin})?${options.base}v1/messages/`));
  });

  test("signing out removes the cookie, and leads to the sign-in of this path", async () => {
    await page.goto("settings/sessions");
    await page.getByRole("button", { name: "Sign out" }).click();
    await heading("Sign in").waitFor();
    expect(new URL(page.url()).pathname).toBe(`${options.base}signin`);
    expect(await context.cookies()).toEqual([]);
    await page.getByLabel("Link or key").fill(server.key);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.waitForURL((url) => !url.pathname.endsWith("/signin"));
    await page.locator("h1").waitFor();
  });

  test("nothing was asked for outside of the path, and nothing was missing", () => {
    expect(asked.filter(({ url }) => !url.startsWith(proxy.url))).toEqual([]);
    expect(asked.filter(({ status }) => status >= 400 && status !== 401)).toEqual([]);
    const files = asked.filter(({ url }) => /\.(js|css|svg)$/.test(new URL(url).pathname));
    expect(files.length).toBeGreaterThan(5);
    // A wrong address of a file would get the first page.
    expect(files.filter(({ status, type }) => status === 200 && type.startsWith("text/html"))).toEqual([]);
    expect(errors).toEqual([]);
  });
});
