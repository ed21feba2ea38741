import { ref, watch } from "vue";
import { api, data } from "@/api/client";
import { Problem } from "@/api/problem";
import type { components } from "@/api/schema";
import { recallInTab, rememberInTab } from "@/lib/tabStorage";
import { currentSession } from "@/session/session";

type Schemas = components["schemas"];

/** A message that this tab sent, as far as its story is known. */
export interface Sent {
  id: string;
  to: string;
  at: string;
  status: Schemas["MessageStatus"];
  text: string;
  parts: number;
  scheduled?: string | undefined;
  meaning?: Schemas["Meaning"] | null | undefined;
  reason?: string | null | undefined;
  charged?: Schemas["Charged"] | undefined;
  provider?: string | null | undefined;
}

const NAME = "sent";
const KEPT = 20;
/** States that may still change by themselves. `unknown` may be settled by evidence. */
const OPEN = new Set<Schemas["MessageStatus"]>(["queued", "sending", "sent", "unknown"]);

/** What this tab sent, newest first. It survives a reload. */
export const sent = ref<Sent[]>(recallInTab<Sent[]>(NAME) ?? []);

watch(sent, (now) => rememberInTab(NAME, now.length > 0 ? now : null));
watch(currentSession, (now) => {
  if (!now) sent.value = [];
});

export function addSent(accepted: Schemas["AcceptedMessage"], body: Schemas["MessageBody"]): void {
  const { id, status, parts } = accepted;
  const to = accepted.to ?? String(body.to);
  const scheduled = body.send_at ?? undefined;
  const entry: Sent = { id, to, status, parts, text: body.text, at: new Date().toISOString(), scheduled };
  sent.value = [entry, ...sent.value.filter((other) => other.id !== id)].slice(0, KEPT);
}

export function isOpen(entry: Sent): boolean {
  return OPEN.has(entry.status);
}

/** Reads the messages that may have changed. One that is gone (removed by age) stays as it was. */
export async function refreshSent(signal?: AbortSignal): Promise<void> {
  const open = sent.value.filter(isOpen);
  const read = await Promise.all(open.map((entry) => readOne(entry, signal)));
  const known = new Map(read.map((entry) => [entry.id, entry]));
  sent.value = sent.value.map((entry) => known.get(entry.id) ?? entry);
}

async function readOne(entry: Sent, signal: AbortSignal | undefined): Promise<Sent> {
  try {
    const params = { path: { id: entry.id } };
    const found = await data(api.GET("/v1/messages/{id}", { params, ...(signal ? { signal } : {}) }));
    const { status, meaning, reason, charged, provider } = found;
    return { ...entry, status, meaning, reason, charged, provider };
  } catch (error) {
    if (Problem.from(error).status === 404) return entry;
    throw error;
  }
}
