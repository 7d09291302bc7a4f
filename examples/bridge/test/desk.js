// The harness: the served binary, the bridge as a program, a helpdesk's API and a scripted model.
import { execFileSync, spawn } from "node:child_process";
import { createHmac } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { DeskhandClient } from "deskhand-client";
import { nodeTransport } from "deskhand-client/node";

const HERE = fileURLToPath(new URL("..", import.meta.url));
const ROOT = join(HERE, "..", "..");
const BINARY = join(ROOT, "target", "debug", "deskhand");
export const SECRET = "a secret of the webhook";
export const TOKEN = "a-token-of-the-helpdesk";

/** Deskhand with the sample shop. `chat` reads one of its chats. */
export async function serve(after, env = {}) {
  const data = mkdtempSync(join(tmpdir(), "deskhand-bridge-"));
  const key = execFileSync(BINARY, ["keys", "create", "--data", data, "--scope", "agent"], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  const options = ["--listen", "127.0.0.1:0", "--data", data, "--knowledge-base", join(ROOT, "knowledge-base"), "--log", "error"];
  const child = spawn(BINARY, ["serve", ...options], { env: { PATH: process.env.PATH, ...env }, cwd: data, stdio: ["ignore", "pipe", "inherit"] });
  after(() => {
    child.kill("SIGKILL");
    rmSync(data, { recursive: true, force: true });
  });
  for await (const line of createInterface({ input: child.stdout })) {
    const address = /^listening on (.+)$/.exec(line)?.[1];
    if (!address) continue;
    const url = `http://${address}`;
    const { chats } = new DeskhandClient({ transport: nodeTransport(url), key });
    return { url, key, chat: (chatId) => chats.getChat({ chatId, pageSize: 1000 }) };
  }
  throw new Error("the server did not start");
}

/** What comes one after another, and can be waited for before it is there. */
function stream() {
  const [all, waiting, taken] = [[], [], new Set()];
  const settle = () => {
    for (const wait of [...waiting]) {
      const found = all.find((value) => !taken.has(value) && wait.wanted(value));
      if (!found) continue;
      taken.add(found);
      waiting.splice(waiting.indexOf(wait), 1);
      wait.resolve(found);
    }
  };
  return {
    all,
    push: (value) => (all.push(value), settle()),
    next: (wanted = () => true) => new Promise((resolve) => (waiting.push({ wanted, resolve }), settle())),
  };
}

async function listen(server, after) {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  after(() => (server.closeAllConnections(), server.close()));
  return `http://127.0.0.1:${server.address().port}`;
}

/** A helpdesk's API. Each request is kept, and answered with the next of these statuses; the last one stays. */
export async function helpdesk(t, statuses = [201]) {
  const notes = stream();
  const server = createServer(async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const { method, url, headers } = request;
    response.writeHead(statuses.length > 1 ? statuses.shift() : statuses[0], { "content-type": "application/json" }).end('{"id":1}');
    notes.push({ method, url, headers, body: JSON.parse(Buffer.concat(chunks)) });
  });
  return { url: await listen(server, (end) => t.after(end)), notes };
}

/** A model whose drafts wait until the test answers them: `(await asked.next()).say(text)`. */
export async function model(after) {
  const asked = stream();
  const server = createServer(async (request, response) => {
    if (request.method !== "POST") return response.writeHead(404).end();
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    response.writeHead(200, { "content-type": "text/event-stream" }).flushHeaders();
    const chunk = (delta, finish_reason) => response.write(`data: ${JSON.stringify({ choices: [{ index: 0, delta, finish_reason }] })}\n\n`);
    const say = (text) => {
      chunk({ content: text }, null);
      chunk({}, "stop");
      response.end("data: [DONE]\n\n");
    };
    // Before a draft, it is asked for the number of the text that answers: none does.
    if (Buffer.concat(chunks).includes("You draft replies")) asked.push({ say, left: once(response, "close") });
    else say("0");
  });
  const url = await listen(server, after);
  return { env: { OPENAI_BASE_URL: `${url}/v1`, DESKHAND_MODEL: "scripted" }, asked };
}

/** The bridge between a desk and a helpdesk. */
export async function bridge(t, vendor, { desk, helpdesk, env = {} }) {
  const child = spawn("node", [join(HERE, "dist", "bridge.js"), join(HERE, `${vendor}.json`)], {
    env: {
      ...{ PATH: process.env.PATH, DESKHAND_URL: desk.url, DESKHAND_KEY: desk.key, BRIDGE_PORT: "0" },
      ...{ HELPDESK_URL: helpdesk.url, HELPDESK_TOKEN: TOKEN, HELPDESK_SECRET: SECRET, HELPDESK_USER: "7", ...env },
    },
    stdio: ["ignore", "pipe", "inherit"],
  });
  t.after(() => child.kill("SIGKILL"));
  const log = stream();
  createInterface({ input: child.stdout }).on("line", (line) => log.push(JSON.parse(line)));
  const { address } = await log.next(({ what }) => what === "listening");
  const url = `http://127.0.0.1:${address.port}/`;
  return {
    log,
    /** Sends bytes with a signature of theirs, or with other headers. Returns the status. */
    async deliver(payload, headers = {}) {
      const body = typeof payload === "string" ? payload : JSON.stringify(payload);
      const response = await fetch(url, { method: "POST", body, headers: { ...signature[vendor](body), ...headers } });
      return response.status;
    },
    /** Ends it as a system does. Drafts that are being made come before its end. */
    async stop() {
      child.kill("SIGTERM");
      const [code] = await once(child, "close");
      return code;
    },
  };
}

const hmac = (algorithm, encoding, ...parts) => parts.reduce((digest, part) => digest.update(part), createHmac(algorithm, SECRET)).digest(encoding);

/** How each helpdesk signs what it sends. */
const signature = {
  chatwoot: (body) => ({ "x-chatwoot-timestamp": "1763200970", "x-chatwoot-signature": `sha256=${hmac("sha256", "hex", "1763200970", ".", body)}` }),
  zammad: (body) => ({ "x-hub-signature": `sha1=${hmac("sha1", "hex", body)}` }),
  freescout: (body) => ({ "x-freescout-signature": hmac("sha1", "base64", body) }),
};

/** A file of webhooks, with changes: `webhook("zammad-article", { "article.id": 105 })`. */
export function webhook(name, changes = {}) {
  const payload = JSON.parse(readFileSync(join(HERE, "test", "webhooks", `${name}.json`), "utf8"));
  for (const [path, value] of Object.entries(changes)) {
    const keys = path.split(".");
    const last = keys.pop();
    keys.reduce((part, key) => part[key], payload)[last] = value;
  }
  return payload;
}
