// The authors' page in a real browser, against the served binary.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { call, closeBrowser, open, seriousFindings, serve } from "./desk.js";

after(closeBrowser);

const button = (page, name) => page.getByRole("button", { name, exact: true });
const told = (page, text) => page.locator("#told", { hasText: text }).waitFor();

/** A served shop, and its authors' page. Without `shop`, its folder is empty. */
async function desk(t, { shop = true, query = "", part = "", ...context } = {}) {
  const empty = mkdtempSync(join(tmpdir(), "deskhand-empty-"));
  t.after(() => rmSync(empty, { recursive: true, force: true }));
  const server = await serve(t, { args: ["--console"], ...(shop ? {} : { shop: empty }) });
  const page = await open(t, context);
  await page.goto(`${server.url}/authors${query}${part}`);
  await page.locator("#answers .entries li").first().waitFor({ state: "attached" });
  return { page, server };
}

const listed = (server, id) => call(server, "KnowledgeService/ListArticles", { pageSize: 1000 })[0].articles.filter((article) => article.id === id);
const put = (server, article) => call(server, "KnowledgeService/PutArticles", { articles: [{ language: "en", title: "Lamps", body: "Twenty lamps.", ...article }] });

test("documents are found and filtered, and the folder's are only shown", async (t) => {
  const { page, server } = await desk(t);
  put(server, { id: "lamps" });
  await page.reload();
  const entries = page.locator("#answers .entries button");
  await entries.first().waitFor();
  const all = await entries.count();
  assert.ok(all > 100, `${all}`);
  await page.getByLabel("Source").selectOption("here");
  assert.equal(await entries.count(), 1);
  await page.getByLabel("Source").selectOption("folder");
  await page.locator(".filters").getByLabel("Language").selectOption("hu");
  await page.getByLabel("Kind").selectOption("article");
  assert.ok((await entries.count()) > 5);
  await page.getByRole("searchbox", { name: "Search in titles, texts and ids" }).first().fill("return-an-item");
  await entries.filter({ hasText: "return-an-item" }).first().click();
  const form = page.getByRole("form", { name: "Article" });
  await form.locator("..").getByText("This comes from the knowledge base folder. Change its file there.").waitFor();
  assert.equal(await form.getByLabel("Title", { exact: true }).getAttribute("readonly"), "");
  assert.equal(await page.locator("#answers").getByRole("button", { name: "Save" }).count(), 0);
  assert.ok((await page.locator(".preview:visible").innerText()).length > 100);
});

