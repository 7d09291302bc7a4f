// The reply box, <deskhand-reply>, on a foreign page in a real browser, against the served binary and a scripted model.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { call, closeBrowser, findings, model, open, read, sampleChats, serve, site } from "./desk.js";

const ends = [];
const suite = { after: (end) => ends.push(end) };
after(async () => {
  await closeBrowser();
  for (const end of ends) await end();
});

const NAMES = {
  en: ["Draft", "Correct", "Formal", "Friendly", "Concise", "Empathetic", "Simple", "Translate", "Insert", "Undo", "Take none", "Please check", "What the draft should say", "Suggestions", "Nothing needed changing."],
  tr: ["Taslak", "Düzelt", "Resmî", "Samimi", "Kısa", "Anlayışlı", "Sade", "Çevir", "Ekle", "Geri al", "Hiçbirini alma", "Lütfen kontrol edin", "Taslak ne söylesin", "Öneriler", "Değiştirilecek bir şey yoktu."],
  hu: ["Vázlat", "Javítás", "Hivatalos", "Barátságos", "Tömör", "Együttérző", "Egyszerű", "Fordítás", "Beszúrás", "Visszavonás", "Egyik sem kell", "Kérjük, ellenőrizze", "Mit mondjon a vázlat", "Javaslatok", "Nem volt mit javítani."],
  de: ["Entwurf", "Korrigieren", "Förmlich", "Freundlich", "Knapp", "Einfühlsam", "Einfach", "Übersetzen", "Einfügen", "Rückgängig", "Keine nehmen", "Bitte prüfen", "Was der Entwurf sagen soll", "Vorschläge", "Es war nichts zu ändern."],
};
const MASKED = { en: "phone number", tr: "telefon numarası", hu: "telefonszám", de: "Telefonnummer" };
const UNKNOWN = "dh_0123456789ab_0123456789abcdef0123456789abcdef0123456789abcdef";

/** The key of the console's server, and one that it made for Selin: the pages have that alone. */
let server, scripted, origin, key, minted;
/** What the model answers, and what it was asked, latest last. */
let answer;
const asked = [];
/** What the foreign site serves beside the page. */
let served = () => null;

before(async () => {
  scripted = await model(suite, (messages) => {
    asked.push(messages);
    return answer(messages);
  });
  origin = await site(suite, (path) => served(path));
  server = await serve(suite, { args: ["--console"], env: scripted.env, keys: [["--scope", "agent", "--scope", "author", "--origin", origin], ["--scope", "search", "--origin", origin]] });
  key = server.keys[0];
  minted = keyOf("agent-selin", "Selin");
  for (const chat of sampleChats()) call(server, "ChatService/AppendEvents", chat, key);
});

const keyOf = (agentId, name) => call(server, "KeyService/MintAgentKey", { agentId, name }, key)[0].key;
const says = (text) => () => ({ text });
/** Rewrites as a model does that knows its task. */
const corrects = ([, { content }]) => ({ text: content.replace("recieve", "receive").replace("parcell", "parcel") });

/** A page of the foreign site with the reply box. */
async function box(t, { chat = "chat-elif-web", attributes = "", dir = "ltr", lang = "en", inserted = "", script = `<script src="${server.url}/reply.js" async></script>`, withKey = true, ...context } = {}) {
  const names = `chat="${chat}" agent-id="agent-selin" agent-name="Selin" ${withKey ? `key="${minted}"` : ""} ${attributes}`;
  served = (path) => (path === "/" ? `<!doctype html><html lang="${lang}" dir="${dir}"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>x</title>${script}<deskhand-reply ${names}></deskhand-reply>${inserted}` : null);
  const page = await open(t, context);
  await page.goto(origin);
  await text(page).waitFor();
  return page;
}

const text = (page) => page.locator("deskhand-reply textarea");
const button = (page, name) => page.locator("deskhand-reply").getByRole("button", { name, exact: true });
const status = (page) => page.locator("deskhand-reply .status");
const suggestions = (page) => page.locator("deskhand-reply .suggestions button");
const selected = (page) => text(page).evaluate((box) => box.value.slice(box.selectionStart, box.selectionEnd));
const idle = (page) => page.locator("deskhand-reply textarea[aria-busy=false]").waitFor();
/** The element in focus, as said by its name or role. */
const focused = (page) =>
  page.evaluate(() => {
    const at = document.activeElement.shadowRoot?.activeElement ?? document.activeElement;
    return at.getAttribute("aria-label") ?? at.textContent;
  });
/** The events that the page gets, in their order. */
const watch = (page) =>
  page.evaluate(() => {
    window.got = [];
    for (const name of ["deskhand-insert", "deskhand-sent"]) document.addEventListener(name, ({ detail }) => window.got.push([name, detail]));
  });
const got = (page) => page.evaluate(() => window.got);
/** Does something to the first of the calls; the others go on. */
function first(page, calls, act) {
  let others = false;
  return page.route(calls, (route) => (others ? route.continue() : ((others = true), act(route))));
}
/** The calls of a method, by the page. */
function calls(page, method) {
  const made = { begun: 0, failed: 0, statuses: [] };
  const is = (request) => request.method() === "POST" && request.url().endsWith(`/${method}`);
  page.on("request", (request) => is(request) && made.begun++);
  page.on("requestfailed", (request) => is(request) && made.failed++);
  page.on("response", (response) => is(response.request()) && made.statuses.push(response.headers()["grpc-status"] ?? "0"));
  return made;
}

/** A port that leads to the server, and can be closed, with all that goes through it, and opened again. */
async function wayTo(t, address) {
  const [host, to] = address.split(":");
  const through = new Set();
  const way = createServer((near) => {
    const far = connect(Number(to), host);
    for (const [socket, other] of [[near, far], [far, near]]) {
      through.add(socket);
      socket.on("error", () => {}).on("close", () => (through.delete(socket), other.destroy())).pipe(other);
    }
  });
  const listen = (port) => new Promise((done) => way.listen(port, "127.0.0.1", done));
  const close = () => new Promise((done) => (way.close(done), through.forEach((socket) => socket.destroy())));
  await listen(0);
  const { port } = way.address();
  t.after(() => way.listening && close());
  return { port, close, open: () => listen(port) };
}

