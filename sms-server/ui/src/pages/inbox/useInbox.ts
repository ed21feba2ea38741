import { useInfiniteQuery } from "@tanstack/vue-query";
import { computed, onScopeDispose, type Ref } from "vue";
import { api, data } from "@/api/client";
import { every } from "@/api/queries";
import { useLive } from "@/live/useLive";

export interface Wanted {
  key?: string;
  q?: string;
  to?: string;
}

/** A flood of events is one reading every two seconds. */
const SLOWEST_MS = 2000;
/** The steps of one message come close together. */
const FIRST_MS = 200;

/** Messages of the sandbox, newest first, page by page; read again when something happens. */
export function useInbox(wanted: Ref<Wanted | null>, limit: number) {
  const query = useInfiniteQuery({
    queryKey: ["inbox", wanted, limit],
    queryFn: ({ signal, pageParam }) => {
      const params = { query: { ...wanted.value, limit, cursor: pageParam ?? undefined } };
      return data(api.GET("/v1/sandbox/messages", { signal, params }));
    },
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    enabled: () => wanted.value !== null,
    refetchInterval: every(10_000),
  });
  let timer: ReturnType<typeof setTimeout> | undefined;
  let readAt = 0;
  function happened(): void {
    const wait = Math.max(FIRST_MS, readAt + SLOWEST_MS - Date.now());
    timer ??= setTimeout(() => {
      timer = undefined;
      readAt = Date.now();
      if (wanted.value !== null) void query.refetch({ cancelRefetch: false });
    }, wait);
  }
  useLive(null, happened, { resync: happened });
  onScopeDispose(() => clearTimeout(timer));
  const messages = computed(() => query.data.value?.pages.flatMap((page) => page.data) ?? []);
  return { query, messages };
}
