import { computed, type ComputedRef } from "vue";
import { may } from "@/session/session";
import { useCost } from "../single/useCost";
import type { ImportDetails } from "./imports";

/**
 * The cost of an import, by that of its first messages: each part as much as one of theirs. Null
 * while it is not known.
 */
export function useImportCost(details: () => ImportDetails | null, from: () => string): ComputedRef<number | null> {
  const cost = useCost(() => {
    const preview = details()?.preview ?? [];
    if (preview.length === 0 || !may("send")) return null;
    const [to, texts] = [preview.map((message) => message.to), preview.map((message) => message.text)];
    return { to, texts, from: from(), translit: false };
  });
  return computed(() => {
    const [found, total] = [details(), Number(cost.value?.total ?? NaN)];
    const parts = found?.preview.reduce((sum, message) => sum + message.parts, 0) ?? 0;
    return found && parts > 0 && Number.isFinite(total) ? (total / parts) * found.parts : null;
  });
}
