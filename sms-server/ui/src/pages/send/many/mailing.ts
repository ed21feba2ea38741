import { reactive, shallowRef, watch } from "vue";
import { recall, remember } from "@/lib/storage";
import { recallInTab, rememberInTab } from "@/lib/tabStorage";
import { currentSession } from "@/session/session";
import type { Options } from "../draft";

/** Value of `textFrom` for the column that the server finds by its name. */
export const NAMED_COLUMN = "*";

/** A message to several recipients that is being written. */
export interface Mailing extends Options {
  /** A list or cells, if no file was chosen. */
  pasted: string;
  text: string;
  /** Empty: `text`; else the column that has the texts. */
  textFrom: string;
  /** Empty: the server finds the column of numbers. */
  toColumn: string;
}

const NAME = "mailing";
/** What is longer is not kept over a reload. */
const MAX_KEPT = 500_000;

function empty(): Mailing {
  return {
    pasted: "", text: "", textFrom: "", toColumn: "",
    from: recall("from") ?? "", class: "service", later: false, at: "", deadline: "", translit: false, daytime: null,
  };
}

/** The mailing of this tab. All but the file survives a reload. */
export const mailing: Mailing = reactive({ ...empty(), ...recallInTab<Partial<Mailing>>(NAME) });
/** The chosen file; browsers give it to nobody after a reload. */
export const chosenFile = shallowRef<File | null>(null);

watch(
  mailing,
  (now) => rememberInTab(NAME, now.pasted.length > MAX_KEPT ? { ...now, pasted: "" } : now),
  { deep: true, flush: "sync" },
);
watch(currentSession, (now) => {
  if (!now) reset();
});

/** After it was sent: sender and purpose stay as they were chosen. */
export function clearMailing(): void {
  remember("from", mailing.from.trim() || null);
  chosenFile.value = null;
  Object.assign(mailing, { pasted: "", text: "", textFrom: "", toColumn: "", later: false, at: "" });
}

function reset(): void {
  chosenFile.value = null;
  Object.assign(mailing, empty());
  rememberInTab(NAME, null);
}
