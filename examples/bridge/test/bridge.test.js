// The bridge as a program, between the real server and a helpdesk's API, with webhooks in the shapes that the vendors document.
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { after, before, test } from "node:test";
import { Author, Channel, ChatStatus } from "deskhand-client";
import { SECRET, TOKEN, bridge, helpdesk, model, serve, webhook } from "./desk.js";

const ends = [];
let desk, asked;
before(async () => {
  const scripted = await model((end) => ends.push(end));
  asked = scripted.asked;
  desk = await serve((end) => ends.push(end), scripted.env);
});
after(() => ends.reverse().forEach((end) => end()));

const options = { timeout: 40_000 };
const SAID = "You have 30 days to send it back.";
/** The model's answer to the next draft that it is asked for. */
const draft = async (text = SAID) => (await asked.next()).say(text);
const OWN = "Draft by Deskhand, not sent. Read it before you use it.";
const bodies = ({ events }) => events.map(({ eventId, body }) => [eventId, body.case, body.value]);
const kinds = (chat) => bodies(chat).map(([eventId, kind]) => `${eventId}: ${kind}`);
const said = (chat) => bodies(chat).filter(([, kind]) => kind === "message").map(([, , { author, authorId, text }]) => [Author[author], authorId, text]);

/** A message of a customer in a Chatwoot chat of its own. */
const ask = (conversation, id, text = "Hello, how do I return a towel?") =>
  webhook("chatwoot-message", { "conversation.id": conversation, id, content: text, created_at: `2025-11-15T10:02:${String(id % 60).padStart(2, "0")}.000Z` });

test("Chatwoot: a customer's message gets a draft, and what agents and bots write is told", options, async (t) => {
  const { url, notes } = await helpdesk(t);
  const { deliver, stop, log } = await bridge(t, "chatwoot", { desk, helpdesk: { url } });
  assert.equal(await deliver(webhook("chatwoot-message")), 200);
  await draft(`${SAID} [[1]]`);
  const note = await notes.next();
  assert.equal(`${note.method} ${note.url}`, "POST /api/v1/accounts/3/conversations/10/messages");
  assert.equal(note.headers.api_access_token, TOKEN);
  const { content, ...rest } = note.body;
  assert.deepEqual(rest, { message_type: "outgoing", private: true, content_type: "text" });
  assert.ok(content.startsWith(`${OWN}\n\n${SAID}\n\nSource: `), content);

  const outgoing = { message_type: "outgoing", sender: { id: 7, name: "Selin", email: "selin@shop.example", type: "user" } };
  const bot = { ...outgoing, sender: { id: 2, name: "Robot", type: "agent_bot" } };
  for (const changes of [
    { ...bot, id: 119, content: "We answer soon.", created_at: "2025-11-15T10:02:49.000Z" },
    { ...outgoing, id: 120, content: "You have 30 days.", created_at: "2025-11-15T10:03:49.000Z" },
    { ...outgoing, id: 121, private: true, content: "She is a good customer.", created_at: "2025-11-15T10:04:49.000Z" },
    { ...outgoing, id: 122, private: true, content, created_at: "2025-11-15T10:04:50.000Z" },
    { message_type: "activity", id: 123, content: "Selin assigned it to herself", sender: null },
  ])
    assert.equal(await deliver(webhook("chatwoot-message", changes)), 200);
  assert.equal(await deliver(webhook("chatwoot-status")), 200);
  assert.equal(await stop(), 0);

  const chat = await desk.chat("chatwoot-3-10");
  const [opened, known, ...then] = kinds(chat);
  assert.deepEqual([opened, known], ["opened: opened", "customer-118: customer"]);
  assert.deepEqual(then, ["message-118: message", "message-119: message", "message-120: message", "message-121: note", "topic: topic", "resolved-1763201500: resolved"]);
  assert.deepEqual(said(chat), [
    ["CUSTOMER", "contact-14", "Hello, how do I return a towel?"],
    ["BOT", "", "We answer soon."],
    ["AGENT", "user-7", "You have 30 days."],
  ]);
  const { status, channel, topic, customer } = chat.chat;
  assert.deepEqual([status, channel, topic, customer.name, customer.email], [ChatStatus.RESOLVED, Channel.WEB_CHAT, "returns", "Elif Kaya", "elif@mail.example"]);
  assert.equal(notes.all.length, 1);
  assert.deepEqual(log.all.map(({ what }) => what), ["listening", "noted", "ignored"]);
});

