// Builds the scripts that the binary serves: `node build.js` writes them to dist/, `node build.js --check` says whether dist/ is what the
// sources build, and whether scripts and pages are as small as they must be.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

/** Most bytes of each file, compressed as the server compresses at best. */
const LIMITS = {
  "search.js": 15_000, "help.js": 3_000, "help.css": 3_000, "reply.js": 60_000, "console.js": 60_000, "console.css": 8_000, "authors.js": 40_000, "authors.css": 4_000,
  "reports.js": 16_000, "reports.css": 3_000,
};

/** Messages go as binary. What reads and writes them as JSON is a sixth of the reply box, and is left out. */
const withoutJson = {
  name: "without-json",
  setup: (build) =>
    build.onLoad({ filter: /[/\\]protobuf[/\\]dist[/\\]esm[/\\](to|from)-json\.js$/ }, ({ path }) => {
      const names = readFileSync(path, "utf8").matchAll(/^export function (\w+)/gm);
      return { contents: [...names].map(([, name]) => `export const ${name} = null;`).join("\n") };
    }),
};

const root = dirname(fileURLToPath(import.meta.url));
const checks = process.argv.includes("--check");
process.chdir(root);

rmSync("src/gen", { recursive: true, force: true });
execFileSync("node_modules/.bin/buf", ["generate", "../proto", "--template", "buf.gen.yaml"], { stdio: "inherit" });

const { outputFiles } = await build({
  entryPoints: ["src/search.ts", "src/help.ts", "src/reply.ts", "src/console.ts", "src/authors.ts", "src/reports.ts"],
  outdir: "dist",
  bundle: true,
  minify: true,
  format: "iife",
  target: ["chrome111", "firefox113", "safari16.4"],
  charset: "utf8",
  legalComments: "none",
  plugins: [withoutJson],
  write: false,
  logLevel: "warning",
});
const files = outputFiles.map((file) => [file.path.slice(join(root, "dist").length + 1), Buffer.from(file.contents)]);

let wrong = 0;
mkdirSync("dist", { recursive: true });
for (const [name, built] of files) {
  const path = join("dist", name);
  if (checks && !(existsSync(path) && readFileSync(path).equals(built))) {
    console.error(`dist/${name} is not what the sources build; run \`npm run build\` in web/ and commit it`);
    wrong++;
  } else if (!checks) writeFileSync(path, built);
  measure(name, built);
}
for (const name of readdirSync("pages")) measure(name, readFileSync(join("pages", name)));
process.exit(wrong ? 1 : 0);

function measure(name, content) {
  const size = gzipSync(content, { level: 9 }).length;
  const most = LIMITS[name];
  console.log(`${name.padEnd(14)} ${String(content.length).padStart(7)} bytes, ${String(size).padStart(6)} compressed${most ? ` of ${most}` : ""}`);
  if (most && size > most) {
    console.error(`${name} is larger than it may be`);
    wrong++;
  }
}
