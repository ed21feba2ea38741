import { ref, watchEffect, type Ref } from "vue";
import { recall, remember } from "./storage";

/** A theme, or the one of the operating system. */
export type Theme = "light" | "dark" | "system";

export const THEMES: readonly Theme[] = ["system", "light", "dark"];

const stored = recall("theme");
const theme = ref<Theme>(stored === "light" || stored === "dark" ? stored : "system");

/** The chosen theme. `public/theme.js` applies the stored one before the first paint. */
export function useTheme(): Ref<Theme> {
  return theme;
}

/** Keeps `data-theme` of the document in step with the choice and with the system. */
export function followTheme(): void {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const apply = (): void => {
    const effective = theme.value === "system" ? (dark.matches ? "dark" : "light") : theme.value;
    document.documentElement.dataset["theme"] = effective;
  };
  dark.addEventListener("change", apply);
  watchEffect(() => {
    remember("theme", theme.value === "system" ? null : theme.value);
    apply();
  });
}
