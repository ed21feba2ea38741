/**
 * What this tab remembers, over a reload and a sign-in, until it is closed. Storage may be off or
 * full: then nothing is remembered, and nothing breaks.
 */
export function recallInTab<T>(name: string): T | null {
  try {
    const found = sessionStorage.getItem(`sms.${name}`);
    return found === null ? null : (JSON.parse(found) as T);
  } catch {
    return null;
  }
}

/** Stores a value; null removes it. */
export function rememberInTab(name: string, value: unknown): void {
  try {
    if (value === null) sessionStorage.removeItem(`sms.${name}`);
    else sessionStorage.setItem(`sms.${name}`, JSON.stringify(value));
  } catch {
    // See above.
  }
}
