// The quick start of the README that is in the package, compiled against the package's types and run against the real server.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";

const { DESKHAND_ADDRESS, DESKHAND_KEY, TYPESCRIPT } = process.env;

test("the quick start compiles, appends, suggests, drafts and shows an error's reason", () => {
  const [, source] = /```ts\n(.*?)```/s.exec(readFileSync("node_modules/deskhand-client/README.md", "utf8"));
  assert.ok(source.includes("http://127.0.0.1:50051"));
  writeFileSync("quick-start.ts", source.replace("http://127.0.0.1:50051", `http://${DESKHAND_ADDRESS}`));
  const options = ["--strict", "--target", "es2022", "--module", "nodenext", "--types", "node", "--typeRoots", `${TYPESCRIPT}/@types`];
  execFileSync(`${TYPESCRIPT}/.bin/tsc`, [...options, "quick-start.ts"], { stdio: "inherit" });
  const printed = execFileSync("node", ["quick-start.js"], { encoding: "utf8", env: { ...process.env, DESKHAND_KEY }, timeout: 20_000 });
  const lines = printed.trim().split("\n");
  assert.match(lines[0], /return.*: .+/i);
  assert.match(printed, /within 30 days|30 days/);
  assert.match(lines.at(-1), /^MODEL_NOT_CONFIGURED: .+/);
});
