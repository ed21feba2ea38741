import { useQuery } from "@tanstack/vue-query";
import { computed } from "vue";
import { Problem } from "@/api/problem";
import { every } from "@/api/queries";
import { signedIn } from "@/session/session";
import { readImports } from "./imports";

/** The latest imports, and if the server has imports at all. */
export function useImports() {
  const query = useQuery({
    queryKey: ["imports"],
    queryFn: ({ signal }) => readImports(signal),
    enabled: signedIn,
    refetchInterval: every(15_000),
  });
  // 403: the key may not look, but the server knows the address.
  const supported = computed(() => {
    const { error, data } = query;
    return data.value !== undefined || (error.value !== null && Problem.from(error.value).status === 403);
  });
  const missing = computed(() => query.error.value !== null && Problem.from(query.error.value).status === 404);
  return { imports: query.data, supported, missing, query };
}
