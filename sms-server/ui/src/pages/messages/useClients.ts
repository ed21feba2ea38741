import { useQuery } from "@tanstack/vue-query";
import { api, data } from "@/api/client";
import { currentSession, may, signedIn } from "@/session/session";

/** Clients to choose from, for keys that may see them; asked for only while `wanted`. */
export function useClients(wanted: () => boolean) {
  const { data: clients } = useQuery({
    queryKey: ["clients"],
    queryFn: ({ signal }) => data(api.GET("/v1/clients", { signal })),
    enabled: () => signedIn.value && may("admin") && wanted(),
    staleTime: 60_000,
  });
  /** The name of a client; its id where the name is not known. */
  function nameOf(id: string): string {
    const own = currentSession.value?.client;
    return clients.value?.data.find((client) => client.id === id)?.name ?? (own?.id === id ? own.name : id);
  }
  return { clients, nameOf };
}
