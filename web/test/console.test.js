// The agents' console in a real browser, against the served binary and a scripted model.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { call, closeBrowser, model, open, sampleChats, seriousFindings, serve } from "./desk.js";

after(closeBrowser);

const reply = (page) => page.locator("#reply");
const button = (page, name) => page.getByRole("button", { name, exact: true });

/** A served desk with the sample chats, a model that answers so, and its console opened at Elif's chat. */
async function desk(t, answer, { query = "", ...context } = {}) {
  const scripted = await model(t, answer);
  const server = await serve(t, { args: ["--console"], env: scripted.env });
  for (const chat of sampleChats()) call(server, "ChatService/AppendEvents", chat);
  const page = await open(t, context);
  await page.goto(`${server.url}/console${query}#chat-elif-web`);
  await page.locator(".conversation .message").first().waitFor();
  return { page, server, scripted };
}

const says = (text) => () => ({ text });

test("a chat is shown with all that is known, and a draft is written for it", async (t) => {
  const { page, server } = await desk(t, says("Merhaba Elif Hanım, paketiniz yolda [[1]]. 7 Nisan'da sizde olur."));
  assert.ok((await page.locator(".left nav li").count()) >= 2);
  assert.ok((await page.locator(".message.note").count()) >= 1, "notes");
  for (const text of ["elif.kaya@mail.example", "Earlier chats", "Pages seen"]) await page.locator(".right").getByText(text).first().waitFor();
  await page.locator(".suggestions button").first().waitFor();

  await button(page, "Draft").click();
  await page.locator(".receipt summary").waitFor();
  assert.equal(await reply(page).inputValue(), "Merhaba Elif Hanım, paketiniz yolda. 7 Nisan'da sizde olur.");
  // What no source says is marked at its words, explained, and selected by a click.
  await page.locator(".mirror mark", { hasText: "7 Nisan" }).waitFor();
  await page.locator(".warning").first().click();
  assert.equal(await reply(page).evaluate((box) => box.value.slice(box.selectionStart, box.selectionEnd)), "7 Nisan");
  // So are the words that cite a source.
  const cites = "Merhaba Elif Hanım, paketiniz yolda.";
  await page.locator(".mirror .cited", { hasText: cites }).waitFor();
  await page.locator(".sources .cites", { hasText: cites }).click();
  assert.equal(await reply(page).evaluate((box) => box.value.slice(box.selectionStart, box.selectionEnd)), cites);
  // The receipt is one click away.
  await page.locator(".receipt summary").click();
  assert.match(await page.locator(".receipt table").innerText(), /Notes\s+0 \/ 1\s+1 withheld/);

  await reply(page).press("Control+Enter");
  await page.locator(".message.agent", { hasText: "paketiniz yolda" }).waitFor();
  assert.equal(await reply(page).inputValue(), "");
  const { events } = call(server, "ChatService/GetChat", { chatId: "chat-elif-web", pageSize: 1000 })[0];
  assert.equal(events.filter(({ message }) => message?.text?.includes("paketiniz yolda")).length, 1);
});

test("a draft streams in, and Escape stops it and the model", async (t) => {
  const { page, scripted } = await desk(t, () => ({ text: "Elif Hanım ".repeat(200), pause: 20 }));
  await reply(page).fill("söyle: pazartesi çıkıyor");
  await button(page, "Draft").click();
  await page.waitForFunction(() => document.querySelector("deskhand-reply").text.split("Elif").length > 4);
  assert.equal(await button(page, "Stop").isVisible(), true);
  assert.equal(scripted.state.open, 1);
  await page.keyboard.press("Escape");
  await page.getByText("Stopped.").waitFor();
  const partial = await reply(page).inputValue();
  assert.ok(partial.includes("Elif Hanım") && partial.length < 2000, "what came stays");
  for (let tries = 0; scripted.state.open > 0 && tries < 100; tries++) await page.waitForTimeout(20);
  assert.equal(scripted.state.open, 0, "the model's work ends");
  assert.equal(await reply(page).inputValue(), partial);
  await button(page, "Undo").click();
  assert.equal(await reply(page).inputValue(), "söyle: pazartesi çıkıyor");
});

