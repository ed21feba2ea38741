import { reactive, watch } from "vue";
import type { components } from "@/api/schema";
import { recall, remember } from "@/lib/storage";
import { recallInTab, rememberInTab } from "@/lib/tabStorage";
import { currentSession } from "@/session/session";

export type MessageClass = components["schemas"]["MessageClass"];

export const CLASSES: readonly MessageClass[] = ["otp", "service", "marketing"];

/** What a message and a mailing have in common. */
export interface Options {
  from: string;
  class: MessageClass;
  /** At a time that is chosen, and not at once. */
  later: boolean;
  /** That time in the zone of the instance, as of `datetime-local`; empty while it is not complete. */
  at: string;
  /** Seconds; empty: as usual for the class. */
  deadline: string;
  translit: boolean;
  /** Null: as usual for the class. */
  daytime: boolean | null;
}

/** A message that is being written. */
export interface Draft extends Options {
  to: string;
  text: string;
}

const NAME = "draft";

function empty(): Draft {
  const sender = recall("from") ?? "";
  return {
    to: "", text: "",
    from: sender, class: "service", later: false, at: "", deadline: "", translit: false, daytime: null,
  };
}

/** The message of this tab. It survives a reload, and a session that ends while one types. */
export const draft: Draft = reactive({ ...empty(), ...recallInTab<Partial<Draft>>(NAME) });

watch(draft, (now) => rememberInTab(NAME, now), { deep: true, flush: "sync" });
// What one person wrote is not for the next one at this browser.
watch(currentSession, (now) => {
  if (now) return;
  Object.assign(draft, empty());
  rememberInTab(NAME, null);
});

/** After a message was accepted: number, text and time go, the rest is as it was chosen. */
export function clearDraft(): void {
  remember("from", draft.from.trim() || null);
  Object.assign(draft, { to: "", text: "", later: false, at: "" });
}

/** Takes what another page or a link has prepared: `?to=…&text=…`. Returns true if there was any. */
export function prefill(query: Record<string, unknown>): boolean {
  const given = (name: string): string | undefined => {
    const value = query[name];
    return typeof value === "string" ? value : undefined;
  };
  const [to, text, from, purpose] = [given("to"), given("text"), given("from"), given("class")];
  if (to === undefined && text === undefined) return false;
  Object.assign(draft, { to: to ?? "", text: text ?? "", later: false, at: "" });
  if (from !== undefined) draft.from = from;
  const known = CLASSES.find((name) => name === purpose);
  if (known) draft.class = known;
  return true;
}