for (const [language, names] of Object.entries(NAMES)) {
  const [draft, correct, formal, friendly, concise, empathetic, simple, translate, insert, undo, takeNone, pleaseCheck, instruction, suggested, unchanged] = names;
  test(`every function, in ${language}`, async (t) => {
    answer = says("Merhaba Elif Hanım, paketiniz yolda [[1]]. 7 Nisan'da sizde olur.");
    const page = await box(t, { attributes: `language="${language}"` });
    await watch(page);
    await suggestions(page).first().waitFor();
    await page.locator("deskhand-reply").getByRole("heading", { name: suggested }).waitFor();

    await page.getByRole("textbox", { name: instruction }).fill("tell her it ships on Monday");
    await button(page, draft).click();
    await page.locator("deskhand-reply .receipt summary").waitFor();
    assert.equal(await text(page).inputValue(), "Merhaba Elif Hanım, paketiniz yolda. 7 Nisan'da sizde olur.");
    assert.match(JSON.stringify(asked.at(-1)), /tell her it ships on Monday/);
    // What no source says is marked at its words, explained in the agent's language, and selected by a click; so is what cites a source.
    await page.locator("deskhand-reply .mirror mark", { hasText: "7 Nisan" }).first().waitFor();
    await page.locator("deskhand-reply .warnings").getByText(pleaseCheck).waitFor();
    await page.locator("deskhand-reply .warning", { hasText: "7 Nisan" }).first().click();
    assert.equal(await selected(page), "7 Nisan");
    await page.locator("deskhand-reply .sources .cites").first().click();
    assert.equal(await selected(page), "Merhaba Elif Hanım, paketiniz yolda.");
    await page.locator("deskhand-reply .receipt summary").click();
    assert.match(await page.locator("deskhand-reply .receipt table").innerText(), /0 \/ 1\s+1 /);
    // What was masked is said in words.
    assert.match(await page.locator("deskhand-reply .receipt p").innerText(), new RegExp(`: .*${MASKED[language]} \\(1\\)`));
    assert.doesNotMatch(await page.locator("deskhand-reply .receipt p").innerText(), /[A-Z]{4}/);
    await button(page, undo).click();
    assert.equal(await text(page).inputValue(), "");

    answer = corrects;
    const written = "You will recieve the parcell soon.";
    await text(page).fill(written);
    await button(page, correct).click();
    const changes = page.locator("deskhand-reply .change");
    await changes.nth(1).waitFor();
    assert.equal(await text(page).inputValue(), "You will receive the parcel soon.");
    await changes.first().press("Space");
    assert.equal(await text(page).inputValue(), "You will recieve the parcel soon.");
    assert.equal(await changes.first().getAttribute("aria-pressed"), "false");
    assert.match(await focused(page), /recieve.*receive/, "who takes or leaves a part stays at it");
    await button(page, takeNone).click();
    assert.equal(await text(page).inputValue(), written);

    const checked = page.waitForResponse("**/CheckReply");
    await text(page).fill("Thank you.");
    await button(page, correct).click();
    await page.locator("deskhand-reply").getByText(unchanged).waitFor();
    await checked;
    await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => setTimeout(done))));
    assert.equal(await status(page).innerText(), unchanged, "a check that finds nothing does not wipe it away");

    answer = ([, { content }]) => ({ text: content });
    for (const [name, word] of [[formal, "tone: formal"], [friendly, "tone: friendly"], [concise, "tone: concise"], [empathetic, "tone: empathetic"], [simple, "tone: simple"], [translate, "ranslate"]]) {
      await text(page).fill("We look into it, thank you.");
      const before = asked.length;
      await button(page, name).click();
      await page.locator("deskhand-reply .receipt summary").waitFor();
      assert.ok(asked.length > before && asked.at(-1)[0].content.includes(word), `${name}: ${asked.at(-1)[0].content}`);
    }

    await text(page).fill("Hello.");
    await button(page, insert).click();
    assert.deepEqual(await got(page), [["deskhand-insert", { chat: "chat-elif-web", text: "Hello.", draftId: "", suggestionId: "" }]]);
  });
}

test("a draft is stopped in the middle, by Escape and by its button, and with it the model", async (t) => {
  answer = () => ({ text: "Elif Hanım ".repeat(200), pause: 20 });
  const page = await box(t);
  for (const how of ["key", "button"]) {
    await text(page).fill("söyle: pazartesi çıkıyor");
    await button(page, "Draft").click();
    await page.waitForFunction(() => document.querySelector("deskhand-reply").text.split("Elif").length > 4);
    assert.equal(scripted.state.open, 1);
    if (how === "key") await page.keyboard.press("Escape");
    else await button(page, "Stop").click();
    await page.getByText("Stopped.").waitFor();
    const partial = await text(page).inputValue();
    assert.ok(partial.includes("Elif Hanım") && partial.length < 2000, "what came stays");
    for (let tries = 0; scripted.state.open > 0 && tries < 100; tries++) await page.waitForTimeout(20);
    assert.equal(scripted.state.open, 0, "the model's work ends");
    assert.equal(await text(page).inputValue(), partial);
    if (how === "button") assert.equal(await focused(page), "Reply", "the button that went away leaves nobody nowhere");
    await button(page, "Undo").click();
    assert.equal(await text(page).inputValue(), "söyle: pazartesi çıkıyor");
  }
  // What comes in its place ends it too, and leaves no part of a rewrite behind.
  await button(page, "Correct").click();
  await page.waitForFunction(() => document.querySelector("deskhand-reply").text.startsWith("Elif"));
  await page.evaluate(() => document.querySelector("deskhand-reply").setAttribute("chat", "chat-deniz-web"));
  await idle(page);
  for (let tries = 0; scripted.state.open > 0 && tries < 100; tries++) await page.waitForTimeout(20);
  assert.equal(scripted.state.open, 0);
  assert.equal(await text(page).inputValue(), "");
});

test("a text is checked in the pauses of typing, and an older check never speaks of a newer text", async (t) => {
  const page = await box(t);
  const checks = calls(page, "CheckReply");
  await text(page).pressSequentially("The refund of 39,90 EUR is on its way.", { delay: 5 });
  const warning = page.locator("deskhand-reply .warning");
  await warning.filter({ hasText: "39,90 EUR" }).first().waitFor();
  assert.equal(checks.begun, 1, "one check for all letters");
  await page.locator("deskhand-reply .mirror mark", { hasText: "39,90 EUR" }).waitFor();
  assert.match(await status(page).innerText(), /^\d+ things? to check$/);

  let release;
  const held = new Promise((done) => (release = done));
  await first(page, "**/CheckReply", async (route) => (await held, route.continue().catch(() => {})));
  await text(page).fill("Please write to [your name].");
  await page.waitForRequest("**/CheckReply");
  await text(page).fill("Please write to [your name] on {{day}}.");
  await warning.filter({ hasText: "{{day}}" }).first().waitFor();
  assert.equal(checks.failed, 1, "the check of the older text was stopped");
  release();
  // What is said of words that are gone goes with them.
  await text(page).fill("Thank you.");
  await warning.filter({ hasText: "{{day}}" }).waitFor({ state: "detached" });
  await text(page).fill("");
  await page.locator("deskhand-reply .warnings").waitFor({ state: "hidden" });
});