test("a rewrite's changes are taken in part, and undone", async (t) => {
  const { page } = await desk(t, ([, { content }]) => ({ text: content.replace("recieve", "receive").replace("parcell", "parcel") }));
  const written = "You will recieve the parcell soon.";
  await reply(page).fill(written);
  await button(page, "Correct").click();
  const changes = page.locator(".change");
  await changes.nth(1).waitFor();
  assert.equal(await reply(page).inputValue(), "You will receive the parcel soon.");
  await changes.first().click();
  assert.equal(await reply(page).inputValue(), "You will recieve the parcel soon.");
  assert.equal(await changes.first().getAttribute("aria-pressed"), "false");
  await button(page, "Take none").click();
  assert.equal(await reply(page).inputValue(), written);
  await button(page, "Take all").click();
  assert.equal(await reply(page).inputValue(), "You will receive the parcel soon.");
  await button(page, "Undo").click();
  assert.equal(await reply(page).inputValue(), written);
});

test("three tones, translation and summary ask for what they say", async (t) => {
  const asked = [];
  const { page } = await desk(t, (messages) => {
    asked.push(messages[0].content);
    return { text: messages[1].content.length < 100 ? messages[1].content : "Asked: where the parcel is.\nNext: call the carrier." };
  });
  for (const [name, word] of [["Formal", "formal"], ["Friendly", "friendly"], ["Concise", "concise"], ["Translate", "ranslate"]]) {
    await reply(page).fill("We look into it, thank you.");
    await page.getByRole("toolbar").getByRole("button", { name }).click();
    await page.locator(".receipt summary").waitFor();
    assert.ok(asked.at(-1).includes(word), `${name}: ${asked.at(-1)}`);
  }
  await button(page, "Summarize").click();
  await page.locator("#summary-text", { hasText: "Next: call the carrier." }).waitFor();
  await page.keyboard.press("Escape");
  await page.locator("#summary").waitFor({ state: "hidden" });
});

test("a customer's message is translated, and the original kept", async (t) => {
  const { page } = await desk(t, says("Where is my parcel? I have waited for days."));
  const message = page.locator(".message.customer").first();
  const original = await message.locator("p").first().innerText();
  await message.getByRole("button", { name: "Translate" }).click();
  await message.getByText("Where is my parcel?").waitFor();
  assert.equal(await message.locator("p").first().innerText(), original);
});

test("a slash looks canned answers up; a click or a key inserts a suggestion", async (t) => {
  const { page } = await desk(t, says("x"));
  await reply(page).fill("/iade");
  const picker = page.locator(".picker");
  await picker.getByRole("option").first().waitFor();
  await reply(page).press("ArrowDown");
  assert.equal(await picker.getByRole("option").nth(1).getAttribute("aria-selected"), "true");
  await reply(page).press("ArrowUp");
  await reply(page).press("Enter");
  await picker.waitFor({ state: "hidden" });
  const inserted = await reply(page).inputValue();
  assert.ok(inserted.length > 20 && !inserted.startsWith("/"), inserted);
  await reply(page).fill("");
  await page.locator(".suggestions button:enabled").first().waitFor();
  await page.keyboard.press("Alt+1");
  const byKey = await reply(page).inputValue();
  assert.ok(byKey.length > 20);
  await reply(page).fill("");
  await page.locator(".suggestions button:enabled").first().click();
  assert.equal(await reply(page).inputValue(), byKey);
});

test("what comes in meanwhile is shown", async (t) => {
  const { page, server } = await desk(t, says("x"));
  const text = "Bir şey daha soracaktım.";
  call(server, "ChatService/AppendEvents", { chatId: "chat-elif-web", events: [{ eventId: "late", message: { author: "AUTHOR_CUSTOMER", text } }] });
  await page.locator(".message.customer", { hasText: text }).waitFor();
});

