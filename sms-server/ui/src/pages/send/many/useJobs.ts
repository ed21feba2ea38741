import { useQuery } from "@tanstack/vue-query";
import { api, data } from "@/api/client";
import { Problem } from "@/api/problem";
import { every } from "@/api/queries";
import { may, signedIn } from "@/session/session";
import type { Job } from "./imports";

/** The job of an import, asked for often while it runs; null if the import was not sent. */
export function useJob(id: () => string, wanted: () => boolean) {
  return useQuery({
    queryKey: ["job", id],
    queryFn: async ({ signal }): Promise<Job | null> => {
      try {
        return await data(api.GET("/v1/jobs/{id}", { params: { path: { id: id() } }, signal }));
      } catch (error) {
        if (Problem.from(error).status === 404) return null;
        throw error;
      }
    },
    enabled: () => signedIn.value && may("read") && wanted(),
    refetchInterval: (query) => (query.state.data?.state === "running" ? every(1000)() : false),
  });
}

const STATUSES = {
  delivered: "delivered",
  waiting: "queued,sending,sent",
  undelivered: "undelivered,failed,expired,cancelled",
  unknown: "unknown",
} as const;
export type Outcome = keyof typeof STATUSES;
export const OUTCOMES = Object.keys(STATUSES) as Outcome[];

/** The filter of the list of messages that shows an outcome. */
export function filterOf(reference: string, outcome: Outcome): Record<string, string> {
  return { reference, status: STATUSES[outcome] };
}

/** The messages of an import by their outcome, until nothing waits any more. */
export function useOutcomes(reference: () => string | undefined, job: () => Job | null | undefined) {
  return useQuery({
    queryKey: ["outcomes", reference],
    queryFn: async ({ signal }) => {
      const counts = await Promise.all(OUTCOMES.map((outcome) => countOf(reference() ?? "", outcome, signal)));
      const entries = OUTCOMES.map((outcome, index) => [outcome, counts[index] ?? 0]);
      return Object.fromEntries(entries) as Record<Outcome, number>;
    },
    enabled: () => signedIn.value && may("read") && reference() !== undefined && job() != null,
    refetchInterval: (query) => {
      const waits = job()?.state === "running" || (query.state.data?.waiting ?? 1) > 0;
      return waits ? every(3000)() : false;
    },
  });
}

async function countOf(reference: string, outcome: Outcome, signal: AbortSignal): Promise<number> {
  const query = filterOf(reference, outcome) as { reference: string; status: never };
  return (await data(api.GET("/v1/messages/count", { params: { query }, signal }))).count;
}
