import { useI18n } from "vue-i18n";
import { useFormat } from "@/lib/format/useFormat";

/** Counts with their words, in the right plural form: `3 parts`, `493 messages`. */
export function useWords() {
  const { t } = useI18n();
  const { count } = useFormat();
  return {
    parts: (number: number) => t("send.size.parts", { count: count(number) }, number),
    messages: (number: number) => t("send.messages", { count: count(number) }, number),
  };
}
