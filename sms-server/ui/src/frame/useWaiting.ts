import { useQuery } from "@tanstack/vue-query";
import { computed, type ComputedRef, type Ref } from "vue";
import { api, data } from "@/api/client";
import { every } from "@/api/queries";
import { may } from "@/session/session";

/**
 * How many messages wait, while `wanted`; null while it is not known. With `admin` it is what the queue
 * holds, else the own messages of the last day.
 */
export function useWaiting(wanted: Readonly<Ref<boolean>>): ComputedRef<number | null> {
  const queue = useQuery({
    queryKey: ["queue"],
    queryFn: ({ signal }) => data(api.GET("/v1/queue", { signal })),
    enabled: () => wanted.value && may("admin"),
    refetchInterval: every(5000),
  });
  const stats = useQuery({
    queryKey: ["stats"],
    queryFn: ({ signal }) => data(api.GET("/v1/stats", { signal })),
    enabled: () => wanted.value && !may("admin") && may("read"),
    refetchInterval: every(5000),
  });
  return computed(() => {
    const lanes = queue.data.value?.lanes;
    // What a paused worker holds waits, too.
    if (lanes) return Object.values(lanes).reduce((sum, lane) => sum + lane.ready + lane.leased, 0);
    return stats.data.value?.counts["queued"] ?? null;
  });
}