test("a model's text is text, and so is everything of customers", async (t) => {
  const hostile = "<img src=x onerror='window.ran=1'> <script>window.ran=2</script>";
  const { page, server } = await desk(t, says(hostile));
  call(server, "ChatService/AppendEvents", {
    chatId: "chat-elif-web",
    events: [
      { eventId: "h1", message: { author: "AUTHOR_CUSTOMER", authorName: hostile, text: hostile, attachments: [{ name: hostile, url: "javascript:window.ran=3" }] } },
      { eventId: "h2", pageView: { url: "javascript:window.ran=4", title: hostile } },
      { eventId: "h3", record: { source: hostile, reference: "1", values: { [hostile]: hostile } } },
      { eventId: "h4", topic: { topic: hostile } },
      { eventId: "h5", customer: { name: hostile, attributes: { [hostile]: hostile } } },
    ],
  });
  await page.locator(".message.customer").getByText(hostile).first().waitFor();
  await button(page, "Draft").click();
  await page.locator(".receipt summary").waitFor();
  await button(page, "Summarize").click();
  await page.locator("#summary-text", { hasText: "window.ran=2" }).waitFor();
  assert.equal(await page.locator("main img, main script, .right img, a[href^=javascript]").count(), 0);
  assert.equal(await page.evaluate(() => window.ran), undefined);
});

test("a failing model and a lost connection are explained in words, and the agent's text stays", async (t) => {
  const { page } = await desk(t, () => ({ text: "half a", hang: true }));
  await page.context().setOffline(true);
  await page.locator("#offline").waitFor();
  await reply(page).fill("Thank you for waitng.");
  await button(page, "Correct").click();
  await page.waitForFunction(() => {
    const inside = document.querySelector("deskhand-reply").shadowRoot;
    return !inside.querySelector("#reply").readOnly && !inside.querySelector(".offline").hidden;
  });
  assert.equal(await reply(page).inputValue(), "Thank you for waitng.");
  await page.context().setOffline(false);
  await page.locator("#offline").waitFor({ state: "hidden" });
});

test("with keys, the console asks for one; without --console there is none", async (t) => {
  const server = await serve(t, { args: ["--console"], keys: [["--scope", "agent"], ["--scope", "search"]] });
  call(server, "ChatService/AppendEvents", sampleChats()[0], server.keys[0]);
  const page = await open(t);
  await page.goto(`${server.url}/console`);
  assert.equal(await page.getByRole("alert").filter({ visible: true }).count(), 0);
  // A key that can't be used: the server says why, in the agent's words.
  for (const [wrong, why] of [[server.keys[1], "You may not do this."], ["dh_0123456789ab_nothing", "You have no access here"], ["dha_nothing", "You have no access here"]]) {
    await page.getByLabel("Key").fill(wrong);
    await button(page, "Use this key").click();
    await page.locator("#key-form").getByRole("alert").filter({ hasText: why }).waitFor();
  }
  await page.getByLabel("Key").fill(server.keys[0]);
  await button(page, "Use this key").click();
  await page.locator("#key-form").waitFor({ state: "hidden" });
  await page.getByRole("link", { name: /Elif/ }).click();
  await page.locator(".conversation .message").first().waitFor();
  // What the tab keeps is a key for this agent alone.
  const kept = await page.evaluate(() => sessionStorage.getItem("deskhand-key"));
  assert.match(kept, /^dha_/);

  const plain = await serve(t);
  assert.equal((await fetch(`${plain.url}/console`)).status, 404);
});

/** A console with a key for an agent, and what is appended by the server's key. */
async function keyed(t, heartbeat) {
  const server = await serve(t, { args: ["--console", "--watch-heartbeat", heartbeat], keys: [["--scope", "agent"]] });
  const append = (chatId, ...events) => call(server, "ChatService/AppendEvents", { chatId, events }, server.keys[0]);
  append("of-a-team", { eventId: "1", opened: { channel: "CHANNEL_WEB_CHAT", group: "orders" } }, { eventId: "2", customer: { name: "Ann" } }, written("3", "Hello?"));
  append("of-mert", { eventId: "1", customer: { name: "Bea" } }, { eventId: "2", transfer: { toAgentId: "agent-mert", toAgentName: "Mert" } }, written("3", "Hi?"));
  const page = await open(t);
  await page.goto(`${server.url}/console`);
  await page.getByLabel("Key").fill(server.keys[0]);
  await button(page, "Use this key").click();
  await page.getByRole("link", { name: "Ann" }).waitFor();
  return { page, append };
}
const written = (eventId, text) => ({ eventId, message: { author: "AUTHOR_CUSTOMER", text } });

