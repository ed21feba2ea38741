import { useQuery } from "@tanstack/vue-query";
import { api, data } from "@/api/client";
import { currentSession, may, signedIn } from "@/session/session";

/** The name of a key by its id; the id itself for those that are not known here. */
export type KeyNames = (id: string) => string;

/** Who did what: administrators may read the names of all keys. */
export function useKeyNames(): KeyNames {
  const query = useQuery({
    queryKey: ["keys", "names"],
    queryFn: ({ signal }) => data(api.GET("/v1/keys", { signal })),
    enabled: () => signedIn.value && may("admin"),
    staleTime: 60_000,
  });
  return (id) => {
    const session = currentSession.value;
    if (session?.id === id) return session.name;
    return query.data.value?.data.find((key) => key.id === id)?.name ?? id;
  };
}
