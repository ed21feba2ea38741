import { computed, ref, watch } from "vue";
import { api } from "@/api/client";
import { Problem } from "@/api/problem";
import type { components } from "@/api/schema";
import { useFormat } from "@/lib/format/useFormat";
import { readPhone } from "@/lib/phone";
import { clearDraft, draft } from "../draft";
import { fieldsOf } from "../options";
import { forgetKey, keyOf } from "./idempotency";
import { addSent } from "./sent";

type Body = components["schemas"]["MessageBody"];

/** Pauses before the same request is made again by itself, in milliseconds. */
const RETRIES = [500, 2000];

/** Sends the draft, once, however often it is asked for. */
export function useSend() {
  const { zone } = useFormat();
  const busy = ref(false);
  const failure = ref<Problem>();
  const body = computed<Body>(() => {
    const to = readPhone(draft.to).e164 ?? draft.to.trim();
    return { to, text: draft.text, ...fieldsOf(draft, zone.value) };
  });

  // What was wrong is not said of what was changed since.
  watch(body, () => {
    if (failure.value && !isLost(failure.value)) failure.value = undefined;
  });

  async function send(): Promise<boolean> {
    if (busy.value) return false;
    busy.value = true;
    failure.value = undefined;
    const sent = body.value;
    try {
      const accepted = await post(sent, keyOf(JSON.stringify(sent)));
      forgetKey();
      addSent(accepted, sent);
      clearDraft();
      return true;
    } catch (error) {
      failure.value = Problem.from(error);
      return false;
    } finally {
      busy.value = false;
    }
  }

  return { busy, failure, body, send };
}

async function post(body: Body, key: string): Promise<components["schemas"]["AcceptedMessage"]> {
  for (const pause of [...RETRIES, null]) {
    try {
      const header = { "Idempotency-Key": key };
      const reply = await api.POST("/v1/messages", { params: { header }, body });
      if (reply.data) return reply.data;
      throw new Problem("unreadable", 0, "");
    } catch (error) {
      // The key makes a repeat safe when the reply was lost, and there is no hurry to give up.
      if (pause === null || !isLost(Problem.from(error))) throw error;
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }
  throw new Problem("unreadable", 0, "");
}

/** True if it is not known whether the server took the message. */
export function isLost(problem: Problem): boolean {
  return problem.status === 0 || [408, 500, 502, 503, 504].includes(problem.status);
}
