import { createI18n } from "vue-i18n";
import { recall, remember } from "@/lib/storage";
import type en from "@/locales/en.json";

/** A language of the UI. */
export type Language = "en" | "ru";

export const LANGUAGES: readonly Language[] = ["en", "ru"];

type Texts = typeof en;

// Each language is a chunk of its own: a page loads the one it shows.
const LOADERS: Record<Language, () => Promise<{ default: Texts }>> = {
  en: () => import("@/locales/en.json"),
  ru: () => import("@/locales/ru.json"),
};

/**
 * Texts use named values (`{name}`) and `|` between plural forms: two in English, three in Russian
 * (1 сообщение | 2 сообщения | 5 сообщений). vue-i18n compiles them into data, without eval, so
 * they need nothing from the CSP.
 */
export const i18n = createI18n({
  legacy: false,
  locale: "en" as string,
  fallbackLocale: false,
  missingWarn: import.meta.env.DEV,
  fallbackWarn: false,
  messages: {} as Record<string, Texts>,
  pluralRules: { ru: russianForm },
});

/** The language now. */
export function language(): Language {
  return i18n.global.locale.value as Language;
}

/** Loads the texts of a language, shows them, and remembers the choice. */
export async function setLanguage(chosen: Language): Promise<void> {
  await show(chosen);
  remember("language", chosen);
}

/** Shows the language chosen before, or the first of the browser's that there is. */
export async function startLanguage(): Promise<void> {
  const wanted = [recall("language"), ...navigator.languages].map((tag) => tag?.slice(0, 2));
  await show(LANGUAGES.find((known) => known === wanted.find(isLanguage)) ?? "en");
}

function isLanguage(tag: string | undefined): tag is Language {
  return LANGUAGES.some((known) => known === tag);
}

async function show(chosen: Language): Promise<void> {
  if (!i18n.global.availableLocales.includes(chosen)) {
    i18n.global.setLocaleMessage(chosen, (await LOADERS[chosen]()).default);
  }
  i18n.global.locale.value = chosen;
  document.documentElement.lang = chosen;
}

/** Index of the Russian plural form of a number among three. */
export function russianForm(count: number): number {
  const [ten, hundred] = [Math.abs(count) % 10, Math.abs(count) % 100];
  // A fraction takes the second form: 1,5 минуты.
  if (!Number.isInteger(count)) return 1;
  if (ten === 1 && hundred !== 11) return 0;
  return ten >= 2 && ten <= 4 && (hundred < 12 || hundred > 14) ? 1 : 2;
}
