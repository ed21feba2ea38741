import type { MessageDetails, MessageStatus, Step } from "@/api/messages";
import { STATES, type Tone } from "@/components/states";
import type { IconName } from "@/components/icons";

/** A stop on the way of a message. */
export interface Stop {
  /** The key of its name: `message.path.NAME`. */
  name: "accepted" | MessageStatus;
  state: "done" | "now" | "todo";
  icon: IconName | null;
  tone: Tone;
}

/** What comes after a status if all goes well. */
const AHEAD: Partial<Record<MessageStatus, MessageStatus[]>> = {
  queued: ["sending", "delivered"],
  sending: ["sent", "delivered"],
  sent: ["delivered"],
  unknown: ["sent", "delivered"],
};
/** Statuses that are a stop on the way once they were passed; waiting and sending are not. */
const KEPT: readonly MessageStatus[] = ["sent", "unknown", "delivered", "undelivered"];

/** The way of a message: what it has passed, where it stands, what lies ahead. */
export function pathOf({ status, timeline }: Pick<MessageDetails, "status" | "timeline">): Stop[] {
  const passed: MessageStatus[] = [];
  for (const step of timeline) {
    if (KEPT.includes(step.status) && step.status !== status && passed.at(-1) !== step.status) passed.push(step.status);
  }
  const tried = timeline.some(({ kind }) => kind === "attempt" || kind === "started");
  const done: Stop["name"][] = ["accepted", ...unique(passed)];
  // A refusal or a lost answer came out of sending; the other ends were reached while waiting.
  if (passed.length === 0 && tried && (status === "failed" || status === "unknown")) done.push("sending");
  return [
    ...done.map((name): Stop => ({ name, state: "done", icon: name === "unknown" ? "question" : "tick", tone: name === "unknown" ? "ask" : "ok" })),
    { name: status, state: "now", ...STATES[status] },
    ...(AHEAD[status] ?? []).map((name): Stop => ({ name, state: "todo", icon: null, tone: "idle" })),
  ];
}

/** A line of the timeline. */
export interface Line {
  step: Step;
  /** Milliseconds since the line before; null for the first. Clocks differ, so it is never negative. */
  since: number | null;
  /** The key of its sentence: `message.step.NAME`. */
  name: string;
  tone: Tone;
}

const OUTCOME_TONES: Record<NonNullable<Step["outcome"]>, Tone> = {
  accepted: "run", rejected: "bad", deferred: "warn", blocked: "warn", not_sent: "warn", unknown: "ask",
};

/** The timeline for people. */
export function linesOf(timeline: readonly Step[]): Line[] {
  return timeline.map((step, at) => {
    const before = timeline[at - 1];
    return {
      step,
      since: before ? Math.max(0, Date.parse(step.at) - Date.parse(before.at)) : null,
      name: nameOf(step),
      tone: toneOf(step),
    };
  });
}

function nameOf(step: Step): string {
  switch (step.kind) {
    case "attempt":
    case "late_outcome":
      return `${step.kind}_${step.outcome ?? "unknown"}`;
    case "receipt": {
      const reported = step.part_status ?? step.status;
      return `receipt_${["delivered", "undelivered"].includes(reported) ? reported : "sent"}`;
    }
    case "resolved":
      return `resolved_${step.status === "queued" ? "resend" : step.status === "failed" ? "failed" : "sent"}`;
    case "accepted":
      return step.text ? "accepted_resend" : "accepted";
    default:
      return step.kind;
  }
}

function toneOf(step: Step): Tone {
  if (step.outcome) return OUTCOME_TONES[step.outcome];
  if (step.kind === "receipt") return STATES[step.part_status ?? step.status].tone;
  if (step.kind === "lease_over") return "warn";
  return step.kind === "accepted" ? "idle" : STATES[step.status].tone;
}

function unique<T>(values: T[]): T[] {
  return [...new Set(values)];
}
