import { useMutation, useQueryClient, type UseMutationReturnType } from "@tanstack/vue-query";
import { useI18n } from "vue-i18n";
import { api, data } from "@/api/client";
import { useProblem } from "@/api/useProblem";
import { toast } from "@/frame/toasts";

type Action = UseMutationReturnType<unknown, Error, string, unknown>;

/** Pausing and resuming the provider. Workers follow within 2 s, so it is asked again then. */
export function useProviderActions(): { pause: Action; resume: Action } {
  const client = useQueryClient();
  const { t } = useI18n();
  const { sentence } = useProblem();

  function follow(): void {
    for (const ms of [0, 1000, 2500]) {
      setTimeout(() => {
        for (const key of ["provider", "workers", "queue"]) void client.invalidateQueries({ queryKey: [key] });
      }, ms);
    }
  }

  const pause = useMutation({
    mutationFn: (reason: string) => data(api.POST("/v1/provider/pause", { body: reason === "" ? {} : { reason } })),
    onSuccess: () => {
      toast(t("monitor.paused_toast"));
      follow();
    },
    onError: (error) => toast(sentence(error), "bad"),
  });
  const resume = useMutation({
    mutationFn: (reason: string) => data(api.POST("/v1/provider/resume", { body: { reason } })),
    onSuccess: () => {
      toast(t("monitor.resumed_toast"));
      follow();
    },
    onError: (error) => toast(sentence(error), "bad"),
  });
  return { pause, resume };
}