test("a promise is shown with its day", async (t) => {
  const page = await box(t, { attributes: 'customer-language="en"' });
  await text(page).fill("Hello Elif, we will send you the replacement tomorrow.");
  const promise = page.locator("deskhand-reply .promise");
  await promise.waitFor();
  assert.match(await promise.innerText(), /we will send you the replacement tomorrow.* by \w+ \d+, \d{4}/);
});

test("suggestions come by click, by key and by a slash, and what became of one is recorded", async (t) => {
  const page = await box(t);
  await watch(page);
  const outcomes = calls(page, "RecordOutcome");
  await suggestions(page).first().waitFor();
  await text(page).fill("/iade");
  const options = page.locator("deskhand-reply").getByRole("option");
  await options.nth(1).waitFor();
  await text(page).press("ArrowDown");
  assert.equal(await options.nth(1).getAttribute("aria-selected"), "true");
  assert.equal(await text(page).getAttribute("aria-activedescendant"), await options.nth(1).getAttribute("id"));
  await text(page).press("Escape");
  await options.first().waitFor({ state: "hidden" });
  await text(page).fill("/iad");
  await options.first().waitFor();
  await text(page).press("Enter");
  const canned = await text(page).inputValue();
  assert.ok(canned.length > 20 && !canned.startsWith("/"), canned);

  await text(page).fill("");
  await page.keyboard.press("Alt+1");
  const byKey = await text(page).inputValue();
  assert.ok(byKey.length > 20);
  await text(page).fill("");
  await page.locator("deskhand-reply .suggestions button:enabled").first().click();
  assert.equal(await text(page).inputValue(), byKey);
  await text(page).press("Control+Enter");
  const [[name, detail]] = await got(page);
  assert.deepEqual([name, detail.chat, detail.text, detail.draftId], ["deskhand-insert", "chat-elif-web", byKey.trim(), ""]);
  assert.ok(detail.suggestionId.length > 5);
  // Who empties the box and begins anew is no longer at work on the suggestion.
  await text(page).fill("");
  await text(page).fill("Hello.");
  await text(page).press("Control+Enter");
  assert.equal((await got(page)).pop()[1].suggestionId, "");
  await page.keyboard.press("Control+a");
  await page.keyboard.press("Delete");
  await page.evaluate(() => window.got.pop());
  await page.locator("deskhand-reply .suggestions button:enabled").first().click();
  // The page sends it, changed, and says so.
  await page.evaluate(() => document.querySelector("deskhand-reply").sent("Something else altogether."));
  assert.deepEqual((await got(page))[1], ["deskhand-sent", { ...detail, text: "Something else altogether.", action: "edited" }]);
  assert.deepEqual(outcomes.statuses, ["0"]);
  assert.equal(await text(page).inputValue(), "");
});

test("with `sends` the reply is written to the chat, once, also when the answer was lost", async (t) => {
  answer = says("Merhaba Elif Hanım, bakıyoruz.");
  const page = await box(t, { attributes: "sends" });
  await watch(page);
  const outcomes = calls(page, "RecordOutcome");
  await button(page, "Draft").click();
  await page.locator("deskhand-reply .receipt summary").waitFor();
  await first(page, "**/AppendEvents", async (route) => {
    await route.fetch();
    await route.abort();
  });
  await text(page).press("Control+Enter");
  await page.locator("deskhand-reply .offline").waitFor();
  assert.equal(await text(page).inputValue(), "Merhaba Elif Hanım, bakıyoruz.");
  await button(page, "Send").dblclick();
  await page.getByText("Sent.").waitFor();
  assert.equal((await got(page)).length, 1, "a second click sends nothing more");
  const [[name, { chat, text: sent, draftId, action }]] = await got(page);
  assert.deepEqual([name, chat, sent, action], ["deskhand-sent", "chat-elif-web", "Merhaba Elif Hanım, bakıyoruz.", "sent"]);
  assert.ok(draftId);
  const { events } = call(server, "ChatService/GetChat", { chatId: "chat-elif-web", pageSize: 1000 }, key)[0];
  assert.deepEqual(events.filter(({ message }) => message?.text === sent).map(({ message }) => message.authorName), ["Selin"]);
  await page.waitForFunction(() => performance.getEntriesByType("resource").some(({ name }) => name.endsWith("/RecordOutcome")));
  assert.deepEqual(outcomes.statuses, ["0"]);
});

test("what is written in a chat is there again when it is turned back to, with what it was made of", async (t) => {
  answer = says("Merhaba Elif Hanım, bakıyoruz.");
  const page = await box(t, { attributes: "sends" });
  await watch(page);
  const turnTo = (chat) => page.evaluate((chat) => document.querySelector("deskhand-reply").setAttribute("chat", chat), chat);
  await button(page, "Draft").click();
  await page.locator("deskhand-reply .receipt summary").waitFor();
  const draft = await text(page).inputValue();
  await page.getByRole("textbox", { name: "What the draft should say" }).fill("shorter");
  await turnTo("chat-deniz-web");
  assert.equal(await text(page).inputValue(), "");
  assert.equal(await page.getByRole("textbox", { name: "What the draft should say" }).inputValue(), "");
  assert.equal(await button(page, "Undo").isDisabled(), true, "nothing of another chat comes back");
  await text(page).fill("Hello Deniz");
  // What a model was writing for the other chat is not the agent's.
  answer = () => ({ text: "Dear Deniz. ".repeat(20), hang: true });
  await button(page, "Draft").click();
  await page.waitForFunction(() => document.querySelector("deskhand-reply").text.startsWith("Dear Deniz."));
  await turnTo("chat-elif-web");
  assert.equal(await text(page).inputValue(), draft);
  assert.equal(await page.getByRole("textbox", { name: "What the draft should say" }).inputValue(), "shorter");
  // Neither a box that is built anew for another language forgets it, nor one that is put elsewhere in the page.
  await page.evaluate(() => document.querySelector("deskhand-reply").setAttribute("language", "de"));
  await page.evaluate(() => document.body.append(document.querySelector("deskhand-reply")));
  assert.equal(await text(page).inputValue(), draft);
  const outcomes = calls(page, "RecordOutcome");
  const recorded = page.waitForResponse("**/RecordOutcome");
  await button(page, "Senden").click();
  await recorded;
  assert.deepEqual(outcomes.statuses, ["0"], "the draft is known still");
  assert.equal((await got(page))[0][1].action, "sent");
  await button(page, "Rückgängig").isDisabled();
  await turnTo("chat-deniz-web");
  assert.equal(await text(page).inputValue(), "Hello Deniz");
  await turnTo("chat-elif-web");
  assert.equal(await text(page).inputValue(), "", "what was sent does not come back");
});

