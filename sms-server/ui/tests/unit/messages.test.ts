import { describe, expect, test } from "vitest";
import type { Message, Step } from "@/api/messages";
import type { LiveEvent } from "@/live/stream";
import { curlOf } from "@/pages/message/curl";
import { linesOf, pathOf } from "@/pages/message/path";
import { countByStatus, eachOf, effectOf } from "@/pages/messages/bulk";
import { apiFilter, isMessageId, noFilters, readFilters, writeFilters } from "@/pages/messages/filters";
import { applyEvents, firstRows, renewRows, scheduledFor, tookMs } from "@/pages/messages/liveRows";

const AT = "2026-11-27T09:00:00.000Z";

function message(id: string, more: Partial<Message> = {}): Message {
  return {
    id, status: "sent", to: "+79251234567", text: "hi", parts: 1, encoding: "gsm7", class: "service", on_unknown: "hold",
    max_attempts: 5, attempts: 1, resends: 0, charged: "yes", created_at: AT, updated_at: AT, due_at: AT, deadline_at: AT, ...more,
  };
}
function step(kind: Step["kind"], status: Step["status"], more: Partial<Step> = {}): Step {
  return { at: AT, kind, status, ...more };
}

describe("filters", () => {
  test("what stands in the URL comes back as it was, and the plain list has a plain address", () => {
    const query = { status: "failed,unknown", q: "код", code: "202", class: "otp", reference: "a b", client: "0h2m", period: "today" };
    expect(writeFilters(readFilters(query))).toEqual({ ...query, status: "failed,unknown" });
    expect(writeFilters(noFilters())).toEqual({});
  });

  test("values that are none break nothing", () => {
    const filters = readFilters({ status: "lost,failed", code: "x", class: "vip", period: "ever", from_time: "soon", q: null });
    expect(writeFilters(filters)).toEqual({ status: "failed" });
  });

  test("a period is a day of the instance's zone, whatever the zone of the machine", () => {
    const now = Date.parse("2026-11-26T22:30:00Z"); // 01:30 of the 27th in Moscow
    const of = (period: "today" | "yesterday" | "24h") => apiFilter({ ...noFilters(), period }, "Europe/Moscow", now);
    expect(of("today")).toEqual({ from_time: "2026-11-26T21:00:00.000Z" });
    expect(of("yesterday")).toEqual({ from_time: "2026-11-25T21:00:00.000Z", to_time: "2026-11-26T21:00:00.000Z" });
    expect(of("24h")).toEqual({ from_time: "2026-11-25T22:30:00.000Z" });
  });

  test("yesterday is whole when the clocks were changed in it", () => {
    const now = Date.parse("2026-10-26T12:00:00Z"); // the 25th had 25 hours in Berlin
    expect(apiFilter({ ...noFilters(), period: "yesterday" }, "Europe/Berlin", now)).toEqual({
      from_time: "2026-10-24T22:00:00.000Z", to_time: "2026-10-25T23:00:00.000Z",
    });
  });

  test("a complete number is looked up, parts of one and texts are searched", () => {
    const of = (q: string) => apiFilter({ ...noFilters(), q }, "UTC");
    expect(of("8 (925) 123-45-67")).toEqual({ to: "+79251234567" });
    expect(of("+49 30 123456")).toEqual({ to: "+4930123456" });
    expect(of("8 (925)")).toEqual({ q: "8 (925)" });
    expect(of("заказ 10482")).toEqual({ q: "заказ 10482" });
    expect(of("4930123456789")).toEqual({ q: "4930123456789" });
  });

  test("a client is asked for by its id, as the export and the selection do", () => {
    expect(apiFilter(readFilters({ client: "0h2m", status: "failed" }), "UTC")).toEqual({ status: "failed", client: "0h2m" });
  });

  test("an id is known as one", () => {
    expect(isMessageId(" 01a21c50-e1f2-70e2-941a-e373758238b0 ")).toBe(true);
    expect(isMessageId("visit-4")).toBe(false);
  });
});

