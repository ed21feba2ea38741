import { useQuery } from "@tanstack/vue-query";
import { computed, ref } from "vue";
import { api, data } from "@/api/client";
import { every } from "@/api/queries";
import { recall, remember } from "@/lib/storage";
import { currentSession, may, signedIn } from "@/session/session";
import { useProvider } from "./useProvider";

/** More than a badge shows. */
const CAP = 99;
const seen = ref(recall("inbox.seen") ?? new Date().toISOString());
remember("inbox.seen", seen.value);

/** Call when the Inbox shows its newest message. */
export function markInboxSeen(): void {
  seen.value = new Date().toISOString();
  remember("inbox.seen", seen.value);
}

/** Messages in the sandbox since the Inbox was open; polled slowly, also in a hidden tab. */
export function useUnread() {
  const { provider } = useProvider();
  const sandbox = computed(() => provider.value?.name === "sandbox" || currentSession.value?.kind === "test");
  const query = useQuery({
    queryKey: ["unread", seen],
    queryFn: () => data(api.GET("/v1/sandbox/messages", { params: { query: { from_time: seen.value, limit: CAP } } })),
    enabled: () => signedIn.value && may("read") && sandbox.value,
    refetchInterval: every(30_000),
    refetchIntervalInBackground: true,
  });
  return { sandbox, unread: computed(() => query.data.value?.data.length ?? 0) };
}