test("a reply that is sent while the agent has turned to another chat is told and recorded all the same", async (t) => {
  answer = says("Merhaba Elif Hanım, ilgileniyoruz.");
  const page = await box(t, { attributes: "sends" });
  await watch(page);
  const turnTo = (chat) => page.evaluate((chat) => document.querySelector("deskhand-reply").setAttribute("chat", chat), chat);
  await button(page, "Draft").click();
  await page.locator("deskhand-reply .receipt summary").waitFor();
  let release;
  const held = new Promise((done) => (release = done));
  await first(page, "**/AppendEvents", async (route) => (await held, route.continue()));
  const sends = page.waitForRequest("**/AppendEvents");
  await button(page, "Send").click();
  await sends;
  await turnTo("chat-deniz-web");
  await text(page).fill("Hello Deniz");
  const recorded = page.waitForResponse("**/RecordOutcome");
  release();
  assert.equal((await recorded).headers()["grpc-status"] ?? "0", "0");
  const [[name, { chat, text: sent, draftId, action }], ...more] = await got(page);
  assert.deepEqual([name, chat, sent, action, more], ["deskhand-sent", "chat-elif-web", "Merhaba Elif Hanım, ilgileniyoruz.", "sent", []]);
  assert.ok(draftId);
  assert.equal(await text(page).inputValue(), "Hello Deniz", "the other chat's text stays");
  await turnTo("chat-elif-web");
  assert.equal(await text(page).inputValue(), "", "what was sent is not there to be sent again");
});

test("a slash alone shows the first canned answers, and what was found for more is not taken for less", async (t) => {
  const page = await box(t);
  const options = page.locator("deskhand-reply").getByRole("option");
  await text(page).fill("/");
  await options.nth(2).waitFor();
  const all = await options.allInnerTexts();
  const looked = page.waitForResponse("**/SuggestAnswers");
  await text(page).fill("/iade");
  await looked;
  await page.waitForFunction((all) => document.querySelector("deskhand-reply").shadowRoot.querySelector(".picker").innerText !== all, all.join("\n"));
  let release;
  const held = new Promise((done) => (release = done));
  await first(page, "**/SuggestAnswers", async (route) => (await held, route.continue()));
  await text(page).fill("/");
  await text(page).press("Enter");
  assert.equal(await text(page).inputValue(), "/", "the list of something older is not taken from");
  release();
  await options.filter({ hasText: all[0].split("\n")[0] }).first().waitFor();
  assert.deepEqual(await options.allInnerTexts(), all);
  await text(page).press("Enter");
  assert.ok((await text(page).inputValue()).length > 20);
});

test("what is for agents only is opened and read by keyboard, and never inserted", async (t) => {
  const body = ["How to handle a broken teapot.", ...Array.from({ length: 12 }, (_, line) => `Step ${line + 1}: look at the teapot again.`), "Then pay twelve euros."].join("\n\n");
  call(server, "KnowledgeService/PutArticles", { articles: [{ id: "teapots", language: "en", title: "Broken teapots", body, audience: "AUDIENCE_AGENTS" }] }, key);
  call(server, "ChatService/AppendEvents", { chatId: "teapot", events: [{ eventId: "1", customer: { language: "en" } }, { eventId: "2", message: { author: "AUTHOR_CUSTOMER", text: "My teapot came broken, what now?" } }] }, key);
  const page = await box(t, { chat: "teapot" });
  const inside = page.locator("deskhand-reply .suggestions details", { hasText: "Broken teapots" });
  await inside.waitFor();
  assert.match(await inside.locator("summary").innerText(), /for agents only/);
  const place = (await inside.evaluate((details) => [...details.closest("ol").children].indexOf(details.closest("li")))) + 1;
  await text(page).focus();
  await page.keyboard.press(`Alt+${place}`);
  assert.equal(await inside.getAttribute("open"), "");
  assert.match(await focused(page), /Broken teapots/);
  assert.ok(await inside.getByText("How to handle a broken teapot.").evaluate((text) => text.scrollHeight <= text.clientHeight + 1), "nothing of it is cut off");
  assert.equal(await text(page).inputValue(), "");
  assert.deepEqual(await findings(page, "deskhand-reply"), []);
  await page.keyboard.press("Enter");
  assert.equal(await inside.getAttribute("open"), null);
  call(server, "KnowledgeService/DeleteArticles", { ids: ["teapots"] }, key);
});

test("a refused key is fetched anew, once for all calls, and kept nowhere", async (t) => {
  answer = says("Merhaba Elif Hanım.");
  const script = `<script>window.fetched = 0; window.keys = ["${UNKNOWN}", "${minted}"];</script><script src="${server.url}/reply.js" defer></script>
    <script>addEventListener("DOMContentLoaded", () => (document.querySelector("deskhand-reply").fetchKey = async () => window.keys[Math.min(window.fetched++, window.keys.length - 1)]));</script>`;
  const page = await box(t, { script, withKey: false });
  await suggestions(page).first().waitFor();
  assert.equal(await page.evaluate(() => window.fetched), 2);
  // A stream that begins with a key that has ended goes on with another; so does what is asked at the same time.
  await page.evaluate(([ended, good]) => {
    window.keys = [good];
    const box = document.querySelector("deskhand-reply");
    box.setAttribute("key", ended);
    box.refresh();
    box.text = "Merhaba";
    box.refresh();
  }, [UNKNOWN, minted]);
  await suggestions(page).first().waitFor();
  await button(page, "Draft").click();
  await page.locator("deskhand-reply .receipt summary").waitFor();
  await suggestions(page).first().waitFor();
  assert.equal(await page.evaluate(() => window.fetched), 3);
  // A browser hides the refusal of a key that alone allowed the page's origin: it looks like a lost connection.
  await first(page, "**/SuggestAnswers", (route) => route.abort());
  const answered = page.waitForResponse("**/SuggestAnswers");
  await page.evaluate((ended) => document.querySelector("deskhand-reply").setAttribute("key", ended), UNKNOWN.replace("0", "1"));
  assert.equal((await answered).headers()["grpc-status"] ?? "0", "0");
  assert.equal(await page.evaluate(() => window.fetched), 4);
  assert.equal(await page.locator("deskhand-reply .offline").isVisible(), false);
  assert.deepEqual(await page.evaluate(() => [localStorage.length, sessionStorage.length, document.cookie]), [0, 0, ""]);

  // No key: said in words, and asked for again by the next call.
  await page.evaluate(() => document.querySelector("deskhand-reply").setAttribute("language", "de"));
  await suggestions(page).first().waitFor();
  await page.evaluate(() => {
    let refusals = 0;
    document.querySelector("deskhand-reply").fetchKey = () => {
      if (refusals++ === 0) throw new Error("signed out");
      return window.keys[0];
    };
  });
  await page.getByText("hat keinen Schlüssel bekommen").waitFor();
  await text(page).fill("Merhaba");
  await button(page, "Korrigieren").click();
  await page.locator("deskhand-reply .receipt summary").waitFor();

  // A key that may not do it is refused in the agent's words.
  await page.evaluate((weak) => (document.querySelector("deskhand-reply").fetchKey = () => weak), server.keys[1]);
  await page.evaluate((weak) => document.querySelector("deskhand-reply").setAttribute("key", weak), server.keys[1]);
  await page.locator("deskhand-reply .suggestions", { hasText: "dürfen Sie nicht" }).waitFor();
});