describe("live rows", () => {
  const page = (...ids: string[]) => ids.map((id) => message(id));

  test("new messages wait, and shown rows keep their places", () => {
    const rows = renewRows(page("5", "4", "3"), [message("7"), message("6"), message("5", { status: "delivered" }), ...page("4", "3")], 50);
    expect(rows.shown.map(({ id }) => id)).toEqual(["5", "4", "3"]);
    expect(rows.shown[0]?.status).toBe("delivered");
    expect(rows.incoming).toEqual(["7", "6"]);
    expect([...rows.left]).toEqual([]);
  });

  test("a row that no longer matches stays, marked; one that fell off a full page is not marked", () => {
    expect([...renewRows(page("5", "4", "3"), page("5", "3"), 50).left]).toEqual(["4"]);
    const rows = renewRows(page("5", "4", "3"), page("7", "6", "5"), 3);
    expect([...rows.left]).toEqual([]);
    expect(rows.incoming).toEqual(["7", "6"]);
  });

  test("rows that moved up from below are not new", () => {
    expect(renewRows(page("5", "4", "3"), page("5", "3", "2"), 3).incoming).toEqual([]);
  });

  test("an empty list shows the first message at once", () => {
    expect(renewRows([], page("1"), 50)).toEqual(firstRows(page("1")));
  });

  test("an event changes its row, an old one or one about others changes nothing", () => {
    const event = (id: string, at: string): LiveEvent => ({ cursor: "1", message_id: id, at, kind: "receipt", status: "delivered" });
    const shown = page("5", "4");
    expect(applyEvents(shown, [event("4", "2026-11-27T09:00:01.000Z")])?.[1]?.status).toBe("delivered");
    const meaning = { en: "no route", ru: "нет маршрута" };
    const refused = { ...event("4", "2026-11-27T09:00:01.000Z"), code: 207, text: "raw", meaning };
    expect(applyEvents(shown, [refused])?.[1]).toMatchObject({ code: 207, meaning, reason: "raw" });
    expect(applyEvents(shown, [event("9", "2026-11-27T09:00:01.000Z")])).toBeNull();
    expect(applyEvents(shown, [event("4", "2026-11-27T08:59:00.000Z")])).toBeNull();
  });

  test("no time that a message took is negative or counts its schedule", () => {
    expect(tookMs(message("1", { status: "delivered", updated_at: "2026-11-27T08:59:59.000Z" }))).toBe(0);
    const scheduled = { created_at: "2026-11-26T09:00:00.000Z", due_at: AT, updated_at: "2026-11-27T09:00:02.000Z" };
    expect(tookMs(message("1", { status: "delivered", ...scheduled }))).toBe(2000);
    expect(tookMs(message("1", { status: "sent" }))).toBeNull();
    expect(scheduledFor(message("1", { status: "queued", due_at: "2026-11-27T10:00:00.000Z" }), Date.parse(AT))).toBe("2026-11-27T10:00:00.000Z");
    expect(scheduledFor(message("1", { status: "queued" }), Date.parse(AT))).toBeNull();
  });
});

describe("many messages", () => {
  test("the confirmation tells apart what changes and what stays", () => {
    expect(effectOf("cancel", { queued: 3, delivered: 2 })).toEqual({ changes: 3, leaves: 2 });
    expect(effectOf("resolve", { unknown: 1, queued: 4 })).toEqual({ changes: 1, leaves: 4 });
    expect(effectOf("resend", countByStatus([message("1", { status: "failed" }), message("2", { status: "unknown" })]))).toEqual({ changes: 1, leaves: 1 });
  });

  test("all are done, no more at once than allowed", async () => {
    let running = 0;
    let most = 0;
    const done: number[] = [];
    await eachOf([1, 2, 3, 4, 5, 6], 2, async (item) => {
      most = Math.max(most, ++running);
      await Promise.resolve();
      running--;
      done.push(item);
    });
    expect(done.sort()).toEqual([1, 2, 3, 4, 5, 6]);
    expect(most).toBe(2);
  });
});

describe("the story", () => {
  const names = (status: Message["status"], timeline: Step[]) => pathOf({ status, timeline }).map(({ name, state }) => `${name} ${state}`);
  const accepted = step("accepted", "queued");
  const attempt = (status: Step["status"], outcome: Step["outcome"]) => step("attempt", status, { outcome, attempt: 1 });

  test("each state has its way", () => {
    expect(names("queued", [accepted])).toEqual(["accepted done", "queued now", "sending todo", "delivered todo"]);
    expect(names("unknown", [accepted, attempt("unknown", "unknown")])).toEqual([
      "accepted done", "sending done", "unknown now", "sent todo", "delivered todo",
    ]);
    expect(names("failed", [accepted, attempt("failed", "rejected")])).toEqual(["accepted done", "sending done", "failed now"]);
    expect(names("cancelled", [accepted, step("cancelled", "cancelled")])).toEqual(["accepted done", "cancelled now"]);
    const way = [accepted, attempt("unknown", "unknown"), step("resolved", "sent"), step("receipt", "delivered")];
    expect(names("delivered", way)).toEqual(["accepted done", "unknown done", "sent done", "delivered now"]);
  });

  test("clocks that differ make no negative time", () => {
    const lines = linesOf([accepted, { ...attempt("sent", "accepted"), at: "2026-11-27T08:59:58.000Z" }]);
    expect(lines.map(({ since }) => since)).toEqual([null, 0]);
  });

  test("a step has the sentence of its kind and outcome", () => {
    const of = (one: Step) => linesOf([one])[0]?.name;
    expect(of(attempt("failed", "rejected"))).toBe("attempt_rejected");
    expect(of(step("receipt", "delivered"))).toBe("receipt_delivered");
    expect(of(step("receipt", "sent", { part_status: "delivered" }))).toBe("receipt_delivered");
    expect(of(step("resolved", "queued"))).toBe("resolved_resend");
    expect(of(step("accepted", "queued", { text: "the phone was off" }))).toBe("accepted_resend");
  });
});

test("a curl line survives a shell, and names no key", () => {
  const line = curlOf(message("1", { text: "it's 5 $HOME `x`", class: "otp", on_unknown: "resend_once", reference: "a" }), "https://sms.example/v1/messages");
  expect(line).toContain("curl -sS 'https://sms.example/v1/messages'");
  expect(line).toContain(`'{"to":"+79251234567","text":"it'\\''s 5 $HOME \`x\`","class":"otp","reference":"a"}'`);
  expect(line).toContain("Bearer $SMS_KEY");
});
