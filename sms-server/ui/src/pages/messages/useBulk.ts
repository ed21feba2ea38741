import { useMutation, useQueryClient } from "@tanstack/vue-query";
import { computed, ref, shallowRef } from "vue";
import { api, data, request } from "@/api/client";
import type { BulkAction, Job, Message, MessageFilter, Resolution, Selection } from "@/api/messages";
import { Problem } from "@/api/problem";
import { randomKey } from "@/lib/randomKey";
import { countByStatus, eachOf, effectOf } from "./bulk";

/** What an action needs to know. */
export interface Order {
  action: BulkAction;
  resolution: Resolution;
  reason: string;
}

/** What came of an action on chosen rows. */
export interface Outcome {
  done: number;
  failures: { to: string | null; id: string; error: Problem }[];
}

/** Requests at the same time for chosen rows. */
const AT_ONCE = 4;

/**
 * The choice of messages and what is done with it. Rows of the page are done one by one; all that
 * match, by a job of the server on a selection, which no later message can get into.
 */
export function useBulk(messages: () => readonly Message[]) {
  const client = useQueryClient();
  const chosen = ref<ReadonlySet<string>>(new Set());
  const selection = shallowRef<Selection>();
  const done = ref(0);
  // One key for each message and dialog: a repeat after a lost answer sends nothing twice.
  let keys = new Map<string, string>();

  const rows = computed(() => messages().filter(({ id }) => chosen.value.has(id)));
  const byStatus = computed(() => selection.value?.by_status ?? countByStatus(rows.value));
  const size = computed(() => selection.value?.count ?? rows.value.length);

  function choose(ids: ReadonlySet<string>): void {
    chosen.value = ids;
    selection.value = undefined;
  }
  function clear(): void {
    choose(new Set());
    keys = new Map();
  }

  const selectAll = useMutation({
    mutationFn: (filter: MessageFilter) => data(api.POST("/v1/selections", { body: { filter } })),
    onSuccess: (made) => (selection.value = made),
  });

  const run = useMutation({
    mutationFn: async (order: Order): Promise<Job | Outcome> => {
      done.value = 0;
      return selection.value ? start(selection.value.id, order) : eachRow(order);
    },
    onSuccess: () => {
      clear();
      return client.invalidateQueries({ queryKey: ["messages"] });
    },
  });

  async function eachRow(order: Order): Promise<Outcome> {
    const possible = rows.value.filter(({ status }) => effectOf(order.action, { [status]: 1 }).changes > 0);
    const outcome: Outcome = { done: 0, failures: [] };
    await eachOf(possible, AT_ONCE, async (message) => {
      try {
        await act(message.id, order);
        outcome.done++;
      } catch (error) {
        const problem = Problem.from(error);
        // Without a session nothing more can be done; the choice stays for after the sign-in.
        if (problem.status === 401) throw problem;
        outcome.failures.push({ to: message.to, id: message.id, error: problem });
      }
      done.value++;
    });
    return outcome;
  }

  function act(id: string, { action, resolution, reason }: Order): Promise<unknown> {
    const params = { path: { id } };
    if (action === "cancel") return api.POST("/v1/messages/{id}/cancel", { params });
    if (action === "resolve") return api.POST("/v1/messages/{id}/resolve", { params, body: { resolution, reason } });
    const key = keys.get(id) ?? randomKey();
    keys.set(id, key);
    const header = { "Idempotency-Key": key };
    return api.POST("/v1/messages/{id}/resend", { params: { ...params, header }, body: { reason } });
  }
  return {
    chosen, selection, rows, byStatus, size, done, choose, clear,
    selectAll: (filter: MessageFilter): Promise<Selection> => selectAll.mutateAsync(filter),
    selecting: selectAll.isPending,
    /** Throws what failed as a whole, which is in `error` too. */
    run: (order: Order): Promise<Job | Outcome> => run.mutateAsync(order),
    running: run.isPending,
    error: run.error,
    forget: (): void => run.reset(),
  };
}

/** Starts the job of a selection. */
async function start(id: string, { action, resolution, reason }: Order): Promise<Job> {
  const bodies = { cancel: undefined, resolve: { resolution, reason }, resend: { reason }, erase: { reason } };
  const body = bodies[action];
  // `erase` is not in the committed document yet, so this goes around it.
  const reply = await request(`v1/selections/${id}/${action}`, {
    method: "POST",
    headers: body ? { "Content-Type": "application/json" } : {},
    body: body ? JSON.stringify(body) : null,
  });
  return (await reply.json()) as Job;
}
