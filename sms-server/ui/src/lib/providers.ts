/** Names of providers as people know them, by those of the API. */
const KNOWN: Record<string, string> = { smsru: "sms.ru" };

/** The name of a provider for a sentence. */
export function providerName(name: string): string {
  return KNOWN[name] ?? name;
}
