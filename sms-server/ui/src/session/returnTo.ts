import type { LocationQuery } from "vue-router";

/** The page to open after the sign-in: one of this UI, never an address of elsewhere. */
export function returnPath(query: LocationQuery): string {
  const wanted = query["to"];
  return typeof wanted === "string" && /^\/(?![/\\])/.test(wanted) ? wanted : "/";
}

/** Takes the token of the sign-in link out of the address, so that it is not kept in the history. */
export function takeToken(): string | null {
  const token = location.hash.slice(1);
  if (token === "") return null;
  history.replaceState(history.state, "", location.pathname + location.search);
  // Tokens are of characters that no address escapes; what is not was no token of ours.
  return token;
}