test("an answer is written with a preview and what check says, saved, changed and deleted", async (t) => {
  const { page, server } = await desk(t, { shop: false });
  await button(page, "New canned answer").click();
  const form = page.getByRole("form", { name: "Canned answer" });
  await form.getByLabel("Id", { exact: true }).fill("late");
  await form.getByLabel("Language", { exact: true }).fill("en");
  // What is not right yet is said at its field, and nothing is saved.
  await button(form.locator(".."), "Save").click();
  await form.locator(".field", { has: page.getByLabel("Title", { exact: true }) }).locator(".remarks .error").waitFor();
  assert.equal(await form.getByLabel("Title", { exact: true }).getAttribute("aria-invalid"), "true");
  assert.equal(await form.getByLabel("Title", { exact: true }).evaluate((control) => control === document.activeElement), true);
  await form.getByLabel("Title", { exact: true }).fill("It is late");
  await form.getByLabel("Text", { exact: true }).fill("Dear {{customer.frist_name}},\n\n**sorry**:\n\n- soon\n- see [this](nowhere.md) or [that](https://shop.example)");
  const preview = page.getByRole("region", { name: "Preview" });
  await preview.locator("strong", { hasText: "sorry" }).waitFor();
  assert.equal(await preview.locator("li").count(), 2);
  assert.deepEqual(await preview.locator("a").evaluateAll((links) => links.map((link) => link.href)), ["https://shop.example/"]);
  assert.equal(await preview.locator("mark").innerText(), "{{customer.frist_name}}");
  await form.getByText("line 1: No chat can fill the placeholder {{customer.frist_name}}.").waitFor();
  await form.getByText("line 6: The link nowhere.md leads to no article.").waitFor();
  await form.getByLabel("Fits when").fill("record.order.status = shipped\nrecord.order.status ==");
  await form.getByText(/line 2: /).waitFor();
  await form.getByLabel("Fits when").fill("record.order.status = shipped");
  await form.getByLabel("How customers ask for it").fill("where is it\n\n  still nothing ");
  await form.getByLabel("Tags").fill("late, parcel");
  await form.getByLabel("Shortcut").fill("late");
  await form.getByLabel("Offered to").selectOption("VISIBILITY_GROUP");
  await form.getByLabel("Team").fill("orders");
  await form.getByLabel("Text", { exact: true }).fill("Dear {{customer.first_name}}, sorry.");
  await form.getByLabel("Text", { exact: true }).press("Control+s");
  await told(page, "Saved.");
  const [{ cannedAnswers }] = call(server, "KnowledgeService/ListCannedAnswers", {});
  const { id, asked, when, tags, shortcut, visibility, ownerGroup } = cannedAnswers[0];
  assert.deepEqual({ id, asked, when, tags, shortcut, visibility, ownerGroup }, {
    id: "late", asked: ["where is it", "still nothing"], when: ["record.order.status = shipped"], tags: ["late", "parcel"],
    shortcut: "late", visibility: "VISIBILITY_GROUP", ownerGroup: "orders",
  });
  // Saved again, it is the same one.
  await form.getByLabel("Title", { exact: true }).fill("It is very late");
  await form.getByLabel("Title", { exact: true }).press("Enter");
  await page.locator("#answers .entries strong", { hasText: "It is very late" }).waitFor();
  assert.equal(call(server, "KnowledgeService/ListCannedAnswers", {})[0].cannedAnswers.length, 1);

  await form.locator("..").getByRole("button", { name: "Delete", exact: true }).click();
  await page.keyboard.press("Escape");
  assert.equal(call(server, "KnowledgeService/ListCannedAnswers", {})[0].cannedAnswers.length, 1, "Escape is no");
  await form.locator("..").getByRole("button", { name: "Delete", exact: true }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await told(page, "Deleted.");
  assert.equal((call(server, "KnowledgeService/ListCannedAnswers", {})[0].cannedAnswers ?? []).length, 0);
});

test("a hostile text is text everywhere", async (t) => {
  const hostile = "<img src=x onerror='window.ran=1'><script>window.ran=2</script>";
  const { page, server } = await desk(t, { shop: false });
  put(server, { id: "h", title: hostile, category: hostile, tags: [hostile], asked: [hostile], body: `${hostile}\n\n[a](javascript:window.ran=3) ![b](javascript:window.ran=4)\n\n# ${hostile}\n\n- ${hostile}\n\n| a |\n|---|\n| ${hostile} |\n\n&lt;b&gt;\n\n<!-- for us -->` });
  call(server, "KnowledgeService/PutGlossaryTerms", { terms: [{ term: hostile, keep: true }] });
  call(server, "KnowledgeService/PutVoice", { voice: { text: hostile } });
  await page.reload();
  await page.locator("#answers .entries button", { hasText: "window.ran=1" }).first().click();
  const preview = page.locator(".preview:visible");
  await preview.getByText("window.ran=2").first().waitFor();
  const shown = await preview.innerText();
  assert.ok(shown.includes("<img src=x") && shown.includes("<b>") && !shown.includes("for us"), shown);
  assert.equal(await preview.locator("img, script, a[href^=javascript], b").count(), 0);
  await page.getByRole("link", { name: "Voice & words" }).click();
  await page.locator("#words .entries button", { hasText: "window.ran=1" }).click();
  assert.equal(await page.locator("main img, main script").count(), 0);
  assert.equal(await page.evaluate(() => window.ran), undefined);
});

test("what somebody else saved meanwhile is shown, and overwritten only if the author says so", async (t) => {
  const { page, server } = await desk(t, { shop: false });
  put(server, { id: "lamps" });
  await page.reload();
  await page.locator("#answers .entries button", { hasText: "Lamps" }).click();
  const form = page.getByRole("form", { name: "Article" });
  const text = form.getByLabel("Text", { exact: true });
  await text.fill("Mine.");
  put(server, { id: "lamps", body: "Theirs." });
  await button(form.locator(".."), "Save").click();
  const conflict = page.locator(".conflict:visible");
  await conflict.getByText("Somebody else changed this meanwhile.").waitFor();
  assert.match(await conflict.locator("pre").textContent(), /Theirs\./);
  assert.equal(await text.inputValue(), "Mine.");
  assert.equal(listed(server, "lamps")[0].body, "Theirs.");
  await button(conflict, "Save mine over theirs").click();
  await told(page, "Saved.");
  assert.equal(listed(server, "lamps")[0].body, "Mine.");

  await text.fill("Mine again.");
  put(server, { id: "lamps", body: "Theirs again." });
  await button(form.locator(".."), "Save").click();
  await button(conflict, "Show theirs and drop mine").click();
  assert.equal(await text.inputValue(), "Theirs again.");
  assert.equal(listed(server, "lamps")[0].body, "Theirs again.");

  // An id that is taken is no other document's.
  await button(page, "New article").click();
  for (const [name, value] of [["Id", "lamps"], ["Language", "en"], ["Title", "Other"], ["Text", "Other."]]) await form.getByLabel(name, { exact: true }).fill(value);
  await button(form.locator(".."), "Save").click();
  await form.getByText("There is one already.").waitFor();
  assert.equal(listed(server, "lamps")[0].body, "Theirs again.");
  // What is not saved is not lost unasked.
  await page.locator("#answers .entries button", { hasText: "Lamps" }).click();
  await page.getByRole("dialog").getByText("What you changed is not saved.").waitFor();
  await button(page, "Keep writing").click();
  assert.equal(await form.getByLabel("Title", { exact: true }).inputValue(), "Other");
  await page.locator("#answers .entries button", { hasText: "Lamps" }).click();
  await button(page, "Discard").click();
  await page.waitForFunction(() => document.querySelector("form[aria-label=Article] [name=title]").value === "Lamps");
});

test("a synonym is in force in the search box as soon as it is saved, and no longer once it is deleted", async (t) => {
  const { page, server } = await desk(t, { shop: false, part: "#words" });
  put(server, { id: "couch", title: "How to clean the settee", body: "Use a soft brush." });
  const search = await open(t);
  await search.goto(`${server.url}/help?language=en`);
  const box = search.getByRole("combobox");
  const finds = async (count) => {
    await box.fill("");
    await box.fill("chesterfield");
    await search.locator(count ? "[role=option]" : ".nothing, [class*=nothing], .hint").first().waitFor();
    return search.getByText("settee").count();
  };
  const group = page.getByRole("region", { name: "Synonyms" }).first();
  await group.getByRole("button", { name: "New group" }).click();
  const form = group.getByRole("form", { name: "Synonyms" });
  await form.getByLabel("Words").fill("settee");
  await button(group, "Save").click();
  await form.locator(".remarks .error").first().waitFor();
  await form.getByLabel("Words").fill("settee\nChesterfield");
  await button(group, "Save").click();
  await told(page, "Saved.");
  assert.ok((await finds(true)) > 0);
  await button(group, "Delete").click();
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await told(page, "Deleted.");
  const [{ hits = [] }] = call(server, "KnowledgeService/Search", { query: "chesterfield", language: "en" });
  assert.equal(hits.length, 0);
});

test("voice and glossary are set, and by whom else they were changed is said", async (t) => {
  const { page, server } = await desk(t, { shop: false, part: "#words" });
  const voice = page.getByRole("region", { name: "Voice" }).first();
  await voice.getByLabel("How we write").fill("Write like a gardener.");
  await voice.getByLabel("Sign-off").fill("{{agent.name}}");
  await voice.getByLabel("Drafts are several short messages").check();
  await button(voice, "Save").click();
  await told(page, "Saved.");
  const read = () => call(server, "KnowledgeService/GetVoice", {})[0].voice;
  assert.deepEqual([read().text, read().signOff, read().severalMessages], ["Write like a gardener.", "{{agent.name}}", true]);
  call(server, "KnowledgeService/PutVoice", { voice: { text: "Theirs." } });
  await voice.getByLabel("How we write").fill("Mine.");
  await button(voice, "Save").click();
  await button(voice, "Save mine over theirs").click();
  await told(page, "Saved.");
  assert.equal(read().text, "Mine.");

  const glossary = page.getByRole("region", { name: "Glossary" }).first();
  await glossary.getByRole("button", { name: "New term" }).click();
  await glossary.getByLabel("Term", { exact: true }).fill("duvet cover");
  await glossary.getByLabel("Words by language").fill("de Bettbezug");
  await button(glossary, "Save").click();
  await glossary.locator(".remarks .error").waitFor();
  await glossary.getByLabel("Words by language").fill("de = Bettbezug\nhu = paplanhuzat");
  await button(glossary, "Save").click();
  await told(page, "Saved.");
  const { terms } = call(server, "KnowledgeService/ListGlossaryTerms", {})[0];
  assert.deepEqual(terms.map(({ term, words }) => [term, words]), [["duvet cover", { de: "Bettbezug", hu: "paplanhuzat" }]]);
});

test("with keys, the page asks for one, keeps it in the tab alone, and forgets it", async (t) => {
  const server = await serve(t, { args: ["--console"], keys: [["--scope", "agent"], ["--scope", "agent", "--scope", "author"]] });
  const page = await open(t);
  await page.goto(`${server.url}/authors`);
  await page.getByLabel("Key").fill("dh_wrong");
  await button(page, "Use this key").click();
  await page.getByLabel("Key").waitFor();
  await page.getByLabel("Key").fill(server.keys[1]);
  await button(page, "Use this key").click();
  await page.locator("#answers .entries button").first().waitFor();
  assert.equal(await page.locator("#key-form").isVisible(), false);
  assert.equal(await page.evaluate(() => JSON.stringify(localStorage).includes("dh_") || location.href.includes("dh_")), false);
  await button(page, "Forget the key").click();
  await page.getByLabel("Key").waitFor();
  assert.equal(await page.evaluate(() => sessionStorage.length), 0);
  // An agent's key reads, and is told that it may not write.
  await page.getByLabel("Key").fill(server.keys[0]);
  await button(page, "Use this key").click();
  await page.locator("#answers .entries button").first().waitFor();
  await button(page, "New article").click();
  const form = page.getByRole("form", { name: "Article" });
  for (const [name, value] of [["Id", "x"], ["Language", "en"], ["Title", "X"], ["Text", "X."]]) await form.getByLabel(name, { exact: true }).fill(value);
  await button(form.locator(".."), "Save").click();
  await page.locator("#failed", { hasText: "You may not do this" }).waitFor();
  assert.equal(await form.getByLabel("Title", { exact: true }).inputValue(), "X", "nothing is lost");

  const plain = await serve(t);
  assert.equal((await fetch(`${plain.url}/authors`)).status, 404);
  const policy = (await fetch(`${server.url}/authors`)).headers.get("content-security-policy");
  assert.match(policy, /frame-ancestors 'self'/);
});

test("by keyboard alone, in Turkish", async (t) => {
  const { page, server } = await desk(t, { shop: false, query: "?language=tr" });
  const focused = () => page.evaluate(() => document.activeElement.textContent || document.activeElement.name);
  const tabTo = async (name) => {
    for (let presses = 0; presses < 40 && (await focused()) !== name; presses++) await page.keyboard.press("Tab");
    assert.equal(await focused(), name);
  };
  await tabTo("Yeni hazır yanıt");
  await page.keyboard.press("Enter");
  for (const text of ["merhaba", "tr", "Karşılama", "", "Merhaba, nasıl yardımcı olabilirim?"]) {
    if (text) await page.keyboard.type(text);
    await page.keyboard.press("Tab");
  }
  await tabTo("Kaydet");
  await page.keyboard.press("Enter");
  await told(page, "Kaydedildi.");
  assert.equal(call(server, "KnowledgeService/ListCannedAnswers", {})[0].cannedAnswers[0].title, "Karşılama");
  await tabTo("Sil");
  await page.keyboard.press("Enter");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await told(page, "Silindi.");
});

test("in the four languages", async (t) => {
  const { page } = await desk(t, { shop: false });
  for (const [language, title, add, voice] of [
    ["en", "Authors", "New article", "Voice"],
    ["tr", "Yazarlar", "Yeni makale", "Üslup"],
    ["hu", "Szerzők", "Új cikk", "Hangnem"],
    ["de", "Autoren", "Neuer Artikel", "Stil"],
  ]) {
    if (language !== "en") await page.locator("#language").selectOption(language);
    await page.waitForFunction((language) => document.documentElement.lang === language, language);
    await page.getByRole("heading", { name: title, exact: true }).waitFor();
    await button(page, add).waitFor();
    await page.locator("#to-words").click();
    await page.getByRole("heading", { name: voice, exact: true }).waitFor();
    await page.locator("#to-answers").click();
  }
});

for (const [name, context] of [["light", {}], ["dark", { colorScheme: "dark" }], ["small", { viewport: { width: 360, height: 740 } }]]) {
  test(`axe finds nothing serious, ${name}, and right to left nothing is cut off`, async (t) => {
    const { page, server } = await desk(t, { shop: false, ...context });
    put(server, { id: "lamps", title: "مصابيح", body: "مصابيح {{x}} [رابط](nowhere.md)" });
    await page.reload();
    await page.locator("#answers .entries button").first().click();
    await page.getByText("leads to no article").waitFor();
    assert.deepEqual(await seriousFindings(page), []);
    for (const direction of ["ltr", "rtl"]) {
      await page.evaluate((direction) => (document.documentElement.dir = direction), direction);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      assert.ok(wide <= 0, `${direction}: ${wide} pixels too wide`);
    }
    await page.locator("#to-words").click();
    await page.getByRole("heading", { name: "Voice", exact: true }).waitFor();
    await page.getByRole("button", { name: "New group" }).click();
    assert.deepEqual(await seriousFindings(page), []);
  });
}
