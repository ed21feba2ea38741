import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { effectScope, nextTick, ref, type EffectScope } from "vue";
import { chosenFile, mailing, NAMED_COLUMN } from "@/pages/send/many/mailing";
import { useCheck } from "@/pages/send/many/useCheck";

interface Call {
  method: string;
  id: string | undefined;
  query: URLSearchParams;
  body: unknown;
}
let calls: Call[];
let scope: EffectScope;
let numberOfImport = 0;
/** Answers of the server to a check; by default the file is right. */
let answer: (query: URLSearchParams) => Response | Promise<Response>;

function found(): Response {
  const id = `import${++numberOfImport}`;
  const details = { id, columns: ["phone", "name"], to_column: "phone", rows: 2, valid: 2, invalid: 0, parts: 2, preview: [], errors: [] };
  return new Response(JSON.stringify(details), { status: 201 });
}
function refused(code: string, parameter: string): Response {
  const body = { code: "invalid_request", detail: "", errors: [{ code, detail: "", parameter }] };
  return new Response(JSON.stringify(body), { status: 422 });
}
function begin() {
  scope = effectScope();
  const check = scope.run(() => useCheck(ref("Europe/Moscow")));
  if (!check) throw new Error("no scope");
  return check;
}
const pause = () => vi.advanceTimersByTimeAsync(3000);
const checks = () => calls.filter(({ method }) => method === "POST");
const removed = () => calls.filter(({ method }) => method === "DELETE").map(({ id }) => id);

beforeEach(() => {
  vi.useFakeTimers();
  calls = [];
  answer = found;
  vi.stubGlobal("fetch", async (url: string, init: RequestInit) => {
    const { pathname, searchParams } = new URL(url);
    calls.push({ method: init.method ?? "GET", id: pathname.split("/")[3], query: searchParams, body: init.body });
    return init.method === "DELETE" ? new Response(null, { status: 204 }) : answer(searchParams);
  });
});
afterEach(async () => {
  Object.assign(mailing, { pasted: "", text: "", textFrom: "", toColumn: "" });
  chosenFile.value = null;
  await pause();
  scope.stop();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test("columns are learnt before there is a text, and nothing that could be sent stays", async () => {
  answer = (query) => (query.has("text") ? found() : refused("text_missing", "text"));
  const check = begin();
  mailing.pasted = "phone\tname\n89251234567\tAnna";
  await pause();
  expect(check.layout.value?.columns).toEqual(["phone", "name"]);
  expect(check.details.value).toBeNull();
  expect(check.failure.value).toBeNull();
  expect(removed()).toHaveLength(1);
});

test("a file with a column of texts is checked as it is", async () => {
  const check = begin();
  chosenFile.value = new File(["x"], "clients.csv");
  await pause();
  expect(mailing.textFrom).toBe(NAMED_COLUMN);
  expect(check.current.value).toBe(true);
  expect(checks().map(({ query }) => [query.get("file_name"), query.get("text")])).toEqual([["clients.csv", null]]);
});

test("each key is not a check, and a check replaces the one before it", async () => {
  const check = begin();
  mailing.pasted = "89251234567";
  for (const text of ["H", "He", "Hello"]) {
    mailing.text = text;
    await vi.advanceTimersByTimeAsync(100);
  }
  await pause();
  expect(checks().map(({ query }) => query.get("text"))).toEqual(["Hello"]);
  const first = check.details.value?.id;
  mailing.text = "Hello again";
  await nextTick();
  expect(check.current.value).toBe(false);
  await pause();
  expect(check.current.value).toBe(true);
  expect(removed()).toEqual([first]);
});

test("what changes during a check is checked after it, one at a time", async () => {
  const waiting: (() => void)[] = [];
  answer = () => new Promise((resolve) => waiting.push(() => resolve(found())));
  const check = begin();
  Object.assign(mailing, { pasted: "89251234567", text: "first" });
  await pause();
  mailing.text = "second";
  await pause();
  expect(checks()).toHaveLength(1);
  waiting.shift()?.();
  await pause();
  expect(check.current.value).toBe(false);
  waiting.shift()?.();
  await pause();
  expect(check.current.value).toBe(true);
  expect(checks().map(({ query }) => query.get("text"))).toEqual(["first", "second"]);
});

test("a placeholder without a column is a failure that is not repeated by itself", async () => {
  answer = () => refused("column_unknown", "text");
  const check = begin();
  Object.assign(mailing, { pasted: "89251234567", text: "Hi {nobody}" });
  await pause();
  await pause();
  expect(check.failure.value?.errors[0]).toMatchObject({ code: "column_unknown", parameter: "text" });
  expect(checks()).toHaveLength(1);
  answer = found;
  check.retry();
  await pause();
  expect(check.current.value).toBe(true);
});

test("what a reload has left on the server is removed by the next check", async () => {
  begin();
  Object.assign(mailing, { pasted: "89251234567", text: "Hello" });
  await pause();
  const left = sessionStorage.getItem("sms.checked");
  expect(left).toMatch(/^"import\d+"$/);
  scope.stop();
  vi.resetModules();
  const again = (await import("@/pages/send/many/useCheck")).useCheck;
  const { mailing: reloaded } = await import("@/pages/send/many/mailing");
  scope = effectScope();
  scope.run(() => again(ref("Europe/Moscow")));
  reloaded.text = "Hello again";
  await pause();
  expect(removed()).toEqual([JSON.parse(left ?? "")]);
});

test("what was sent is not removed", async () => {
  const check = begin();
  Object.assign(mailing, { pasted: "89251234567", text: "Hello" });
  await pause();
  check.forget();
  Object.assign(mailing, { pasted: "", text: "" });
  await pause();
  expect(removed()).toEqual([]);
});
