/**
 * Reasons that the server itself gives, in English, by their key below `reason`. What a provider
 * says is not among them: it is shown as it came. A test looks for the texts in the server's code.
 */
const OWN = {
  "the recipient is on the stop-list": "on_stop_list",
  "the worker vanished before it recorded an outcome": "worker_lost",
  "a repeat was refused as one, so the attempt of unknown outcome before it was accepted": "sent_before",
  "a receipt under an unknown id came, and this was the only message it could be about": "inferred",
  "refused by the sandbox, as it was asked to": "sandbox_refused",
  "the answer was lost by the sandbox, as it was asked to": "sandbox_lost",
  "not delivered by the sandbox, as it was asked to": "sandbox_undelivered",
} as const;

export type OwnReason = (typeof OWN)[keyof typeof OWN];
export const OWN_REASONS = Object.keys(OWN);

/** The key of a reason of the server itself; null for the words of a provider or of a person. */
export function ownReason(text: string): OwnReason | null {
  return Object.hasOwn(OWN, text) ? OWN[text as keyof typeof OWN] : null;
}
