import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { expect, test } from "vitest";
import { createApp } from "vue";
import { i18n, setLanguage } from "@/i18n";
import { OWN_REASONS, ownReason } from "@/lib/reasons";
import { useReason } from "@/lib/useReason";

const FILES = ["provider/sandbox.rs", "store/transition.rs", "worker/attempt.rs"];

function reasons(): ReturnType<typeof useReason> {
  let found: ReturnType<typeof useReason> | undefined;
  const app = createApp({ setup: () => ((found = useReason()), () => null) });
  app.use(i18n).mount(document.createElement("div"));
  app.unmount();
  if (!found) throw new Error("not set up");
  return found;
}

test("the reasons of the server are those in its code", () => {
  const code = FILES.map((file) => readFileSync(resolve(import.meta.dirname, "../../../../sms-core/src", file), "utf8")).join();
  expect(OWN_REASONS.filter((text) => !code.includes(`"${text}"`))).toEqual([]);
});

test("only the words of the server are told in another language", async () => {
  expect(ownReason("toString")).toBeNull();
  await setLanguage("ru");
  const { said, why } = reasons();
  expect(said("the recipient is on the stop-list")).toBe("номер в стоп-листе");
  expect(said("No route to this number")).toBe("No route to this number");
  expect(said(null)).toBeNull();
  const meaning = { en: "no route", ru: "нет маршрута" };
  expect(why({ meaning, reason: "refused by the sandbox, as it was asked to" })).toBe("нет маршрута");
  expect(why({ reason: "refused by the sandbox, as it was asked to" })).toBe("песочница отказала, как её и просили");
  await setLanguage("en");
  expect(why({ meaning, reason: "x" })).toBe("no route");
});
