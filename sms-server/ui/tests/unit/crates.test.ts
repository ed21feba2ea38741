import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { expect, test } from "vitest";

const read = (path: string): string => readFileSync(resolve(import.meta.dirname, "../..", path), "utf8");

test("the licences are those of the crates that are locked: else run `npm run crates`", () => {
  const locked = new Set([...read("../../Cargo.lock").matchAll(/name = "(.+)"\nversion = "(.+)"\nsource/g)].map(([, name, version]) => `${name} ${version}`));
  const listed = [...read("public/crates.txt").matchAll(/^(\S+ \d\S+) \((.+)\)$/gm)];
  expect(listed.length).toBeGreaterThan(100);
  expect(listed.map(([, crate]) => crate).filter((crate) => !locked.has(crate ?? ""))).toEqual([]);
});
