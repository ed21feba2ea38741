// Takes a picture of every page in both themes, both languages, at 360 and 1280 px.
import { spawnSync } from "node:child_process";

const folder = process.argv[2];
if (!folder) {
  console.error("usage: npm run shots -- FOLDER");
  process.exit(2);
}
const env = { ...process.env, SHOTS_DIR: folder };
const { status } = spawnSync("npx", ["vitest", "run", "--config", "tests/e2e/vitest.config.ts", "shots"], { stdio: "inherit", env });
process.exitCode = status ?? 1;
