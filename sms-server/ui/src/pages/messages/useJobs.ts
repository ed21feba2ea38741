import { useMutation, useQuery, useQueryClient } from "@tanstack/vue-query";
import { computed, ref } from "vue";
import { api, data } from "@/api/client";
import type { Job } from "@/api/messages";
import { every } from "@/api/queries";
import { may, signedIn } from "@/session/session";

/** Jobs whose end was seen and put away, in this tab. */
const closed = ref<ReadonlySet<string>>(new Set());
/** Jobs that ended are shown for so long, so that a reload does not lose what came of them. */
const SHOWN_MS = 10 * 60_000;

/** The jobs that run, of this person and of others, and those that ended just now. */
export function useJobs() {
  const client = useQueryClient();
  const query = useQuery({
    queryKey: ["jobs"],
    queryFn: ({ signal }) => data(api.GET("/v1/jobs", { signal, params: { query: { limit: 10 } } })),
    enabled: () => signedIn.value && may("read"),
    refetchInterval: ({ state }) => every(state.data?.data.some((job) => job.state === "running") ? 1000 : 30_000)(),
  });
  const jobs = computed(() => (query.data.value?.data ?? []).filter(isShown) as Job[]);
  const stop = useMutation({
    mutationFn: (id: string) => data(api.POST("/v1/jobs/{id}/stop", { params: { path: { id } } })),
    onSettled: () => client.invalidateQueries({ queryKey: ["jobs"] }),
  });

  function isShown({ id, state, ended_at }: { id: string; state: string; ended_at?: string | null }): boolean {
    if (closed.value.has(id)) return false;
    return state === "running" || (ended_at != null && Date.now() - Date.parse(ended_at) < SHOWN_MS);
  }
  function close(id: string): void {
    closed.value = new Set([...closed.value, id]);
  }
  return { jobs, close, stop: (id: string): void => stop.mutate(id), stopping: stop.isPending };
}
