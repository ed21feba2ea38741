import type { Message } from "@/api/messages";

/** The options that `POST /v1/messages` takes and that differ from what it has by itself. */
function bodyOf(message: Message): Record<string, unknown> {
  const body: Record<string, unknown> = { to: message.to, text: message.text };
  if (message.from) body["from"] = message.from;
  if (message.class !== "service") body["class"] = message.class;
  if (message.reference) body["reference"] = message.reference;
  if (message.metadata !== undefined) body["metadata"] = message.metadata;
  if (message.translit) body["translit"] = true;
  if (message.daytime && message.class !== "marketing") body["daytime"] = true;
  if (message.pass_deadline) body["pass_deadline"] = true;
  if (message.end_user_ip) body["end_user_ip"] = message.end_user_ip;
  const policy = message.class === "otp" ? "resend_once" : "hold";
  if (message.on_unknown !== policy) body["on_unknown"] = message.on_unknown;
  if (message.max_attempts !== 5) body["max_attempts"] = message.max_attempts;
  return body;
}

/** The request that sends such a message, for a shell. The key is named, never shown. */
export function curlOf(message: Message, url: string): string {
  return [
    `curl -sS ${quoted(url)} \\`,
    `  -H "Authorization: Bearer $SMS_KEY" -H 'Content-Type: application/json' \\`,
    `  -d ${quoted(JSON.stringify(bodyOf(message)))}`,
  ].join("\n");
}

/** A text in single quotes: a shell changes nothing in it. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
