// Takes a helpdesk's webhooks, tells Deskhand what happened, and puts a draft into the helpdesk as a private note.
import { createHmac, timingSafeEqual } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage } from "node:http";
import { setTimeout as pause } from "node:timers/promises";
import { Author, Code, DeskhandClient, DeskhandError, type Event, type Finished } from "deskhand-client";
import { nodeTransport } from "deskhand-client/node";
import { fill, lookup, translate, type Mapping, type Scope } from "./mapping.js";
import { noteOf } from "./text.js";

const { DESKHAND_URL = "http://127.0.0.1:50051", DESKHAND_KEY: key, BRIDGE_HOST = "127.0.0.1", BRIDGE_PORT = "8090" } = process.env;
const { HELPDESK_URL: url, HELPDESK_TOKEN: token, HELPDESK_SECRET: secret, HELPDESK_USER: user } = process.env;
if (!process.argv[2] || !url || !token || !secret) throw new Error("a mapping file, HELPDESK_URL, HELPDESK_TOKEN and HELPDESK_SECRET are required");
const mapping = JSON.parse(readFileSync(process.argv[2], "utf8")) as Mapping;
const desk = new DeskhandClient({ transport: nodeTransport(DESKHAND_URL), key });
/** Bytes and counts; milliseconds. Chatwoot waits 5 s for an answer. */
const [MAX_BODY, MAX_CONNECTIONS, MAX_DRAFTS, NOTE_ATTEMPTS] = [1024 * 1024, 256, 64, 3];
const [APPEND_MS, DRAFT_MS, NOTE_MS, STOP_MS] = [4_000, 120_000, 10_000, 10_000];
/** The drafts that are being made, by chat. */
const drafts = new Map<string, { stop: AbortController; done: Promise<void> }>();
/** Says what happened to which chat, and nothing that people wrote. */
const log = (what: string, ids: object) => console.log(JSON.stringify({ time: new Date(), what, ...ids }));
const reason = (error: unknown) => (error instanceof DeskhandError ? error.reason || Code[error.code] : String(error));

/** The HTTP status that answers a webhook. */
async function answer(request: IncomingMessage): Promise<number> {
  const body = await read(request);
  if (!body) return 413;
  if (!isSigned(body, { headers: request.headers })) return 401;
  const scope = { headers: request.headers, body: await new Response(body).json().catch(() => undefined) };
  const told = translate(mapping, scope);
  if (!told) log("ignored", { id: fill("{body.id}", scope), fields: Object.keys(Object(scope.body)).slice(0, 20) });
  return !told || (await append(told.chatId, told.events, scope)) ? 200 : 503;
}

/** Reads all, so that who sends too much reads the answer, and keeps no more than allowed. */
async function read(request: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) if ((size += chunk.length) <= MAX_BODY) chunks.push(chunk);
  return size <= MAX_BODY ? Buffer.concat(chunks) : undefined;
}

function isSigned(body: Buffer, scope: Scope): boolean {
  const { header, algorithm, encoding, prefix, before } = mapping.signature;
  const given = Buffer.from(String(lookup(scope, `headers.${header}`)));
  const own = Buffer.from(prefix + createHmac(algorithm, secret!).update(fill(before, scope) ?? "").update(body).digest(encoding));
  return given.length === own.length && timingSafeEqual(given, own);
}

/** Appends what is new, and starts a draft if the customer wrote last. Returns whether all is durable. */
async function append(chatId: string, events: Event[], scope: Scope): Promise<boolean> {
  const author = ({ body }: Event) => (body.case === "message" ? body.value.author : undefined);
  const [options, isNew]: [object, Event[]] = [{ timeoutMs: APPEND_MS, signal: AbortSignal.timeout(APPEND_MS) }, []];
  for (const event of events)
    try {
      if ((await desk.chats.appendEvents({ chatId, events: [event] }, options)).appended > 0) isNew.push(event);
    } catch (error) {
      const { code, fields } = DeskhandError.from(error);
      log("not appended", { chatId, eventId: event.eventId, reason: reason(error), fields });
      // These would be refused again: an event that has changed, and one that breaks a limit.
      if (code !== Code.AlreadyExists && code !== Code.InvalidArgument) return false;
    }
  if (!isNew.some(author)) return true;
  drafts.get(chatId)?.stop.abort("there is a newer message");
  if (author(events.findLast(author)!) !== Author.CUSTOMER) return true;
  const stop = new AbortController();
  if (drafts.size < MAX_DRAFTS) drafts.set(chatId, { stop, done: draft(chatId, scope, stop.signal) });
  else log("no note", { chatId, reason: `${MAX_DRAFTS} drafts are being made` });
  return true;
}

/** Has a draft made and puts it into the helpdesk, unless it is stopped. */
async function draft(chatId: string, scope: Scope, signal: AbortSignal): Promise<void> {
  try {
    let finished: Finished | undefined;
    for await (const { event } of desk.replies.draftReply({ chatId }, { timeoutMs: DRAFT_MS, signal })) if (event.case === "finished") finished = event.value;
    await post({ ...scope, helpdesk: { token, user }, note: noteOf(finished!) }, signal);
    log("noted", { chatId });
  } catch (error) {
    log("no note", { chatId, reason: signal.reason ?? reason(error) });
  }
  if (drafts.get(chatId)?.stop.signal === signal) drafts.delete(chatId);
}

async function post(scope: Scope, signal: AbortSignal): Promise<void> {
  const { method, path, ...note } = mapping.note;
  // A name of nothing but dots would lead to another path.
  const place = fill(path, scope, (value) => (/^\.*$/.test(value) ? undefined : encodeURIComponent(value)));
  if (!place) throw new Error("an id of the note's path is missing");
  const target = url!.replace(/\/$/, "") + place;
  const { headers, body } = fill(note, scope, (value) => value)!;
  const request = { method, headers: { "content-type": "application/json", ...headers }, body: JSON.stringify(body), redirect: "error" } as const;
  for (let attempt = 1; ; attempt++) {
    const response = await fetch(target, { ...request, signal: AbortSignal.any([signal, AbortSignal.timeout(NOTE_MS)]) }).catch(() => undefined);
    await response?.body?.cancel();
    if (response?.ok) return;
    const mayRepeat = !response || response.status === 429 || response.status >= 500;
    if (!mayRepeat || attempt === NOTE_ATTEMPTS) throw new Error(`the helpdesk answered ${response?.status ?? "nothing"}`);
    await pause(500 * 2 ** attempt, undefined, { signal });
  }
}

const server = createServer({ requestTimeout: 10_000, connectionsCheckingInterval: 1_000 }, async (request, response) => {
  response.writeHead(await answer(request).catch((error) => (log("failed", { reason: String(error) }), 500))).end();
});
server.maxConnections = MAX_CONNECTIONS;
server.listen(Number(BRIDGE_PORT), BRIDGE_HOST, () => log("listening", { address: server.address() }));
// Webhooks that are being read are answered, and drafts get some time.
const drafted = () => Promise.race([Promise.all([...drafts.values()].map(({ done }) => done)), pause(STOP_MS)]);
for (const signal of ["SIGTERM", "SIGINT"]) process.once(signal, () => server.close(() => drafted().then(() => process.exit())));