test("Zammad: an article is told as text, with its ticket's subject and customer, and gets a draft", options, async (t) => {
  const { url, notes } = await helpdesk(t);
  const { deliver, stop } = await bridge(t, "zammad", { desk, helpdesk: { url: `${url}/desk/` } });
  assert.equal(await deliver(webhook("zammad-article")), 200);
  await draft(`${SAID} [[1]]`);
  const note = await notes.next();
  assert.equal(`${note.method} ${note.url}`, "POST /desk/api/v1/ticket_articles");
  assert.equal(note.headers.authorization, `Token token=${TOKEN}`);
  const { body, ...rest } = note.body;
  assert.deepEqual(rest, { ticket_id: "81", type: "note", internal: true, content_type: "text/plain", subject: "Draft by Deskhand" });
  assert.ok(body.startsWith(`${OWN}\n\n${SAID}\n\nSource: `), body);

  const selin = { id: 5, firstname: "Selin", lastname: "Aydin" };
  const agent = { "article.sender": "Agent", "article.created_by": selin };
  for (const changes of [
    { ...agent, "article.id": 105, "article.body": "You have <i>30 days</i>.", "article.created_at": "2025-11-15T10:03:48.318Z" },
    { ...agent, "article.id": 106, "article.body": "a < b", "article.content_type": "text/plain", "article.internal": true, "article.type": "note" },
    { ...agent, "article.id": 107, "article.body": body, "article.content_type": "text/plain", "article.internal": true, "article.type": "note" },
    { ...agent, "article.id": 108, "article.sender": "System", "article.body": "Your ticket was closed.", "ticket.state": "closed", "ticket.last_close_at": "2025-11-15T11:00:00.000Z" },
  ])
    assert.equal(await deliver(webhook("zammad-article", changes)), 200);
  assert.equal(await stop(), 0);

  const chat = await desk.chat("zammad-81");
  const expected = ["opened: opened", "customer-104: customer", "article-104: message", "article-105: message", "article-106: note", "article-108: message"];
  assert.deepEqual(kinds(chat), [...expected, "topic: topic", "resolved-2025-11-15T11:00:00.000Z: resolved"]);
  assert.deepEqual(said(chat), [
    ["CUSTOMER", "user-8", "Hello,\nhow do I return a towel?"],
    ["AGENT", "user-5", "You have 30 days."],
    ["BOT", "", "Your ticket was closed."],
  ]);
  assert.equal(bodies(chat).find(([eventId]) => eventId === "article-106")[2].text, "a < b");
  const { status, channel, subject, group, topic } = chat.chat;
  assert.deepEqual([status, channel, subject, group, topic], [ChatStatus.RESOLVED, Channel.EMAIL, "Returning a towel", "Orders", "Orders"]);
  assert.equal(notes.all.length, 1);
});

test("FreeScout: a conversation's threads are told in their order, and a webhook that was missed is made up for", options, async (t) => {
  const { url, notes } = await helpdesk(t);
  const { deliver, stop } = await bridge(t, "freescout", { desk, helpdesk: { url } });
  assert.equal(await deliver(webhook("freescout-conversation"), { "x-freescout-event": "convo.created" }), 200);
  await draft(`${SAID} R&D says that 1 < 2.`);
  const note = await notes.next();
  assert.equal(`${note.method} ${note.url}`, "POST /api/conversations/41/threads");
  assert.equal(note.headers["x-freescout-api-key"], TOKEN);
  const { text, ...rest } = note.body;
  assert.deepEqual(rest, { type: "note", user: "7" });
  assert.ok(text.startsWith(`${OWN}<br><br>${SAID} R&amp;D says that 1 &lt; 2.`), text);

  const [thread] = webhook("freescout-conversation")._embedded.threads;
  const user = { id: 9, type: "user", firstName: "Selin", lastName: "Aydin", email: "selin@shop.example" };
  const own = { ...thread, id: 118, type: "note", createdBy: user, body: text, createdAt: "2025-11-15T10:03:00Z" };
  const reply = { ...thread, id: 119, type: "message", createdBy: user, body: "<p>You have 30 days.</p>", createdAt: "2025-11-15T10:04:00Z" };
  const unsent = { ...reply, id: 120, state: "draft", body: "not yet" };
  const internal = { ...own, id: 121, body: "Nice &amp; old", createdAt: "2025-11-15T10:05:00Z" };
  const line = { ...own, id: 122, type: "lineitem", body: "" };
  const later = { "_embedded.threads": [line, internal, unsent, reply, own, thread], status: "closed", closedAt: "2025-11-15T11:00:00Z", threadsCount: 4 };
  assert.equal(await deliver(webhook("freescout-conversation", later), { "x-freescout-event": "convo.note.created" }), 200);
  assert.equal(await deliver(webhook("freescout-conversation", later), { "x-freescout-event": "convo.moved" }), 200);
  assert.equal(await stop(), 0);

  const chat = await desk.chat("freescout-41");
  const expected = ["opened: opened", "customer-91-1: customer", "thread-117: message", "customer-91-4: customer", "topic: topic"];
  assert.deepEqual(kinds(chat), [...expected, "resolved-2025-11-15T11:00:00Z: resolved", "thread-119: message", "thread-121: note"]);
  assert.deepEqual(said(chat), [
    ["CUSTOMER", "customer-91", "Hello,\n\nhow do I return a towel?"],
    ["AGENT", "user-9", "You have 30 days."],
  ]);
  assert.equal(bodies(chat).at(-1)[2].text, "Nice & old");
  assert.deepEqual([chat.chat.status, chat.chat.channel], [ChatStatus.RESOLVED, Channel.EMAIL]);
  assert.equal(notes.all.length, 1);
});

