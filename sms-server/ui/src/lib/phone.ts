/** A number as one types it: what can already be said about it before the server is asked. */
export interface TypedPhone {
  /** E.164, `+79251234567`; null while it is incomplete or no number. */
  e164: string | null;
  /** The number grouped for reading; what was typed if there is nothing better. */
  pretty: string;
  /**
   * `russia_mobile` and `russia_other` are complete Russian numbers, `abroad` any other plausible
   * one, `short` lacks digits, `long` has too many, `letters` has characters of no number.
   */
  kind: "empty" | "russia_mobile" | "russia_other" | "abroad" | "short" | "long" | "letters";
}

const PUNCTUATION = /[\s().\-\u2010-\u2015\u200b-\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]/g;

/**
 * Reads a number in any pasted form. Ten digits that begin with 9, 4 or 8 and eleven that begin
 * with 8 or 7 are Russian, as in the server's default region; all else needs its country code.
 * The server has the last word: its library knows every country.
 */
export function readPhone(typed: string): TypedPhone {
  const bare = typed.replace(/^\s*tel:/i, "").replace(PUNCTUATION, "");
  if (bare === "") return { e164: null, pretty: "", kind: "empty" };
  const match = /^(\+|00)?(\d*)$/.exec(bare);
  if (!match) return { e164: null, pretty: typed.trim(), kind: "letters" };
  const digits = international(match[1] !== undefined, match[2] ?? "");
  return digits.startsWith("7") && !/^7[67]/.test(digits) ? russian(digits) : abroad(digits, typed);
}

/** `+7 903 ***-**-15`: enough to recognise a number, not enough to call it. */
export function maskPhone(e164: string): string {
  const digits = e164.replace(/\D/g, "");
  if (/^7\d{10}$/.test(digits)) return `+7 ${digits.slice(1, 4)} ***-**-${digits.slice(9)}`;
  if (digits.length < 8) return e164;
  const shown = digits.slice(0, digits.length - 8 > 2 ? 4 : 3);
  return `+${shown} ${"*".repeat(digits.length - shown.length - 2)}${digits.slice(-2)}`;
}

/** `+7 903 123-45-15`; another country's number stays in one piece after its `+`. */
export function groupPhone(e164: string): string {
  const parts = /^\+?7(\d{3})(\d{3})(\d{2})(\d{2})$/.exec(e164);
  return parts ? `+7 ${parts[1]} ${parts[2]}-${parts[3]}-${parts[4]}` : e164;
}

/** The digits with the country code. */
function international(marked: boolean, digits: string): string {
  if (marked) return digits;
  // No country has the code 89: with too many digits it is a Russian number all the same.
  if (/^(8\d{0,10}|89\d{10,})$/.test(digits) && digits.length !== 10) return `7${digits.slice(1)}`;
  if (digits.length <= 10 && /^[3489]/.test(digits)) return `7${digits}`;
  return digits;
}

function russian(digits: string): TypedPhone {
  if (digits.length < 11) return { e164: null, pretty: `+${digits}`, kind: "short" };
  if (digits.length > 11) return { e164: null, pretty: `+${digits}`, kind: "long" };
  const kind = digits[1] === "9" ? "russia_mobile" : "russia_other";
  return { e164: `+${digits}`, pretty: groupPhone(`+${digits}`), kind };
}

function abroad(digits: string, typed: string): TypedPhone {
  if (digits.length > 15) return { e164: null, pretty: typed.trim(), kind: "long" };
  if (digits.length < 8) return { e164: null, pretty: typed.trim(), kind: "short" };
  return { e164: `+${digits}`, pretty: `+${digits}`, kind: "abroad" };
}
