import { useQuery } from "@tanstack/vue-query";
import { computed } from "vue";
import { api, data } from "@/api/client";
import { every } from "@/api/queries";
import { language } from "@/i18n";
import { providerName } from "@/lib/providers";
import { may, signedIn } from "@/session/session";

/** The provider with its account, for keys that may see it; `why` a pause in the page's language. */
export function useProvider(ms = 15_000) {
  const query = useQuery({
    queryKey: ["provider"],
    queryFn: () => data(api.GET("/v1/provider")),
    select: (found) => ({ ...found, name: providerName(found.name) }),
    enabled: () => signedIn.value && may("read"),
    refetchInterval: every(ms),
  });
  const why = computed(() => {
    const pause = query.data.value?.pause;
    return pause ? (pause.meaning?.[language()] ?? pause.reason) : null;
  });
  return { provider: query.data, why, query };
}