test("a repeated delivery changes nothing and gets no second draft, and neither does a message that was edited", options, async (t) => {
  const { url, notes } = await helpdesk(t);
  const { deliver, stop, log } = await bridge(t, "chatwoot", { desk, helpdesk: { url } });
  assert.equal(await deliver(ask(20, 1)), 200);
  await draft();
  await notes.next();
  assert.equal(await deliver(ask(20, 1)), 200);
  assert.equal(await deliver(ask(20, 1, "How do I return a pillow?")), 200);
  assert.equal(await stop(), 0);
  assert.deepEqual(said(await desk.chat("chatwoot-3-20")), [["CUSTOMER", "contact-14", "Hello, how do I return a towel?"]]);
  assert.equal(notes.all.length, 1);
  assert.deepEqual(log.all.filter(({ what }) => what === "not appended").map(({ eventId, reason }) => [eventId, reason]), [["message-1", "EVENT_EXISTS"]]);
});

for (const [vendor, file, header, id, chatId] of [
  ["chatwoot", "chatwoot-message", "x-chatwoot-signature", "conversation.id", "chatwoot-3-66"],
  ["zammad", "zammad-article", "x-hub-signature", "ticket.id", "zammad-66"],
  ["freescout", "freescout-conversation", "x-freescout-signature", "id", "freescout-66"],
])
  test(`${vendor}: without a right signature nothing is taken`, options, async (t) => {
    const { url, notes } = await helpdesk(t);
    const { deliver, stop } = await bridge(t, vendor, { desk, helpdesk: { url } });
    const payload = webhook(file, { [id]: 66 });
    for (const wrong of ["", "sha1=", "sha256=00", `${"A".repeat(27)}=`, `sha1=${"0".repeat(40)}`, `sha256=${"0".repeat(64)}`])
      assert.equal(await deliver(payload, { "x-freescout-event": "convo.created", [header]: wrong }), 401, wrong);
    // The time is signed, too.
    if (vendor === "chatwoot") assert.equal(await deliver(payload, { "x-chatwoot-timestamp": "1763200971" }), 401);
    assert.equal(await stop(), 0);
    await assert.rejects(desk.chat(chatId), { reason: "CHAT_NOT_FOUND" });
    assert.equal(notes.all.length, 0);
  });

test("what is too large is refused, and what is unknown is taken and logged without its texts", options, async (t) => {
  const { url, notes } = await helpdesk(t);
  const { deliver, stop, log } = await bridge(t, "chatwoot", { desk, helpdesk: { url } });
  assert.equal(await deliver(" ".repeat(1024 * 1024 + 1)), 413);
  assert.equal(await deliver("x".repeat(8 * 1024 * 1024)), 413);
  for (const unknown of ["", "no JSON", "null", "[1]", '"text"', webhook("chatwoot-message", { event: "message_updated" }), { event: "message_created" }])
    assert.equal(await deliver(unknown), 200);
  assert.equal(await stop(), 0);
  assert.deepEqual(log.all.map(({ what }) => what), ["listening", ...Array(7).fill("ignored")]);
  assert.equal(log.all[6].id, "118");
  assert.doesNotMatch(JSON.stringify(log.all), /towel|Elif/);
  assert.equal(notes.all.length, 0);
});

