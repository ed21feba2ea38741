// Fails when the build is heavier than its budget, in KiB of gzip: 220 in all, 150 for the first view.
import { readFileSync, readdirSync } from "node:fs";
import { gzipSync } from "node:zlib";

const dist = new URL("../dist/", import.meta.url);
const html = readFileSync(new URL("index.html", dist), "utf8");
const files = readdirSync(dist, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && entry.name !== "build.txt")
  .map((entry) => {
    const content = readFileSync(`${entry.parentPath}/${entry.name}`);
    return { name: entry.name, kib: gzipSync(content, { level: 9 }).length / 1024 };
  })
  .sort((a, b) => b.kib - a.kib);

// The first view: what index.html names, the larger language, and the page one lands on.
const first = (name) => name === "index.html" || html.includes(name) || /^(ru|SendPage|SignInPage)-/.test(name);
const sum = (some) => some.reduce((total, file) => total + file.kib, 0);
for (const { name, kib } of files) console.log(`${kib.toFixed(1).padStart(7)}  ${first(name) ? "first" : "     "}  ${name}`);

const checks = [["in all", sum(files), 220], ["first view", sum(files.filter((file) => first(file.name))), 150]];
for (const [what, kib, budget] of checks) {
  console.log(`${kib.toFixed(1).padStart(7)}  of ${budget} KiB ${what}`);
  if (kib > budget) process.exitCode = 1;
}