test("the server goes away and comes back: said in words, the text stays, and it goes on by itself", async (t) => {
  answer = corrects;
  const way = await wayTo(t, server.address);
  const page = await box(t, { attributes: `address="http://127.0.0.1:${way.port}"` });
  await suggestions(page).first().waitFor();
  const offline = page.locator("deskhand-reply .offline");
  await way.close();
  await text(page).fill("Thank you for the parcell, [your name].");
  await button(page, "Correct").click();
  await offline.filter({ hasText: "No connection" }).waitFor();
  await idle(page);
  assert.equal(await text(page).inputValue(), "Thank you for the parcell, [your name].");
  assert.equal(await button(page, "Undo").isDisabled(), true, "a rewrite that failed leaves nothing to undo");
  const back = page.locator("deskhand-reply").getByText("The connection is back.").waitFor();
  await way.open();
  await back;
  await offline.waitFor({ state: "hidden" });
  await page.locator("deskhand-reply .warning", { hasText: "[your name]" }).waitFor();
  await button(page, "Correct").click();
  await page.locator("deskhand-reply .change").waitFor();
  // A stream that breaks off in the middle leaves the agent's own text.
  answer = () => ({ text: "Thank you for the parcel. ".repeat(30), hang: true });
  await text(page).fill("Thank you for your parcell.");
  await button(page, "Formal").click();
  await page.waitForFunction(() => document.querySelector("deskhand-reply").text.startsWith("Thank you for the parcel."));
  await way.close();
  await offline.waitFor();
  await idle(page);
  assert.equal(await text(page).inputValue(), "Thank you for your parcell.");
  await way.open();
  await offline.waitFor({ state: "hidden" });
  await button(page, "Undo").click();
  assert.equal(await text(page).inputValue(), "Thank you for the parcell, [your name].", "what was before the rewrite that did not fail");
});

test("text of customers, articles and models is text", async (t) => {
  const hostile = "<img src=x onerror='window.ran=1'><script>window.ran=2</script> zeppelin";
  answer = says(`${hostile} 7 April costs 12,34 EUR`);
  call(server, "KnowledgeService/PutCannedAnswers", { cannedAnswers: [{ id: "hostile", language: "en", title: hostile, body: `${hostile} is here`, shortcut: "/zeppelin" }] }, key);
  call(server, "ChatService/AppendEvents", {
    chatId: "hostile",
    events: [
      { eventId: "1", customer: { name: hostile, language: "en" } },
      { eventId: "2", message: { author: "AUTHOR_CUSTOMER", authorName: hostile, text: `Where is my parcel? Can I change the colour of my <img src=x onerror='window.ran=3'> lamp?` } },
    ],
  }, key);
  call(server, "ChatService/AppendEvents", {
    chatId: "harmless",
    events: [{ eventId: "1", customer: { name: hostile, language: "en" } }, { eventId: "2", message: { author: "AUTHOR_CUSTOMER", authorName: hostile, text: "Is the zeppelin here?" } }],
  }, key);
  // Words that match are cut out of the text: in a chat without them its markup would be whole.
  const page = await box(t, { chat: "harmless" });
  await suggestions(page).filter({ hasText: "<img src=x onerror='window.ran=1'>" }).first().waitFor();
  await page.evaluate(() => document.querySelector("deskhand-reply").setAttribute("chat", "hostile"));
  await suggestions(page).filter({ hasText: "<img src=x" }).first().waitFor();
  await text(page).fill("/zeppelin");
  await page.locator("deskhand-reply").getByRole("option", { name: "<img src=x" }).first().waitFor();
  await text(page).press("Escape");
  await text(page).fill("");
  const warning = (hasText) => page.locator("deskhand-reply .warning", { hasText });
  await text(page).fill("Your parcel left our warehouse.");
  await warning("<img src=x onerror='window.ran=3'> lamp?").waitFor();
  await text(page).fill(`${hostile} [your name]`);
  await warning("[your name]").waitFor();
  await text(page).fill("");
  await button(page, "Draft").click();
  await warning("7 April").waitFor();
  assert.equal(await page.evaluate(() => document.querySelector("deskhand-reply").shadowRoot.querySelectorAll("img, script, a[href^=javascript]").length), 0);
  assert.equal(await page.evaluate(() => window.ran), undefined);
  call(server, "KnowledgeService/DeleteCannedAnswers", { ids: ["hostile"] }, key);
});

test("by keyboard alone: one stop for the toolbar, arrows within, and a way out of everything", async (t) => {
  answer = corrects;
  const page = await box(t, { inserted: "<button>after</button>" });
  await suggestions(page).first().waitFor();
  await page.keyboard.press("Tab");
  assert.equal(await focused(page), "Draft");
  await page.keyboard.press("ArrowRight");
  assert.equal(await focused(page), "Correct");
  await page.keyboard.press("End");
  assert.equal(await focused(page), "Translate");
  await page.keyboard.press("ArrowRight");
  assert.equal(await focused(page), "Draft");
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("Tab");
  assert.equal(await focused(page), "What the draft should say");
  await page.keyboard.press("Tab");
  assert.equal(await focused(page), "Reply");
  await page.keyboard.insertText("I recieve it.");
  await page.keyboard.press("Shift+Tab");
  await page.keyboard.press("Shift+Tab");
  assert.equal(await focused(page), "Correct", "the toolbar remembers its stop");
  await page.keyboard.press("Enter");
  await page.locator("deskhand-reply .change").waitFor();
  const stops = [];
  for (let presses = 0; presses < 30 && stops.at(-1) !== "after"; presses++) {
    await page.keyboard.press("Tab");
    stops.push(await focused(page));
  }
  assert.equal(stops.at(-1), "after", "no trap");
  const at = (name) => stops.findIndex((stop) => stop.includes(name));
  const order = ["What the draft should say", "Reply", "Undo", "Insert", "Take all", "recieve", "What it was made from", "Alt 1"].map(at);
  assert.ok(order.every((place) => place >= 0) && order.every((place, index) => index === 0 || place > order[index - 1]), `${stops}`);
});

