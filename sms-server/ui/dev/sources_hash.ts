import { createHash } from "node:crypto";
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Plugin } from "vite";

const FILES = ["index.html", "package.json", "package-lock.json", "vite.config.ts"];
const FOLDERS = ["dev", "public", "src"];

/**
 * Writes `dist/build.txt`: the SHA-256 over the sources the build was made from, in hexadecimal and
 * with a line break. A Rust test computes it again, so a stale build is found without Node.
 *
 * The hashed text has one line for each source, sorted by path as bytes: the path relative to
 * `ui/` with `/`, a space, the SHA-256 of the content in hexadecimal, a line break.
 */
export function sourcesHash(): Plugin {
  let root = "";
  let out = "";
  return {
    name: "sources-hash",
    apply: "build",
    configResolved(config) {
      root = config.root;
      out = join(root, config.build.outDir, "build.txt");
    },
    closeBundle() {
      const lines = sources(root).map((path) => `${path} ${sha256(readFileSync(join(root, path)))}\n`);
      writeFileSync(out, `${sha256(lines.join(""))}\n`);
    },
  };
}

function sources(root: string): string[] {
  const configs = readdirSync(root).filter((name) => /^tsconfig.*\.json$/.test(name));
  const nested = FOLDERS.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1)),
  );
  return [...FILES, ...configs, ...nested].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
}

function sha256(content: string | Buffer): string {
  return createHash("sha256").update(content).digest("hex");
}
