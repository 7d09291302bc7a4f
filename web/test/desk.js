// The harness: the served binary, a scripted model, and Debian's Chromium.
import { spawn, execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
export const BINARY = process.env.DESKHAND_BINARY ?? join(ROOT, "target", "debug", "deskhand");
const CHROMIUM = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find((path) => existsSync(path));

/** Serves the sample shop, and ends with the test. */
export async function serve(t, { args = [], env = {}, keys = [], shop = join(ROOT, "knowledge-base") } = {}) {
  const data = mkdtempSync(join(tmpdir(), "deskhand-web-"));
  const shown = keys.map((key) => execFileSync(BINARY, ["keys", "create", "--data", data, ...key], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim());
  const child = spawn(BINARY, ["serve", "--listen", "127.0.0.1:0", "--data", data, "--knowledge-base", shop, "--log", "error", ...args], {
    env: { PATH: process.env.PATH, ...env },
    cwd: data,
    stdio: ["ignore", "pipe", "inherit"],
  });
  t.after(() => {
    child.kill("SIGKILL");
    rmSync(data, { recursive: true, force: true });
  });
  for await (const line of createInterface({ input: child.stdout })) {
    const address = /^listening on (.+)$/.exec(line)?.[1];
    if (address) return { url: `http://${address}`, address, keys: shown };
  }
  throw new Error("the server did not start");
}

/** Calls a method with JSON. */
export function call(server, method, message, key) {
  const env = { ...process.env, ...(key ? { DESKHAND_KEY: key } : {}) };
  const printed = execFileSync(BINARY, ["call", method, "--address", server.address, "--data", JSON.stringify(message)], { encoding: "utf8", env });
  return printed.trim().split("\n").filter(Boolean).map((line) => JSON.parse(line));
}

/** The sample shop's chats, in their order. */
export function sampleChats() {
  const folder = join(ROOT, "sample-chats");
  return readdirSync(folder).sort().map((name) => JSON.parse(readFileSync(join(folder, name), "utf8")));
}

/** A model that streams what the test's `answer(messages)` gives, word by word; `{ text, pause, hang }`. */
export async function model(t, answer) {
  const state = { open: 0, asked: 0 };
  const server = createServer(async (request, response) => {
    // It has no list of models, as some have none.
    if (request.method !== "POST") return response.writeHead(404).end();
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const { messages } = JSON.parse(Buffer.concat(chunks).toString());
    const { text, pause = 0, hang = false } = answer(messages);
    state.asked++;
    state.open++;
    let gone = false;
    response.on("close", () => {
      gone = true;
      state.open--;
    });
    response.writeHead(200, { "content-type": "text/event-stream" });
    const say = (delta, finish_reason = null) => response.write(`data: ${JSON.stringify({ choices: [{ index: 0, delta, finish_reason }] })}\n\n`);
    for (const piece of text.match(/\S+\s*/g) ?? []) {
      if (gone) return;
      say({ content: piece });
      if (pause) await new Promise((done) => setTimeout(done, pause));
    }
    if (hang || gone) return;
    say({}, "stop");
    response.end("data: [DONE]\n\n");
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { env: { OPENAI_BASE_URL: `http://127.0.0.1:${server.address().port}/v1`, DESKHAND_MODEL: "scripted" }, state };
}

let browser;

/** A page of a browser of its own; an error in it that is not expected fails the test. */
export async function open(t, { expected = /(?!)/, ...options } = {}) {
  browser ??= await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox", "--disable-dev-shm-usage"] });
  const context = await browser.newContext({ locale: "en-GB", viewport: { width: 1280, height: 800 }, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  const errors = [];
  page.on("pageerror", (error) => errors.push(error.message));
  page.on("console", (message) => message.type() === "error" && !/Failed to load resource|ERR_/.test(message.text()) && !expected.test(message.text()) && errors.push(message.text()));
  t.after(async () => {
    await context.close();
    if (errors.length) throw new Error(`the page failed: ${errors.join("; ")}`);
  });
  return page;
}

export async function closeBrowser() {
  await browser?.close();
  browser = undefined;
}

/** A foreign site: `pages(path)` gives a page's HTML, or null. Returns its origin. */
export async function site(t, pages) {
  const server = createServer((request, response) => {
    const body = pages(new URL(request.url, "http://x").pathname);
    const type = request.url.endsWith(".js") ? "text/javascript" : "text/html";
    response.writeHead(body === null ? 404 : 200, { "content-type": `${type}; charset=utf-8` });
    response.end(body ?? "");
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  t.after(() => server.close());
  return `http://127.0.0.1:${server.address().port}`;
}

/** A file of the repository. */
export const read = (path) => readFileSync(join(ROOT, path), "utf8");

/** What axe finds that is serious. */
export async function seriousFindings(page) {
  return (await findings(page)).filter(({ impact }) => ["serious", "critical"].includes(impact)).map(({ said }) => said);
}

/** All that axe finds, in the whole page or in what a selector names. */
export async function findings(page, within = null) {
  // The page's policy lets no other script in: it is run as the browser's own.
  await page.evaluate(read("web/node_modules/axe-core/axe.min.js"));
  const { violations } = await page.evaluate((within) => globalThis.axe.run(within ?? document, { resultTypes: ["violations"] }), within);
  return violations.map(({ id, impact, nodes }) => ({ impact, said: `${id}: ${nodes.map((node) => `${node.target} ${node.failureSummary}`).join(" | ")}` }));
}
