// Lists the crates in the program with their licences, for Settings: public/crates.txt. Needs cargo; a unit test says when the
// list is older than Cargo.lock.
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";

const root = new URL("../../../", import.meta.url).pathname;
const wanted = ["--locked", "--format-version", "1", "--features", "sms-server/full", "--filter-platform", "x86_64-unknown-linux-gnu"];
const metadata = JSON.parse(execFileSync("cargo", ["metadata", ...wanted], { cwd: root, encoding: "utf8", maxBuffer: 1 << 28 }));
const packages = new Map(metadata.packages.map((crate) => [crate.id, crate]));
const nodes = new Map(metadata.resolve.nodes.map((node) => [node.id, node]));

// What is linked into the program: no tools of the build, no tests.
const linked = new Set();
function visit(id) {
  if (linked.has(id)) return;
  linked.add(id);
  const isMacro = packages.get(id).targets.some(({ kind }) => kind.includes("proc-macro"));
  if (isMacro) return;
  for (const dep of nodes.get(id).deps) {
    if (dep.dep_kinds.some(({ kind }) => kind === null)) visit(dep.pkg);
  }
}
visit(metadata.packages.find(({ name }) => name === "sms-server").id);

const crates = [...linked]
  .map((id) => packages.get(id))
  // Those of this repository have no source.
  .filter(({ source }) => source !== null)
  .map(({ name, version, license, license_file: file }) => `${name} ${version} (${(license ?? `see ${file}`).replaceAll("/", " OR ").replace(/ +/g, " ")})`)
  .sort();
const text = `# Crates\n\nThe program contains these crates, each from https://crates.io/crates/NAME:\n\n${crates.join("\n")}\n`;
writeFileSync(new URL("../public/crates.txt", import.meta.url), text);
console.log(`${crates.length} crates`);
