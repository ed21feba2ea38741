import type { components } from "./schema";

type Schemas = components["schemas"];

/**
 * Fields that a server may have and the committed document does not have yet. Written by hand;
 * goes away when `npm run types` knows them.
 */
interface Coming {
  /** What the provider says that it costs, as a decimal text. */
  cost?: string | null;
  /** The number and the text were erased: both are empty. */
  erased?: boolean;
}

export type Meaning = Schemas["Meaning"];
export type MessageStatus = Schemas["MessageStatus"];
export type MessageClass = Schemas["MessageClass"];
export type MessageFilter = Schemas["MessageFilter"];
export type Message = Schemas["MessageView"] & Coming;
export type Step = Schemas["StepView"] & { cost?: string | null; meaning?: Meaning | null };
export type MessageDetails = Omit<Schemas["MessageDetails"], "timeline"> & Coming & { timeline: Step[] };
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
