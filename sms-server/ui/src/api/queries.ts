import { QueryClient } from "@tanstack/vue-query";
import { watch } from "vue";
import { paused } from "@/live/paused";
import { Problem } from "./problem";

/** The cache of replies. Nothing is asked again by itself while the page is paused. */
export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 5000,
      retry: (count, error) => count < 2 && Problem.from(error).temporary,
      refetchOnWindowFocus: () => !paused.value,
      refetchOnReconnect: () => !paused.value,
      networkMode: "always",
    },
    mutations: { networkMode: "always" },
  },
});

/** Option `refetchInterval` of a query that stands still while the page is paused. */
export function every(ms: number): () => number | false {
  return () => (paused.value ? false : ms);
}

// An interval that runs would ask once more before it looks at the pause.
watch(paused, () => {
  for (const query of queryClient.getQueryCache().getAll()) {
    query.observers.forEach((observer) => observer.setOptions(observer.options));
  }
}, { flush: "sync" });
