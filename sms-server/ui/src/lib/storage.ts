/**
 * What this browser remembers. Storage may be off or full: then nothing is remembered, and nothing
 * breaks.
 */
export function recall(name: string): string | null {
  try {
    return localStorage.getItem(`sms.${name}`);
  } catch {
    return null;
  }
}

/** Stores a value; null removes it. */
export function remember(name: string, value: string | null): void {
  try {
    if (value === null) localStorage.removeItem(`sms.${name}`);
    else localStorage.setItem(`sms.${name}`, value);
  } catch {
    // See above.
  }
}
