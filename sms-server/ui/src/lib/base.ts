/** Path of the UI on this server, with a slash at the end: `/`, or `/sms/` behind a proxy. */
export function basePath(): string {
  return new URL(document.baseURI).pathname.replace(/[^/]*$/, "");
}

/** Absolute address of a path relative to the base, as `v1/messages`. */
export function address(path: string): string {
  return new URL(path, document.baseURI).href;
}
