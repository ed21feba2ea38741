import { computed } from "vue";
import { useI18n } from "vue-i18n";
import { useInfo } from "@/api/info";
import { formatCount, formatMoney, formatNumber, formatPercent } from "./numbers";
import { formatDuration, formatRelative, formatTime, formatZone, type TimeStyle } from "./times";

/** The formats of values, bound to the language of the page and the time zone of the instance. */
export function useFormat() {
  const { locale } = useI18n();
  const info = useInfo();
  const zone = computed(() => info.value?.time_zone ?? "UTC");
  return {
    zone,
    number: (value: number, digits = 0) => formatNumber(value, locale.value, digits),
    count: (value: number, cap?: number) => formatCount(value, locale.value, cap),
    money: (amount: string | number) => formatMoney(amount, locale.value),
    percent: (share: number) => formatPercent(share, locale.value),
    time: (at: string | number | Date, style: TimeStyle = "row") => formatTime(at, style, locale.value, zone.value),
    relative: (at: string | number | Date) => formatRelative(at, locale.value),
    duration: (ms: number) => formatDuration(ms, locale.value),
    zoneName: () => formatZone(zone.value, locale.value),
  };
}
