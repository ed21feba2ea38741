// Checks the texts: both languages have the same keys, each with its plural forms and the same
// values; every key is used, every used key exists; no template has words of its own.
import { readFileSync, readdirSync } from "node:fs";
import { parse } from "vue/compiler-sfc";

const src = new URL("../src/", import.meta.url).pathname;
const problems = [];
const flat = (value, path = "") =>
  typeof value === "string" ? [[path, value]] : Object.entries(value).flatMap(([key, inner]) => flat(inner, path ? `${path}.${key}` : key));
const texts = Object.fromEntries(["en", "ru"].map((name) => [name, new Map(flat(JSON.parse(readFileSync(`${src}locales/${name}.json`, "utf8"))))]));
const keys = new Set([...texts.en.keys(), ...texts.ru.keys()]);

for (const key of keys) {
  const [en, ru] = [texts.en.get(key), texts.ru.get(key)];
  if (en === undefined || ru === undefined) {
    problems.push(`${key}: missing in ${en === undefined ? "en" : "ru"}.json`);
    continue;
  }
  const names = (text) => [...new Set([...text.matchAll(/\{(\w+)\}/g)].map((found) => found[1]))].sort().join();
  if (names(en) !== names(ru)) problems.push(`${key}: other values in braces: ${names(en)} and ${names(ru)}`);
  const forms = [en, ru].map((text) => text.split(" | ").length);
  if (forms[0] > 1 || forms[1] > 1) {
    if (forms[0] !== 2 || forms[1] !== 3) problems.push(`${key}: ${forms[0]} plural forms in English (2), ${forms[1]} in Russian (3)`);
  }
}

const files = readdirSync(src, { recursive: true }).filter((name) => /\.(vue|ts)$/.test(name) && name !== "api/schema.d.ts");
const used = new Set();
const prefixes = new Set();
for (const file of files) {
  const code = readFileSync(src + file, "utf8");
  // A whole key in quotes anywhere is a use: it may be passed on. t("…") must exist.
  for (const [, key] of code.matchAll(/["'`]([a-z_]+(?:\.\w+)+)["'`]/g)) used.add(key);
  for (const [, key] of code.matchAll(/\b\$?te?\(\s*["']([^"']+)["']/g)) {
    if (!keys.has(key)) problems.push(`${file}: no such text: ${key}`);
  }
  for (const [, prefix] of code.matchAll(/`([a-z_]+(?:\.\w+)*\.)\$\{/g)) prefixes.add(prefix);
  if (file.endsWith(".vue")) checkTemplate(file, parse(code).descriptor.template?.ast);
  const bare = code.replace(/\/\*[\s\S]*?\*\/|(^|\s)\/\/.*|<!--[\s\S]*?-->/g, "");
  // Units of lengths of time are part of the format, not of a page.
  if (!/^lib\/(format|segments)/.test(file) && /[а-яё]/i.test(bare)) problems.push(`${file}: a Russian text outside the locale files`);
}
for (const key of keys) {
  // Codes of problems come from the server.
  const known = used.has(key) || key.startsWith("problem.") || [...prefixes].some((prefix) => key.startsWith(prefix));
  if (!known) problems.push(`${key}: not used`);
}

function checkTemplate(file, node) {
  if (!node) return;
  const at = `${file}:${node.loc?.start.line ?? 0}`;
  if (node.type === 2 && /\p{L}/u.test(node.content)) problems.push(`${at}: a text of its own: ${node.content.trim()}`);
  if (node.tag === "kbd" || node.tag === "code") return;
  for (const prop of node.props ?? []) {
    const shown = prop.type === 6 && /^(title|aria-label|placeholder|alt|label|hint|action)$/.test(prop.name);
    if (shown && /\p{L}/u.test(prop.value?.content ?? "")) problems.push(`${at}: a text of its own: ${prop.name}="${prop.value.content}"`);
  }
  for (const child of [...(node.children ?? []), ...(node.branches ?? [])]) checkTemplate(file, child);
}

problems.forEach((problem) => console.error(problem));
console.log(`${keys.size} texts in two languages, ${problems.length} problems`);
process.exitCode = problems.length > 0 ? 1 : 0;
