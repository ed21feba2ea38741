import { onScopeDispose, ref, watch, type Ref } from "vue";
import { api } from "@/api/client";
import { Problem } from "@/api/problem";
import type { components } from "@/api/schema";
import { countParts } from "@/lib/segments";
import { latin } from "@/lib/translit";

type Meaning = components["schemas"]["Meaning"];

/** What the provider says of a message before it is sent. */
export interface Cost {
  /** A decimal number as text; null if the provider would refuse the message. */
  total: string | null;
  /** The meaning of the refusal. */
  refusal: Meaning | null;
}

export interface Priced {
  /** Numbers in international form: of one text any number, else one for each text. */
  to: readonly string[];
  texts: readonly string[];
  from: string;
  translit: boolean;
}

const DELAY_MS = 700;
const KEPT_MS = 300_000;
const known = new Map<string, { at: number; cost: Cost | null }>();
let supported = true;

/**
 * The cost of messages; null while it is not known. It is asked for a moment after the number, the
 * sender or the number of parts has changed, and not at all when only letters did.
 */
export function useCost(priced: () => Priced | null): Ref<Cost | null> {
  const cost = ref<Cost | null>(null);
  let timer: ReturnType<typeof setTimeout> | undefined;
  let running: AbortController | undefined;

  function stop(): void {
    clearTimeout(timer);
    running?.abort();
  }

  watch(
    () => {
      const now = priced();
      return now && { key: keyOf(now), now };
    },
    (wanted, before) => {
      if (wanted?.key === before?.key) return;
      stop();
      cost.value = null;
      if (!wanted || !supported) return;
      const found = known.get(wanted.key);
      if (found && Date.now() - found.at < KEPT_MS) {
        cost.value = found.cost;
        return;
      }
      // Letters may have changed since then, the size has not.
      timer = setTimeout(() => void ask(wanted.key, priced() ?? wanted.now), DELAY_MS);
    },
    { immediate: true },
  );
  onScopeDispose(stop);

  async function ask(key: string, now: Priced): Promise<void> {
    const controller = new AbortController();
    running = controller;
    try {
      const found = await request(now, controller.signal);
      if (controller.signal.aborted) return;
      known.set(key, { at: Date.now(), cost: found });
      cost.value = found;
    } catch (error) {
      // A server that does not tell costs refuses the field: it is not asked again.
      if (Problem.from(error).code === "invalid_request" || Problem.from(error).status === 400) supported = false;
    }
  }
  return cost;
}

function keyOf({ to, texts, from, translit }: Priced): string {
  const sizes = texts.map((text) => countParts(translit ? latin(text) : text).parts);
  return JSON.stringify([to, sizes, from]);
}

async function request({ to, texts, from, translit }: Priced, signal: AbortSignal): Promise<Cost | null> {
  const body = { texts: [...texts], to: [...to], ...(translit ? { translit } : {}), ...(from ? { from } : {}) };
  const { data } = await api.POST("/v1/estimate", { body, signal });
  const cost = data?.cost;
  if (!cost) return null;
  const refusal = cost.recipients.length === 1 ? (cost.recipients[0]?.meaning ?? null) : null;
  const total = cost.total ?? null;
  return total === null && refusal === null ? null : { total, refusal };
}
