import { useQuery } from "@tanstack/vue-query";
import { computed, onScopeDispose, ref, shallowRef, watch, type Ref } from "vue";
import { api, data } from "@/api/client";
import type { Message } from "@/api/messages";
import { every } from "@/api/queries";
import { paused } from "@/live/paused";
import { useLive } from "@/live/useLive";
import { signedIn } from "@/session/session";
import type { Filters } from "./filters";
import { applyEvents, firstRows, renewRows, type Rows } from "./liveRows";
import { useApiFilter } from "./useApiFilter";

/** Rows of a page. */
export const LIMIT = 50;
/** Events ask for the page again at most so often. */
const SOONEST_MS = 2000;

/**
 * A page of the list. New messages are no events, so the first page is read again every few
 * seconds; events show a change of a shown row at once.
 */
export function useMessages(filters: Ref<Filters>, cursor: Ref<string | undefined>) {
  const { key, known, params } = useApiFilter(filters);
  const where = computed(() => `${key.value} ${cursor.value ?? ""}`);
  const query = useQuery({
    queryKey: ["messages", "list", where],
    queryFn: ({ signal }) => {
      const query = { ...params(), limit: LIMIT, cursor: cursor.value };
      return data(api.GET("/v1/messages", { signal, params: { query } }));
    },
    enabled: () => signedIn.value && known.value,
    refetchInterval: () => every(cursor.value ? 30_000 : 4000)(),
  });

  const rows = shallowRef<Rows | null>(null);
  let shownWhere = "";
  function showFresh(): void {
    const page = query.data.value;
    rows.value = page ? firstRows(page.data as Message[]) : null;
    shownWhere = where.value;
  }
  watch([() => query.data.value, where], ([page]) => {
    if (!page || !rows.value || shownWhere !== where.value) showFresh();
    else rows.value = renewRows(rows.value.shown, page.data as Message[], LIMIT);
  }, { immediate: true });

  const again = ref<ReturnType<typeof setTimeout>>();
  function readSoon(): void {
    again.value ??= setTimeout(() => {
      again.value = undefined;
      // The pause may have come in between.
      if (!paused.value) void query.refetch();
    }, SOONEST_MS);
  }
  onScopeDispose(() => clearTimeout(again.value));
  useLive(null, (events) => {
    const shown = rows.value && applyEvents(rows.value.shown, events);
    if (rows.value && shown) rows.value = { ...rows.value, shown };
    readSoon();
  }, { resync: () => void query.refetch() });

  /** Reads the page and shows it as it is, also what is new. */
  async function reload(): Promise<void> {
    await query.refetch();
    showFresh();
  }
  return { query, rows, showFresh, reload };
}
