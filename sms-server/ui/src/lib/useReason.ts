import { useI18n } from "vue-i18n";
import type { Meaning } from "@/api/messages";
import { ownReason } from "./reasons";

/** Reasons in the language of the page. */
export function useReason() {
  const { t, locale } = useI18n();
  const meant = (meaning: Meaning | null | undefined): string | null => meaning?.[locale.value as "en" | "ru"] ?? null;
  /** A text of a step or a message: in the language of the page if it is the server's, else as it came. */
  function said(text: string | null | undefined): string | null {
    const own = text ? ownReason(text) : null;
    return own ? t(`reason.${own}`) : (text ?? null);
  }
  /** Why a message is as it is: what its code means, else what was said. */
  function why(about: { meaning?: Meaning | null | undefined; reason?: string | null | undefined }): string | null {
    return meant(about.meaning) ?? said(about.reason);
  }
  return { meant, said, why };
}
