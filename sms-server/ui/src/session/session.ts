import { computed, ref, type ComputedRef } from "vue";
import { onSignedOut, request } from "@/api/client";
import { Problem } from "@/api/problem";

export type Scope = "send" | "read" | "admin";

/** The person at this browser. */
export interface Session {
  id: string;
  name: string;
  /** The owner of what is sent. */
  client: { id: string; name: string };
  kind: "live" | "test";
  scopes: Scope[];
  expires_at: string;
  signed_in_at: string;
}

const session = ref<Session | null>(null);
const ended = ref(false);

/** The session; null before the sign-in. It stays when it ends, so that the page stays too. */
export const currentSession: ComputedRef<Session | null> = computed(() => session.value);
/** True while requests have a session. */
export const signedIn: ComputedRef<boolean> = computed(() => session.value !== null && !ended.value);
/** True when the session ended under an open page: the frame asks to sign in, over the page. */
export const sessionEnded: ComputedRef<boolean> = computed(() => ended.value);

onSignedOut(() => {
  if (session.value) ended.value = true;
});

/** Returns true if the session may do this. `admin` includes the others. */
export function may(scope: Scope): boolean {
  const scopes = session.value?.scopes ?? [];
  return scopes.includes("admin") || scopes.includes(scope);
}

/** Asks the server who is signed in. Throws a `Problem` unless it is known. */
export async function loadSession(): Promise<Session | null> {
  try {
    return enter((await (await request("ui/session")).json()) as Session);
  } catch (error) {
    if (Problem.from(error).status === 401) return null;
    throw error;
  }
}

/** Signs in with the token of a link, or with a key. */
export async function signIn(proof: { token: string } | { key: string }): Promise<Session> {
  const response = await request("ui/session", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(proof),
  });
  return enter((await response.json()) as Session);
}

/** Ends the session on the server. */
export async function signOut(): Promise<void> {
  try {
    await request("ui/session", { method: "DELETE" });
  } catch (error) {
    // It was over already.
    if (Problem.from(error).status !== 401) throw error;
  }
  session.value = null;
  ended.value = false;
}

function enter(entered: Session): Session {
  session.value = entered;
  ended.value = false;
  return entered;
}
