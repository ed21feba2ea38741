import { computed } from "vue";
import { useI18n } from "vue-i18n";
import { useFormat } from "@/lib/format/useFormat";
import { useWords } from "../useWords";
import { costNotes, totalOf, unknownCost } from "./costWords";
import type { ImportDetails } from "./imports";

/** The size and the cost of a mailing in words. */
export function useCostWords(details: () => ImportDetails | null) {
  const { t } = useI18n();
  const { count, money } = useFormat();
  const words = useWords();
  /** Parts and money in one line: `3 parts · about 10.50 ₽`. */
  const size = computed(() => {
    const found = details();
    if (!found) return "";
    const cost = totalOf(found);
    const amount = cost && (cost.exact ? money(cost.total) : t("send.many.about", { cost: money(cost.total) }));
    return [words.parts(found.parts), amount ?? t("send.many.no_cost")].join(" · ");
  });
  /** Sentences about the cost; first of all why it is not known. */
  const notes = computed(() => {
    const found = details();
    if (!found) return [];
    const texts = costNotes(found).map(({ key, values, number }) => {
      const shown = Object.fromEntries(Object.entries(values).map(([name, value]) => [name, count(value)]));
      return t(`send.many.${key}`, shown, number);
    });
    return totalOf(found) ? texts : [t(`send.many.cost_unknown.${unknownCost(found)}`), ...texts];
  });
  return { size, notes };
}
