import { useQuery } from "@tanstack/vue-query";
import { computed, type Ref } from "vue";
import { api, data } from "@/api/client";
import { every } from "@/api/queries";
import { useProvider } from "@/frame/useProvider";
import { may, signedIn } from "@/session/session";
import { noFilters, type Filters } from "./filters";
import { useApiFilter } from "./useApiFilter";

/** How many messages match; `more` when the server stopped counting. */
export interface Count {
  count: number;
  more: boolean;
  backTo: string | null;
}

/** Codes that mean that the account has no money. */
const NO_MONEY: readonly number[] = [201];
const EVERY_MS = 20_000;

/** The count of a filter. The server stops counting after some milliseconds, so it never waits. */
export function useCount(filters: Ref<Filters>, enabled: () => boolean = () => true) {
  const { key, known, params } = useApiFilter(filters);
  return useQuery({
    queryKey: ["messages", "count", key],
    queryFn: async ({ signal }): Promise<Count> => {
      const answer = await data(api.GET("/v1/messages/count", { signal, params: { query: params() } }));
      return { count: answer.count, more: answer.searched_back_to != null, backTo: answer.searched_back_to ?? null };
    },
    enabled: () => signedIn.value && may("read") && known.value && enabled(),
    refetchInterval: every(EVERY_MS),
  });
}

/** A filter with a name, and how many messages it has now. */
export interface SavedView {
  name: "all" | "needs" | "unknown" | "waiting" | "waiting_money" | "expired" | "failed";
  filters: Filters;
  count?: Count;
}

/** The views that are worth a click: what needs a person comes first. */
export function useSavedViews() {
  const { provider } = useProvider();
  const held = computed(() => provider.value?.state === "paused" || provider.value?.state === "pausing");
  const money = computed(() => held.value && NO_MONEY.includes(provider.value?.pause?.code ?? 0));
  const unknown = computed<Filters>(() => ({ ...noFilters(), status: ["unknown"] }));
  const waiting = computed<Filters>(() => ({ ...noFilters(), status: ["queued"] }));
  const expired = computed<Filters>(() => ({ ...noFilters(), status: ["expired"], period: "7d" }));
  // Old expired messages cannot be put right any more: they need nobody.
  const needs = computed<Filters>(() => ({
    ...noFilters(),
    status: held.value ? ["queued", "unknown", "expired"] : ["unknown", "expired"],
    period: "7d",
  }));
  const counts = {
    needs: useCount(needs),
    unknown: useCount(unknown),
    waiting: useCount(waiting, () => held.value),
    expired: useCount(expired),
  };
  const views = computed<SavedView[]>(() => [
    { name: "all", filters: noFilters() },
    { name: "needs", filters: needs.value, count: counts.needs.data.value },
    { name: "unknown", filters: unknown.value, count: counts.unknown.data.value },
    ...(held.value
      ? [{ name: money.value ? "waiting_money" : "waiting", filters: waiting.value, count: counts.waiting.data.value } as const]
      : []),
    { name: "expired", filters: expired.value, count: counts.expired.data.value },
    { name: "failed", filters: { ...noFilters(), status: ["undelivered", "failed"], period: "24h" } },
  ]);
  const undecided = computed(() => counts.unknown.data.value);
  /** False until it is known if a banner comes: the list waits, so that it does not move. */
  const known = computed(() => !counts.unknown.isPending.value || !may("read"));
  return { views, undecided, known };
}
