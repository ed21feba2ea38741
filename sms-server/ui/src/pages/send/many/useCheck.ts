import { computed, ref, watch, type ComputedRef, type Ref } from "vue";
import { Problem } from "@/api/problem";
import { recallInTab, rememberInTab } from "@/lib/tabStorage";
import { fieldsOf, lacksTime } from "../options";
import { checkFile, removeImport, type CheckParameters, type ImportDetails } from "./imports";
import { chosenFile, mailing, NAMED_COLUMN } from "./mailing";
import { fileOfPasted } from "./pasted";

/** What the server has found in a file, before the text is written. */
type Layout = Pick<ImportDetails, "columns" | "to_column" | "rows">;

/** A text that every message can have, to learn the columns of a file. Such a check is removed. */
const PROBE = ".";
const DELAY_MS = 700;
/** From this size on, in bytes, a longer pause is waited for: all of it goes to the server. */
const LARGE = 1_000_000;
const LATEST = "checked";

// One mailing in a tab, so one check: it stays when the page is left and opened again.
const details = ref<ImportDetails | null>(null);
const layout = ref<Layout | null>(null);
const failure = ref<Problem | null>(null);
const busy = ref(false);
/** What `details` was made from. */
let checkedAs = "";
let layoutOf = "";
/** The import that a reload of the page has left on the server, else that of `details`. */
let latest = recallInTab<string>(LATEST);
let numberOfFile = 0;
let timer: ReturnType<typeof setTimeout> | undefined;
watch(chosenFile, () => numberOfFile++, { flush: "sync" });

interface Check {
  details: Ref<ImportDetails | null>;
  layout: Ref<Layout | null>;
  failure: Ref<Problem | null>;
  busy: Ref<boolean>;
  /** The check is of what is on the page now. */
  current: ComputedRef<boolean>;
  /** Checks again after a failure. */
  retry(): void;
  /** Call when it was sent or removed. */
  forget(): void;
}

/** Checks the mailing on the server when the typing has paused, one check at a time. */
export function useCheck(zone: Readonly<Ref<string>>): Check {
  const source = computed(() => {
    if (chosenFile.value) return `file ${numberOfFile}`;
    return mailing.pasted.trim() === "" ? "" : `pasted ${mailing.pasted}`;
  });
  const parameters = computed(() => parametersOf(zone.value));
  const wanted = computed(() => JSON.stringify([source.value, mailing.toColumn, parameters.value]));
  const current = computed(() => details.value !== null && !busy.value && checkedAs === wanted.value);

  function later(): void {
    clearTimeout(timer);
    const size = chosenFile.value?.size ?? mailing.pasted.length;
    timer = setTimeout(() => void run(), size > LARGE ? 3 * DELAY_MS : DELAY_MS);
  }

  async function run(): Promise<void> {
    // A check that runs is not given up: nobody would remove what it leaves on the server.
    if (busy.value || wanted.value === checkedAs) return;
    const [as, from] = [wanted.value, source.value];
    failure.value = null;
    if (from === "") return show(null, as);
    if (layoutOf !== from) [layout.value, layoutOf] = [null, from];
    if (lacksTime(mailing, zone.value)) return;
    busy.value = true;
    try {
      show(await checkOnce(parameters.value), as);
    } catch (error) {
      failure.value = Problem.from(error);
      show(null, as);
    } finally {
      busy.value = false;
    }
    if (wanted.value !== as) later();
  }

  function retry(): void {
    checkedAs = "";
    void run();
  }

  watch(wanted, later);
  if (wanted.value !== checkedAs) later();
  return { details, layout, failure, busy, current, retry, forget: () => show(null, "", false) };
}

/** Puts a result in place of the earlier one, which is of no use any more. */
function show(found: ImportDetails | null, as: string, removes = true): void {
  const earlier = latest;
  details.value = found;
  checkedAs = as;
  latest = found?.id ?? null;
  rememberInTab(LATEST, latest);
  if (found) layout.value = found;
  // The server removes it in a day anyway; few may wait there at once.
  if (earlier !== null && removes) removeImport(earlier).catch(() => undefined);
}

async function checkOnce(parameters: CheckParameters): Promise<ImportDetails | null> {
  const body = chosenFile.value ?? fileOfPasted(mailing.pasted);
  const named = parameters["text"] === undefined && parameters["text_column"] === undefined;
  if (!named || mailing.textFrom === NAMED_COLUMN) return checkFile(body, parameters);
  if (layout.value) return null;
  try {
    const found = await checkFile(body, parameters);
    // The file has a column of texts, and nobody has written another one.
    mailing.textFrom = NAMED_COLUMN;
    return found;
  } catch (error) {
    if (!Problem.from(error).errors.some(({ code }) => code === "text_missing")) throw error;
  }
  const probe = await checkFile(body, { ...parameters, text: PROBE });
  layout.value = probe;
  await removeImport(probe.id);
  return null;
}

function parametersOf(zone: string): CheckParameters {
  const parameters: CheckParameters = {};
  for (const [name, value] of Object.entries(fieldsOf(mailing, zone))) parameters[name] = String(value);
  if (mailing.textFrom === "" && mailing.text.trim() !== "") parameters["text"] = mailing.text;
  if (mailing.textFrom !== "" && mailing.textFrom !== NAMED_COLUMN) parameters["text_column"] = mailing.textFrom;
  if (mailing.toColumn !== "") parameters["to_column"] = mailing.toColumn;
  if (chosenFile.value) parameters["file_name"] = chosenFile.value.name.slice(0, 255);
  return parameters;
}