for (const [name, { colorScheme, ...context }] of Object.entries({ light: {}, dark: { colorScheme: "dark" }, small: { viewport: { width: 320, height: 640 } }, "right to left": { dir: "rtl" } })) {
  test(`axe finds nothing, and nothing is wider than the screen, ${name}`, async (t) => {
    answer = (messages) => (messages[1].content.startsWith("We") ? { text: messages[1].content.replace("recieved", "received") } : { text: "Your parcel is on its way [[1]]. It costs 12,34 EUR on 7 April." });
    const page = await box(t, { colorScheme, ...context });
    const fits = () => page.evaluate(() => document.documentElement.scrollWidth <= innerWidth);
    await suggestions(page).first().waitFor();
    await button(page, "Draft").click();
    await page.locator("deskhand-reply .warning").first().waitFor();
    await page.locator("deskhand-reply .receipt summary").click();
    assert.deepEqual(await findings(page, "deskhand-reply"), []);
    assert.ok(await fits());
    await text(page).fill("We recieved it.");
    await button(page, "Correct").click();
    await page.locator("deskhand-reply .change").first().waitFor();
    assert.deepEqual(await findings(page, "deskhand-reply"), []);
    await text(page).fill("/iade");
    await page.locator("deskhand-reply").getByRole("option").first().waitFor();
    assert.deepEqual(await findings(page, "deskhand-reply"), []);
    assert.ok(await fits());
  });
}

test("right to left, dark by the system and by attribute, styles from outside", async (t) => {
  const page = await box(t, { dir: "rtl", lang: "ar", colorScheme: "dark" });
  assert.match(await page.locator("deskhand-reply form").getAttribute("lang"), /en/, "Arabic is spoken to in English");
  const [draft, correct] = [await button(page, "Draft").boundingBox(), await button(page, "Correct").boundingBox()];
  assert.ok(draft.x > correct.x, "the toolbar runs from the right");
  await button(page, "Draft").focus();
  await page.keyboard.press("ArrowLeft");
  assert.equal(await focused(page), "Correct");
  // A reply runs as its own letters do.
  const direction = () => text(page).evaluate((element) => getComputedStyle(element).direction);
  await text(page).fill("مرحبا");
  assert.equal(await direction(), "rtl");
  await text(page).fill("Hello");
  assert.equal(await direction(), "ltr");

  const ground = () => page.locator("deskhand-reply form").evaluate((form) => getComputedStyle(form).backgroundColor);
  const dark = await ground();
  await page.evaluate(() => document.querySelector("deskhand-reply").setAttribute("theme", "light"));
  assert.equal(await ground(), "rgb(255, 255, 255)");
  await page.emulateMedia({ colorScheme: "light" });
  await page.evaluate(() => document.querySelector("deskhand-reply").setAttribute("theme", "dark"));
  assert.equal(await ground(), dark);
  await page.addStyleTag({ content: "deskhand-reply { --deskhand-ground: rgb(1, 2, 3); } deskhand-reply::part(input) { color: rgb(4, 5, 6); }" });
  assert.equal(await ground(), "rgb(1, 2, 3)");
  assert.equal(await text(page).evaluate((element) => getComputedStyle(element).color), "rgb(4, 5, 6)");
});

test("in a frame of another site; and the console and the help page in frames of their keys' origins alone", async (t) => {
  answer = says("Merhaba Elif Hanım.");
  await (await box(t)).close();
  const inner = served;
  const outer = await site(t, () => `<!doctype html><html lang="en"><title>outer</title><iframe src="${origin}/" width="700" height="600"></iframe><iframe src="${server.url}/console" name="console"></iframe>`);
  const expected = /frame-ancestors/;
  const page = await open(t, { expected });
  served = (path) => (path === "/outer" ? `<!doctype html><html lang="en"><title>outer</title><iframe src="${server.url}/console" name="console"></iframe><iframe src="${server.url}/help?key=${server.keys[1]}" name="help"></iframe><iframe src="${server.url}/help" name="keyless"></iframe>` : inner(path));
  await page.goto(`${origin}/outer`);
  await page.frameLocator("[name=console]").getByRole("heading", { name: "Chats" }).waitFor();
  await page.frameLocator("[name=help]").getByRole("combobox").waitFor();
  assert.match(page.frame("keyless").url(), /^chrome-error:/);

  const foreign = await open(t, { expected });
  await foreign.goto(outer);
  const frame = foreign.frameLocator("iframe").first();
  await frame.locator("deskhand-reply").getByRole("button", { name: "Draft" }).click();
  await frame.locator("deskhand-reply .receipt summary").waitFor();
  assert.equal(await frame.locator("deskhand-reply textarea").inputValue(), "Merhaba Elif Hanım.");
  assert.match(foreign.frame("console").url(), /^chrome-error:/, "no key allows that origin");
});

test("without a chat a text is corrected and checked, and a draft says what it needs", async (t) => {
  answer = corrects;
  const page = await box(t, { chat: "" });
  await page.locator("deskhand-reply .suggestions", { hasText: "No chat is open." }).waitFor();
  await button(page, "Draft").click();
  assert.equal(await status(page).innerText(), "No chat is open.");
  await text(page).fill("You will recieve it, [your name].");
  await page.locator("deskhand-reply .warning", { hasText: "[your name]" }).waitFor();
  await button(page, "Correct").click();
  await page.locator("deskhand-reply .change").waitFor();
  assert.equal(await text(page).inputValue(), "You will receive it, [your name].");
});

