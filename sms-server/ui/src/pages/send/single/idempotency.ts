import { randomKey } from "@/lib/randomKey";
import { recallInTab, rememberInTab } from "@/lib/tabStorage";

interface Pending {
  key: string;
  content: string;
}

const NAME = "pending";

/**
 * The key of a composed message. As long as nobody knows that it was accepted, the same content has
 * the same key, after a reload too: a double click and a lost reply send it once.
 */
export function keyOf(content: string): string {
  const pending = recallInTab<Pending>(NAME) ?? kept;
  if (pending?.content === content) return pending.key;
  kept = { key: randomKey(), content };
  rememberInTab(NAME, kept);
  return kept.key;
}

/** Call when it was accepted: the same content later is another message. */
export function forgetKey(): void {
  kept = null;
  rememberInTab(NAME, null);
}

// For a browser without storage.
let kept: Pending | null = null;