test("templates, HTML and paths in what people wrote stay text", options, async (t) => {
  const { url, notes } = await helpdesk(t);
  const { deliver, stop, log } = await bridge(t, "chatwoot", { desk, helpdesk: { url } });
  const text = 'How do I return a towel? {helpdesk.token} {text:body.content} ${SECRET} $& <script>alert(1)</script> "},{" \u0000\ud800';
  const strange = "30/../../../admin?x=1#y%2e";
  const long = { "sender.name": "{helpdesk.token}\n\u0007" + "é".repeat(400), "conversation.meta.sender.name": "x".repeat(5000) };
  assert.equal(await deliver(webhook("chatwoot-message", { "conversation.id": strange, id: 1, content: text, ...long })), 200);
  await draft("Send it back, {helpdesk.token}.");
  const note = await notes.next();
  assert.match(note.body.content, /Send it back, \{helpdesk\.token\}\./);
  assert.equal(note.url, `/api/v1/accounts/3/conversations/${encodeURIComponent(strange)}/messages`);
  assert.doesNotMatch(JSON.stringify(note.body), new RegExp(TOKEN));
  const chat = await desk.chat(`chatwoot-3-${strange}`);
  const [, , { text: kept, authorName }] = bodies(chat).find(([, kind]) => kind === "message");
  assert.equal(kept, text.replace("\u0000", "").replace("\ud800", "\ufffd"));
  assert.ok(authorName.startsWith("{helpdesk.token}  éé"));

  for (const dots of [".", "..", ""]) {
    assert.equal(await deliver(webhook("chatwoot-message", { "conversation.id": dots, id: 1 })), 200);
    await draft();
    assert.equal((await log.next(({ what }) => what === "no note")).reason, "Error: an id of the note's path is missing");
  }
  for (const object of [{}, [], true, null]) assert.equal(await deliver(webhook("chatwoot-message", { "conversation.id": object, id: 1 })), 200);
  assert.equal(await deliver(webhook("chatwoot-message", { "conversation.id": 31, id: 1, content: "y".repeat(400_000), message_type: "template", sender: null })), 200);
  assert.equal(await stop(), 0);
  const [{ text: cut }] = bodies(await desk.chat("chatwoot-3-31")).filter(([, kind]) => kind === "message").map(([, , value]) => value);
  assert.equal(cut.length, 32_000);
  assert.ok(notes.all.every(({ url }) => /^\/api\/v1\/accounts\/3\/conversations\/[^/]+\/messages$/.test(url)), "a note went elsewhere");
  assert.doesNotMatch(JSON.stringify(log.all), new RegExp(`${TOKEN}|${SECRET}|alert`));
});

test("HTML becomes text: quotations are marked, scripts are gone, and a million brackets take no minute", options, async (t) => {
  const { url, notes } = await helpdesk(t);
  const { deliver, stop } = await bridge(t, "zammad", { desk, helpdesk: { url } });
  const table = "<table><tr><td>Order</td><td>KE-204815</td></tr><tr><td>Item</td><td>towel</td></tr></table>";
  const html = `<style>p { color: red }</style><script>alert(1)</script><p>How do I return it? &lt;b&gt;</p>${table}<blockquote><p>You wrote</p></blockquote><img src="x" alt="y">`;
  assert.equal(await deliver(webhook("zammad-article", { "ticket.id": 90, "article.body": html })), 200);
  await draft();
  await notes.next();
  assert.equal(await deliver(webhook("zammad-article", { "ticket.id": 91, "article.sender": "Agent", "article.body": "<div>".repeat(200_000) })), 200);
  assert.equal(await stop(), 0);
  assert.equal(said(await desk.chat("zammad-90"))[0][2].replace(/\s*\n\s*/g, "\n"), "How do I return it? <b>\nOrder KE-204815\nItem towel\n> You wrote");
});

