/** Digits in groups: `12 480` in both languages, with a space that does not break. */
export function formatNumber(value: number, language: string, digits = 0): string {
  return grouped(value, language, { maximumFractionDigits: digits });
}

/** A count that the server may have capped: `10 000+`. */
export function formatCount(value: number, language: string, cap = Infinity): string {
  return value >= cap ? `${formatNumber(cap, language)}+` : formatNumber(value, language);
}

/**
 * An amount with its currency. The provider tells amounts as decimal texts; an amount that is no
 * number is shown as it came.
 */
export function formatMoney(amount: string | number, language: string, currency = "RUB"): string {
  const value = Number(amount);
  if (amount === "" || !Number.isFinite(value)) return String(amount);
  const digits = Number.isInteger(value) && value === 0 ? 0 : 2;
  const number = grouped(value, language, { minimumFractionDigits: digits, maximumFractionDigits: digits });
  return `${number}\u00a0${currency === "RUB" ? "₽" : currency}`;
}

export function formatPercent(share: number, language: string): string {
  return `${formatNumber(share * 100, language, share < 0.1 ? 1 : 0)}\u00a0%`;
}

function grouped(value: number, language: string, options: Intl.NumberFormatOptions): string {
  const parts = new Intl.NumberFormat(language, { ...options, useGrouping: "always" as never }).formatToParts(value);
  return parts.map((part) => (part.type === "group" ? "\u00a0" : part.value)).join("");
}