test("another language, chat and what a page tells come in while it stands", async (t) => {
  const page = await box(t, { chat: "told-1" });
  await page.locator("deskhand-reply .suggestions .empty").waitFor();
  const told = { customer: { id: "c-told", name: "Ann", language: "en" }, messages: [{ id: "m1", author: "customer", name: "Ann", text: "How can I return an item?", at: "2026-11-01T10:00:00Z" }, { id: "m2", author: "agent", name: "Selin", text: "Ask Zeynep.", note: true, at: 1793520060000 }] };
  await page.evaluate((told) => document.querySelector("deskhand-reply").tell(told), told);
  await suggestions(page).filter({ hasText: /return/i }).first().waitFor();
  // The same again, and one that was edited, change nothing; what is new comes in.
  told.messages[0].text = "How can I return it?";
  told.messages.push({ id: "m3", author: "customer", text: "And how much is it?" });
  await page.evaluate((told) => document.querySelector("deskhand-reply").tell(told), told);
  const { events, chat } = call(server, "ChatService/GetChat", { chatId: "told-1", pageSize: 100 }, key)[0];
  assert.deepEqual(events.map(({ message, note }) => message?.text ?? note?.text).filter(Boolean), ["How can I return an item?", "Ask Zeynep.", "And how much is it?"]);
  assert.deepEqual([chat.customer.customerId, chat.customer.name], ["c-told", "Ann"]);

  // A page of another agent tells the same events: what an agent wrote is signed by who wrote it, whoever tells it.
  told.messages[0].text = "How can I return an item?";
  told.messages.push({ id: "m4", author: "agent", authorId: "agent-mert", name: "Mert", text: "One moment." });
  const other = await box(t, { chat: "told-1", withKey: false, attributes: `key="${keyOf("agent-ada", "Ada")}"` });
  const appends = calls(other, "AppendEvents");
  const tells = () => other.evaluate((told) => document.querySelector("deskhand-reply").tell(told), told);
  await tells();
  await page.evaluate((told) => document.querySelector("deskhand-reply").tell(told), told);
  const signed = call(server, "ChatService/GetChat", { chatId: "told-1", pageSize: 100 }, key)[0];
  assert.deepEqual(signed.events.flatMap(({ message, note }) => (message ? [[message.authorName ?? "", message.authorId ?? ""]] : note ? [[note.agentName, note.agentId ?? ""]] : [])), [["Ann", ""], ["Selin", ""], ["", ""], ["Mert", ""]]);
  assert.equal(signed.chat.agentId ?? "", "", "who tells is not who answers");
  assert.deepEqual(appends.statuses, ["0"], "what is known is told in one call");
  // One that was edited makes one call an event, once.
  const [edited, againTold] = [{ ...told, messages: [{ ...told.messages[0], text: "How?" }, ...told.messages.slice(1)] }, await box(t, { chat: "told-1" })];
  const more = calls(againTold, "AppendEvents");
  const again = () => againTold.evaluate((told) => document.querySelector("deskhand-reply").tell(told), edited);
  await again();
  assert.deepEqual(more.statuses.toSorted(), ["0", "0", "0", "0", "6", "6"]);
  await again();
  edited.messages.push({ id: "m5", author: "customer", text: "Hello?" });
  await again();
  assert.equal(more.statuses.length, 7, "then only what is new is told");

  await text(page).fill("Hello");
  await page.evaluate(() => document.querySelector("deskhand-reply").setAttribute("language", "hu"));
  await button(page, "Vázlat").waitFor();
  assert.equal(await text(page).inputValue(), "Hello", "what was written stays");
});

test("the script is small, cached, and open to other origins; the box is painted soon", async (t) => {
  const response = await fetch(`${server.url}/reply.js`);
  assert.deepEqual(["access-control-allow-origin", "cross-origin-resource-policy", "cache-control"].map((name) => response.headers.get(name)), ["*", "cross-origin", "no-cache"]);
  const again = await fetch(`${server.url}/reply.js`, { headers: { "if-none-match": response.headers.get("etag") } });
  assert.equal(again.status, 304);
  const times = [];
  for (let turn = 0; turn < 5; turn++) {
    const page = await box(t);
    // The page has nothing else to paint.
    await page.waitForFunction(() => performance.getEntriesByName("first-contentful-paint").length > 0);
    times.push(await page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0].startTime));
  }
  times.sort((one, other) => one - other);
  t.diagnostic(`first paint of the reply box on a foreign page, ${times.length} times: p50 ${times[2].toFixed(0)} ms, most ${times[4].toFixed(0)} ms`);
});

/** An example's file, with the server's address in it and the site's own beside it. */
const example = (path, changes = {}) =>
  Object.entries({ "https://desk.shop.example": server.url, ...changes }).reduce((file, [from, to]) => file.replaceAll(from, to), read(`examples/${path}`));

test("the example: from nothing to a reply box in ten lines", async (t) => {
  answer = says("Merhaba Elif Hanım.");
  const lines = example("reply-box/index.html").trim().split("\n");
  t.diagnostic(`the whole page has ${lines.length} lines, ${lines.filter((line) => /reply|box|script/.test(line)).length} of them for the reply box`);
  assert.ok(lines.length <= 10);
  assert.ok(read("docs/reply-box.md").includes(read("examples/reply-box/index.html")), "the book shows the example as it is");
  served = (path) => (path === "/" ? example("reply-box/index.html", { "chat-1": "chat-elif-web" }) : path === "/deskhand-key" ? minted : null);
  const page = await open(t);
  await page.goto(origin);
  await button(page, "Draft").click();
  await page.locator("deskhand-reply .receipt summary").waitFor();
  await button(page, "Insert").click();
  assert.equal(await page.getByLabel("The console's own reply field").inputValue(), "Merhaba Elif Hanım.");
});

test("the server's part of the example makes a key for whoever is signed in, and for nobody else", async (t) => {
  const lines = read("examples/reply-box/key.js").trim().split("\n");
  assert.ok(lines.length <= 10);
  assert.ok(read("docs/reply-box.md").includes(read("examples/reply-box/key.js")), "the book shows the example as it is");
  const folder = mkdtempSync(join(tmpdir(), "deskhand-key-"));
  cpSync(new URL("../../examples/reply-box/key.js", import.meta.url), join(folder, "key.mjs"));
  // The tests' own session: a cookie that names the agent. It tells its port, which the system gave.
  writeFileSync(
    join(folder, "session.js"),
    `import http from "node:http";
    const listen = http.Server.prototype.listen;
    http.Server.prototype.listen = function (port) { return listen.call(this, Number(port), "127.0.0.1", () => console.log(this.address().port)); };
    export const signedIn = async ({ headers }) => (headers.cookie === "session=selin" ? { id: "agent-selin", name: "Selin", teams: ["orders"] } : null);`,
  );
  writeFileSync(join(folder, "package.json"), '{"type": "module"}');
  const child = spawn(process.execPath, ["key.mjs"], { cwd: folder, env: { ...process.env, DESKHAND_URL: server.url, DESKHAND_KEY: key, PORT: "0" }, stdio: ["ignore", "pipe", "inherit"] });
  t.after(() => {
    child.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  });
  const [port] = await once(child.stdout, "data");
  const asks = (cookie) => fetch(`http://127.0.0.1:${String(port).trim()}/deskhand-key`, { headers: { cookie } });
  assert.deepEqual([(await asks("session=other")).status, await (await asks("")).text()], [401, ""]);
  const made = await asks("session=selin");
  assert.deepEqual([made.status, made.headers.get("cache-control")], [200, "no-store"]);
  const own = await made.text();
  assert.match(own, /^dha_/);
  call(server, "ChatService/AppendEvents", { chatId: "by-selin", events: [{ eventId: "1", message: { author: "AUTHOR_AGENT", text: "Hello" } }] }, own);
  assert.equal(call(server, "ChatService/GetChat", { chatId: "by-selin" }, own)[0].events[0].message.authorId, "agent-selin");
});

