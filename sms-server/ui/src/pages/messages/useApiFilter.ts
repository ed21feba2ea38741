import { computed, type Ref } from "vue";
import { useInfo } from "@/api/info";
import { useFormat } from "@/lib/format/useFormat";
import { apiFilter, writeFilters, type Filters } from "./filters";

/** Filters as parameters of a request. Those with a period need the zone of the instance first. */
export function useApiFilter(filters: Ref<Filters>) {
  const info = useInfo();
  const { zone } = useFormat();
  const zoned = computed(() => filters.value.period !== null);
  return {
    /** Part of the key of a query: another one is another question. */
    key: computed(() => JSON.stringify([writeFilters(filters.value), zoned.value ? zone.value : null])),
    known: computed(() => !zoned.value || info.value !== undefined),
    // A body may have null where a parameter is left out; `apiFilter` leaves all of those out.
    params: () => apiFilter(filters.value, zone.value) as Record<string, never>,
  };
}
