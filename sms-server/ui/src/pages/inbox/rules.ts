import type { components } from "@/api/schema";

export type Rule = components["schemas"]["RuleBody"];
export type Action = components["schemas"]["RuleAction"];

export const ACTIONS: readonly Action[] = ["deliver", "delay", "undelivered", "fail", "defer", "lose", "silent"];

/** A rule as it is typed. */
export interface TypedRule {
  id: number;
  to: string;
  /** Percent; empty for all. */
  share: string;
  action: Action;
  code: string;
  seconds: string;
}

/** Numbers with an end of their own, in the order of the documentation. */
export const FIXED: readonly { number: string; action: Action }[] = [
  { number: "+79760000001", action: "undelivered" },
  { number: "+79760000002", action: "fail" },
  { number: "+79760000003", action: "defer" },
  { number: "+79760000004", action: "lose" },
  { number: "+79760000005", action: "silent" },
  { number: "+79760000006", action: "delay" },
];

let last = 0;

export function newRule(): TypedRule {
  return { id: ++last, to: "", share: "", action: "fail", code: "", seconds: "" };
}

export function takesCode(action: Action): boolean {
  return action === "undelivered" || action === "fail" || action === "defer";
}

export function typed(rules: readonly Rule[]): TypedRule[] {
  return rules.map((rule) => ({
    id: ++last,
    to: rule.to ?? "",
    // 0.07 * 100 is 7.000000000000001.
    share: rule.share == null ? "" : String(Number((rule.share * 100).toFixed(6))),
    action: rule.action,
    code: rule.code == null ? "" : String(rule.code),
    seconds: rule.seconds == null ? "" : String(rule.seconds),
  }));
}

/** The share as a part of one; null when nothing was typed; undefined when it is no percentage. */
export function readShare(share: string): number | null | undefined {
  const text = share.trim().replace(",", ".").replace(/\s*%$/, "");
  if (text === "") return null;
  const value = Number(text);
  return value >= 0 && value <= 100 ? value / 100 : undefined;
}

/** What is sent. A value that does not belong to the action is left out. */
export function body(rules: readonly TypedRule[]): Rule[] {
  return rules.map((rule) => {
    const whole: Rule = { action: rule.action };
    if (rule.to.trim() !== "") whole.to = rule.to.trim();
    const share = readShare(rule.share);
    if (share != null) whole.share = share;
    if (takesCode(rule.action) && rule.code !== "") whole.code = Number(rule.code);
    if (rule.action === "delay" && rule.seconds !== "") whole.seconds = Number(rule.seconds);
    return whole;
  });
}
