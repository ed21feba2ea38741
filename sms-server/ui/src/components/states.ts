import type { components } from "@/api/schema";
import type { IconName } from "./icons";

export type Status = components["schemas"]["MessageStatus"];
export type Tone = "ok" | "run" | "warn" | "bad" | "ask" | "idle";

/** Icon and colour of each state; the words are `status.*` in the locale files. */
export const STATES: Record<Status, { icon: IconName; tone: Tone }> = {
  queued: { icon: "clock", tone: "idle" },
  sending: { icon: "right", tone: "run" },
  sent: { icon: "up", tone: "run" },
  delivered: { icon: "tick", tone: "ok" },
  undelivered: { icon: "exclamation", tone: "warn" },
  failed: { icon: "cross", tone: "bad" },
  unknown: { icon: "question", tone: "ask" },
  expired: { icon: "dash", tone: "idle" },
  cancelled: { icon: "crossed", tone: "idle" },
};