test("with a key for one agent, what comes in is shown in chats of teams and of other agents, too", async (t) => {
  const { page, append } = await keyed(t, "1h");
  for (const [chatId, name, number] of [["of-a-team", "Ann", 1], ["of-mert", "Bea", 2], ["of-a-team", "Ann", 3]]) {
    await page.getByRole("link", { name }).click();
    await page.locator("#chat-title", { hasText: name }).waitFor();
    const text = `This is number ${number}.`;
    append(chatId, written(text, text));
    await page.locator(".message.customer", { hasText: text }).waitFor();
  }
});

test("with a key for one agent, what changes in chats of others stands in the list soon", async (t) => {
  const { page, append } = await keyed(t, "1s");
  // More than once: the first may be seen when the page begins to listen.
  for (const name of ["Cem", "Dora", "Eva", "Fay"]) {
    append("of-a-team", { eventId: name, customer: { name } });
    await page.getByRole("link", { name }).waitFor();
  }
});

test("in Turkish, by keyboard alone", async (t) => {
  const { page } = await desk(t, says("Merhaba Elif Hanım, bakıyoruz. 7 Nisan'da sizde olur."), { query: "?language=tr" });
  assert.equal(await page.evaluate(() => document.documentElement.lang), "tr");
  await reply(page).focus();
  const focused = () => page.evaluate(() => (document.activeElement.shadowRoot?.activeElement ?? document.activeElement).textContent);
  for (let presses = 0; presses < 12 && (await focused()) !== "Taslak"; presses++) await page.keyboard.press("Shift+Tab");
  await page.keyboard.press("Enter");
  await page.locator(".receipt summary").waitFor();
  assert.equal(await page.locator(".warning").innerText(), "7 Nisan hiçbir kaynakta olmayan tarih ya da saat");
  await reply(page).focus();
  await page.keyboard.press("Control+Enter");
  await page.locator(".message.agent", { hasText: "bakıyoruz" }).waitFor();
});

test("in Hungarian and in German", async (t) => {
  const { page } = await desk(t, says("x"), { query: "?language=hu" });
  for (const [language, title, draft, visitor] of [["hu", "Beszélgetések", "Vázlat", "Látogató"], ["de", "Chats", "Entwurf", "Besucher"]]) {
    // Another language is another page.
    if (language !== "hu") await page.locator("#language").selectOption(language);
    await page.waitForFunction((language) => document.documentElement.lang === language, language);
    await page.getByRole("heading", { name: title, exact: true }).waitFor();
    await button(page, draft).waitFor();
    await page.getByRole("heading", { name: visitor, exact: true }).waitFor();
  }
});

for (const [name, context] of [["light", {}], ["dark", { colorScheme: "dark" }], ["small", { viewport: { width: 360, height: 740 } }]]) {
  test(`axe finds nothing serious, ${name}`, async (t) => {
    const { page } = await desk(t, ([, { content }]) => ({ text: content.startsWith("We") ? content.replace("recieved", "received") : "7 Nisan'da sizde." }), context);
    await page.locator(".suggestions button").first().waitFor();
    await button(page, "Draft").click();
    await page.locator(".warning").first().waitFor();
    await page.locator(".receipt summary").click();
    assert.deepEqual(await seriousFindings(page), []);
    await reply(page).fill("We recieved it.");
    await button(page, "Correct").click();
    await page.locator(".change").first().waitFor();
    assert.deepEqual(await seriousFindings(page), []);
    if (name === "small") assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= 360), "nothing is wider than the screen");
  });
}

test("the first paint comes soon", async (t) => {
  const { server } = await desk(t, says("x"));
  const times = [];
  for (let turn = 0; turn < 5; turn++) {
    const page = await open(t);
    await page.goto(`${server.url}/console`);
    await page.waitForFunction(() => performance.getEntriesByName("first-contentful-paint").length > 0);
    times.push(await page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0].startTime));
  }
  times.sort((one, other) => one - other);
  t.diagnostic(`first paint of the console, ${times.length} times: p50 ${times[2].toFixed(0)} ms, most ${times[4].toFixed(0)} ms`);
});
