import { useQuery } from "@tanstack/vue-query";
import { computed, type ComputedRef } from "vue";
import { signedIn } from "@/session/session";
import { api, data } from "./client";
import type { components } from "./schema";

/** The server: version, label, time zone. `mask_numbers` is absent on servers that do not tell. */
export type Info = components["schemas"]["InfoView"] & { mask_numbers?: boolean };

/** The server, asked once; undefined until it has answered. */
export function useInfo(): ComputedRef<Info | undefined> {
  const query = useQuery({
    queryKey: ["info"],
    queryFn: () => data(api.GET("/v1/info")) as Promise<Info>,
    enabled: signedIn,
    staleTime: Infinity,
  });
  return computed(() => query.data.value);
}
