import type { components } from "./schema";

type Schemas = components["schemas"];

export type Meaning = Schemas["Meaning"];
export type MessageStatus = Schemas["MessageStatus"];
export type MessageClass = Schemas["MessageClass"];
export type MessageFilter = Schemas["MessageFilter"];
export type Message = Schemas["MessageView"];
export type Step = Schemas["StepView"];
export type MessageDetails = Schemas["MessageDetails"];
export type UnmatchedReceipt = Schemas["UnmatchedReceipt"];
export type Selection = Schemas["SelectionView"];
export type Job = Omit<Schemas["JobView"], "action"> & { action: BulkAction };
export type Resolution = Schemas["ResolutionName"];
/** What can be done with many messages. */
export type BulkAction = "cancel" | "resolve" | "resend" | "erase";

export const STATUSES: readonly MessageStatus[] = [
  "queued", "sending", "sent", "delivered", "undelivered", "failed", "unknown", "expired", "cancelled",
];
export const CLASSES: readonly MessageClass[] = ["otp", "service", "marketing"];