test("when the customer writes again, only the newest message gets a note", options, async (t) => {
  const { url, notes } = await helpdesk(t);
  const { deliver, stop, log } = await bridge(t, "chatwoot", { desk, helpdesk: { url } });
  assert.equal(await deliver(ask(40, 1, "Where is my parcel?")), 200);
  const first = await asked.next();
  assert.equal(await deliver(ask(40, 2, "It is KE-204815, and I want it today.")), 200);
  await first.left;
  await draft("We are looking for your parcel.");
  const note = await notes.next();
  assert.match(note.body.content, /We are looking for your parcel\./);
  assert.equal(await stop(), 0);
  assert.equal(notes.all.length, 1);
  assert.deepEqual(log.all.slice(1).map(({ what, reason }) => [what, reason]), [["no note", "there is a newer message"], ["noted", undefined]]);
});

test("an agent's answer stops the draft, and a note does not", options, async (t) => {
  const { url, notes } = await helpdesk(t);
  const { deliver, stop } = await bridge(t, "chatwoot", { desk, helpdesk: { url } });
  const selin = { message_type: "outgoing", sender: { id: 7, name: "Selin", type: "user" } };
  assert.equal(await deliver(ask(41, 1, "Where is my parcel?")), 200);
  const first = await asked.next();
  assert.equal(await deliver({ ...ask(41, 2, "It comes today."), ...selin }), 200);
  await first.left;
  assert.equal(await deliver(ask(41, 3, "And my lamp, is it coming too?")), 200);
  const second = await asked.next();
  assert.equal(await deliver({ ...ask(41, 4, "I shall ask the depot."), ...selin, private: true }), 200);
  second.say("The lamp comes too.");
  await notes.next();
  assert.equal(await stop(), 0);
  assert.equal(notes.all.length, 1);
});

test("a draft that is being made when the bridge is told to stop is noted before it ends", options, async (t) => {
  const { url, notes } = await helpdesk(t);
  const { deliver, stop } = await bridge(t, "chatwoot", { desk, helpdesk: { url } });
  assert.equal(await deliver(ask(42, 1, "Where is my parcel?")), 200);
  const { say } = await asked.next();
  const stopped = stop();
  // It takes no more webhooks from then on.
  await assert.rejects(async () => {
    for (;;) assert.equal(await deliver("", { "x-chatwoot-signature": "" }), 401);
  }, TypeError);
  say(SAID);
  assert.equal(await stopped, 0);
  assert.equal(notes.all.length, 1);
});

test("while Deskhand is away, webhooks are refused, so that the helpdesk sends them again", options, async (t) => {
  const { url, notes } = await helpdesk(t);
  const { deliver, stop, log } = await bridge(t, "zammad", { desk: { url: "http://127.0.0.1:1", key: "dh_none" }, helpdesk: { url } });
  assert.equal(await deliver(webhook("zammad-article")), 503);
  const { reason } = await log.next(({ what }) => what === "not appended");
  assert.equal(reason, "Unavailable");
  assert.equal(await stop(), 0);
  assert.equal(notes.all.length, 0);
});

test("a note is repeated while the helpdesk fails, given up after the third time, and not repeated where it is refused", options, async (t) => {
  const cases = [
    { statuses: [500, 429, 201], sent: 3, what: "noted" },
    { statuses: [500], sent: 3, what: "no note", reason: "Error: the helpdesk answered 500" },
    { statuses: [422], sent: 1, what: "no note", reason: "Error: the helpdesk answered 422" },
    { statuses: [307], sent: 3, what: "no note", reason: "Error: the helpdesk answered nothing" },
  ];
  await Promise.all(
    cases.map(async ({ statuses, sent, what, reason }, index) => {
      const { url, notes } = await helpdesk(t, statuses);
      const { deliver, stop, log } = await bridge(t, "chatwoot", { desk, helpdesk: { url } });
      assert.equal(await deliver(ask(50 + index, 1)), 200);
      await draft();
      const told = await log.next(({ what }) => what !== "listening");
      assert.deepEqual([told.what, told.reason, told.chatId], [what, reason, `chatwoot-3-${50 + index}`]);
      assert.equal(await stop(), 0);
      assert.equal(notes.all.length, sent);
    }),
  );
});

test("the bridge has fewer than 200 lines", () => {
  const folder = new URL("../src/", import.meta.url);
  const lines = readdirSync(folder).map((file) => readFileSync(new URL(file, folder), "utf8").split("\n").length - 1);
  assert.ok(lines.reduce((sum, count) => sum + count) < 200);
});