test("the Chatwoot app: what Chatwoot posts is told, copied and recorded", async (t) => {
  answer = says("Hello Ann, you have 30 days.");
  const outer = await site(t, () => `<!doctype html><html lang="en"><title>chatwoot</title><iframe src="${origin}/" width="700" height="700"></iframe>`);
  served = (path) =>
    path === "/" ? example("chatwoot/index.html")
    : path === "/app.js" ? example("chatwoot/app.js", { "https://chatwoot.shop.example": outer, "const EVERY = 5000": "const EVERY = 1e6" })
    : path === "/deskhand-key" ? minted
    : null;
  // Chatwoot's frame does not let a page write to the clipboard by the newer way.
  const page = await open(t, { expected: /Clipboard API has been blocked/ });
  await page.context().grantPermissions(["clipboard-read"]);
  await page.addInitScript(() => window.addEventListener("message", ({ data }) => (window.asked ??= []).push(data)));
  await page.goto(outer);
  await page.waitForFunction(() => window.asked?.includes("chatwoot-dashboard-app:fetch-info"));
  const sender = { id: 7, name: "Ann", type: "contact" };
  const message = (id, message_type, content, more = {}) => ({ id, message_type, content, created_at: 1793520000 + id, private: false, sender, ...more });
  const context = {
    conversation: { id: 42, account_id: 3, messages: [message(1, 0, "How can I return an item?"), message(2, 2, "Assigned to Selin"), message(3, 1, "Ask Zeynep", { private: true, sender: { id: 5, name: "Selin", type: "user" } })] },
    contact: { id: 7, name: "Ann", email: "ann@mail.example", phone_number: null },
    currentAgent: { id: 5, name: "Selin", email: "selin@shop.example" },
  };
  const post = () => page.evaluate((data) => document.querySelector("iframe").contentWindow.postMessage(JSON.stringify({ event: "appContext", data }), "*"), context);
  await post();
  const frame = page.frameLocator("iframe");
  await frame.locator(".suggestions button").first().waitFor();
  const { events } = call(server, "ChatService/GetChat", { chatId: "chatwoot-3-42", pageSize: 100 }, key)[0];
  assert.deepEqual(events.flatMap(({ message, note }) => message?.text ?? note?.text ?? []), ["How can I return an item?", "Ask Zeynep"]);
  await frame.getByRole("button", { name: "Draft" }).click();
  await frame.locator(".receipt summary").waitFor();
  await frame.getByRole("button", { name: "Insert" }).click();
  await frame.getByText("Copied.").waitFor();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), "Hello Ann, you have 30 days.");
  const recorded = page.waitForResponse("**/RecordOutcome");
  context.conversation.messages.push(message(4, 1, "Hello Ann, you have 14 days.", { sender: { id: 5, name: "Selin", type: "user" }, created_at: Math.ceil(Date.now() / 1000) + 1 }));
  await post();
  assert.equal((await recorded).headers()["grpc-status"] ?? "0", "0");
  await frame.locator("textarea").and(frame.locator(":text-is('')")).waitFor();
});

test("the Zendesk app: by the calls that its framework documents", async (t) => {
  answer = says("Hello Ann, you have 30 days.");
  const manifest = JSON.parse(read("examples/zendesk/manifest.json"));
  assert.equal(manifest.location.support.ticket_sidebar.url, "assets/sidebar.html");
  const user = { id: 5, name: "Selin", role: "agent" };
  const comment = (author, content, channel, contentType = "text/html", timestamp = "2026-11-01T10:00:00Z") => ({ attachments: [], author, channel: { name: channel }, message: { content, contentType }, timestamp });
  const ann = { id: 7, name: "Ann", role: "end-user" };
  const stub = `
    window.heard = {}; window.invoked = []; window.requested = [];
    window.data = ${JSON.stringify({
      "ticket.id": 42,
      "ticket.requester": { id: 7, name: "Ann", email: "ann@mail.example", locale: "en-US" },
      "ticket.conversation": [comment(ann, "<p>How can I <b>return</b> an item?<img src=x onerror='window.ran=1'></p>", "web"), comment(user, "Ask Zeynep", "internal", "text/plain", "2026-11-01T10:01:00Z")],
      currentUser: { ...user, locale: "en-US" },
    })};
    window.ZAFClient = { init: () => ({
      get: async (paths) => Object.fromEntries([paths].flat().map((path) => [path, structuredClone(data[path])])),
      metadata: async () => ({ appId: 1, installationId: 2, settings: { key_address: "https://console.shop.example/deskhand-key" } }),
      request: async (options) => (requested.push(options), "${minted}"),
      invoke: async (...call) => void invoked.push(call),
      on: (event, act) => void (heard[event] = act),
    }) };`;
  served = (path) => (path === "/assets/sidebar.html" ? example("zendesk/assets/sidebar.html", { "https://static.zdassets.com/zendesk_app_framework_sdk/2.0/zaf_sdk.min.js": "/zaf_sdk.min.js" }) : path === "/zaf_sdk.min.js" ? stub : path === "/assets/sidebar.js" ? example("zendesk/assets/sidebar.js") : null);
  const page = await open(t, { viewport: { width: 320, height: 640 } });
  await page.goto(`${origin}/${manifest.location.support.ticket_sidebar.url}`);
  await suggestions(page).first().waitFor();
  const { events } = call(server, "ChatService/GetChat", { chatId: "zendesk-42", pageSize: 100 }, key)[0];
  assert.deepEqual(events.flatMap(({ message, note }) => message?.text ?? note?.text ?? []), ["How can I return an item?", "Ask Zeynep"]);
  assert.equal(await page.evaluate(() => window.ran), undefined);
  assert.deepEqual(await page.evaluate(() => requested[0]), { url: "https://console.shop.example/deskhand-key?agent=agent-5&name=Selin", type: "GET", dataType: "text", headers: { Authorization: "Bearer {{setting.key_secret}}" }, secure: true });
  await button(page, "Draft").click();
  await page.locator("deskhand-reply .receipt summary").waitFor();
  await button(page, "Insert").click();
  await page.waitForFunction(() => invoked.some(([name]) => name === "ticket.comment.appendText"));
  assert.deepEqual(await page.evaluate(() => invoked.at(-1)), ["ticket.comment.appendText", "Hello Ann, you have 30 days."]);
  const recorded = page.waitForResponse("**/RecordOutcome");
  await page.evaluate((sent) => (data["ticket.conversation"].push(sent), heard["ticket.conversation.changed"]()), comment(user, "Hello Ann, you have 30 days.", "web", "text/plain", "2026-11-01T10:02:00Z"));
  assert.equal((await recorded).headers()["grpc-status"] ?? "0", "0");
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= 320));
});
