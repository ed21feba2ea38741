import { useQuery } from "@tanstack/vue-query";
import { computed, onScopeDispose, type Ref } from "vue";
import { api, data } from "@/api/client";
import type { Message, MessageDetails } from "@/api/messages";
import { every } from "@/api/queries";
import { paused } from "@/live/paused";
import { useLive } from "@/live/useLive";
import { signedIn } from "@/session/session";

/** Statuses that can only change by a late report. */
const SETTLED: readonly string[] = ["delivered", "undelivered", "failed", "expired", "cancelled"];
/** The first step, the start of an attempt, is no event. */
const MOVING_MS = 2000;
const RESTING_MS = 30_000;

/** A message with its story, followed by events. */
export function useMessage(id: Ref<string>) {
  const query = useQuery({
    queryKey: ["message", id],
    queryFn: ({ signal }) => data(api.GET("/v1/messages/{id}", { signal, params: { path: { id: id.value } } })) as Promise<MessageDetails>,
    enabled: signedIn,
    refetchInterval: ({ state }) => every(isMoving(state.data) ? MOVING_MS : RESTING_MS)(),
  });
  const copies = useQuery({
    queryKey: ["messages", "copies", id],
    queryFn: ({ signal }) => data(api.GET("/v1/messages", { signal, params: { query: { resend_of: id.value, limit: 20 } } })),
    // A message that still waits has none.
    enabled: () => signedIn.value && query.data.value !== undefined && !["queued", "sending"].includes(query.data.value.status),
  });
  let late: ReturnType<typeof setTimeout> | undefined;
  useLive(null, (events) => {
    if (events.some((event) => event.message_id === id.value)) void query.refetch();
    if (copies.data.value?.data.some((copy) => events.some((event) => event.message_id === copy.id))) {
      late ??= setTimeout(() => {
        late = undefined;
        if (!paused.value) void copies.refetch();
      }, MOVING_MS);
    }
  }, { resync: () => void query.refetch() });
  onScopeDispose(() => clearTimeout(late));
  return { query, copies: computed(() => (copies.data.value?.data ?? []) as Message[]), readCopies: copies.refetch };
}

function isMoving(message: MessageDetails | undefined): boolean {
  if (!message || SETTLED.includes(message.status) || message.status === "unknown") return false;
  return message.status !== "queued" || Date.parse(message.due_at) < Date.now() + MOVING_MS;
}
