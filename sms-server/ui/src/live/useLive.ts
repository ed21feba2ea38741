import { onScopeDispose, ref, watch, type Ref } from "vue";
import { signedIn } from "@/session/session";
import { Batches } from "./batches";
import { paused } from "./paused";
import { EventStream, type LiveEvent, type StreamState } from "./stream";

export type LiveKind = LiveEvent["kind"];

interface Listener {
  kinds: ReadonlySet<LiveKind> | null;
  handle(events: LiveEvent[]): void;
  resync(): void;
}

const listeners = new Set<Listener>();
const state = ref<StreamState>("off");
const batches = new Batches<LiveEvent>(deliver, resync);
const stream = new EventStream({
  event: (event) => batches.add(event),
  resync: () => {
    batches.clear();
    resync();
  },
  state: (now) => (state.value = now),
});

/** How the events reach this tab. */
export const streamState: Readonly<Ref<StreamState>> = state;

/**
 * Calls `handler` with the events of these kinds (null: all), in arrays, at most four times a
 * second, until the component is gone. `resync` is called in their place when events may be missing
 * (a long break, a flood): read again what is shown. Nothing comes while the page is paused or
 * hidden; what was missed then comes at once, or as a `resync`.
 */
export function useLive(
  kinds: readonly LiveKind[] | null,
  handler: (events: LiveEvent[]) => void,
  options: { resync: () => void },
): void {
  const listener: Listener = {
    kinds: kinds && new Set(kinds),
    handle: handler,
    resync: options.resync,
  };
  listeners.add(listener);
  onScopeDispose(() => listeners.delete(listener));
}

/** Opens and closes the one stream of this tab: closed when hidden, paused or signed out. */
export function followEvents(): void {
  const hidden = ref(document.hidden);
  document.addEventListener("visibilitychange", () => (hidden.value = document.hidden));
  watch(
    () => signedIn.value && !paused.value && !hidden.value,
    (wanted) => {
      if (wanted) stream.start();
      else stream.stop();
    },
    { immediate: true },
  );
}

function deliver(events: LiveEvent[]): void {
  for (const { kinds, handle } of listeners) {
    const wanted = kinds ? events.filter((event) => kinds.has(event.kind)) : events;
    if (wanted.length > 0) handle(wanted);
  }
}

function resync(): void {
  listeners.forEach((listener) => listener.resync());
}
