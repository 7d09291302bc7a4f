// The reports in a real browser, against the served binary: figures of what was done through the API.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, test } from "node:test";
import { call, closeBrowser, open, seriousFindings, serve } from "./desk.js";

after(closeBrowser);

const HOSTILE = "<img src=x onerror='window.ran=1'> qqqqqqqq";
const FORMULA = '=cmd("qqqqqqqq")';
const AGENT = { agentId: "agent-selin", name: "Selin" };

const section = (page, name) => page.locator(`section[data-name="${name}"]`);
/** A section's table, its head first, as texts. */
const cells = (page, name) => section(page, name).locator("tr").evaluateAll((rows) => rows.map((row) => [...row.children].map((cell) => cell.textContent.trim())));

/** Served reports. */
async function reports(t, { query = "", key, ...context } = {}) {
  const server = await serve(t, { args: ["--console"] });
  const page = await open(t, context);
  return { server, page, show: () => shown(page, `${server.url}/reports${query}`) };
}

async function shown(page, url) {
  await page.goto(url);
  await page.locator("#report[aria-busy='false'] .sums").waitFor();
}

function search(server, query, language = "en", sessionId = "") {
  return call(server, "KnowledgeService/Search", { query, language, sessionId })[0];
}

/** Three searches, two of them without a hit; an article that did not help; two suggestions and a draft; a rating. Returns what was suggested. */
function work(server) {
  const { searchId } = search(server, "refund", "en", "s1");
  call(server, "KnowledgeService/RecordOpen", { searchId, id: "refunds" });
  call(server, "KnowledgeService/RateArticle", { id: "refunds", language: "en", helpful: false, reason: HOSTILE, ratingId: "r1" });
  search(server, HOSTILE);
  search(server, FORMULA, "tr");
  const append = (...events) => call(server, "ChatService/AppendEvents", { chatId: "c", events });
  append({ eventId: "e1", message: { author: "AUTHOR_CUSTOMER", text: "How can I return a towel?" } });
  const [{ suggestions }] = call(server, "ReplyService/SuggestAnswers", { chatId: "c", agent: AGENT, language: "en", limit: 2 });
  const outcome = (outcomeId, action, offer) => call(server, "ReplyService/RecordOutcome", { chatId: "c", outcomeId, agent: AGENT, action, ...offer });
  outcome("o1", "OUTCOME_ACTION_SENT", { suggestionId: suggestions[0].suggestionId });
  outcome("o2", "OUTCOME_ACTION_DISMISSED", { suggestionId: suggestions[1].suggestionId });
  const { finished } = call(server, "ReplyService/DraftReply", { chatId: "c", agent: AGENT, language: "en" }).at(-1);
  outcome("o3", "OUTCOME_ACTION_EDITED", { draftId: finished.draftId });
  append({ eventId: "e2", message: { author: "AUTHOR_AGENT", authorId: "agent-selin", text: "One moment." } }, { eventId: "e3", rating: { score: 4 } });
  return suggestions.map(({ id }) => id);
}

test("the figures are those of what was done, on today's line of the reader's own clock", async (t) => {
  const { server, page, show } = await reports(t, { timezoneId: "Pacific/Auckland" });
  work(server);
  await show();
  const sums = await page.locator(".sums dd").allInnerTexts();
  assert.deepEqual(sums.map((sum) => sum.split(/\s/)[0]), ["3", "2", "2", "1", "4"]);
  const today = new Intl.DateTimeFormat("en", { dateStyle: "medium", timeZone: "Pacific/Auckland" }).format(new Date());
  const days = await cells(page, "searches-by-day");
  assert.equal(days.length, 31);
  assert.deepEqual(days.at(-1), [today, "3", "2", "66.7%", "1", "0", "1"]);
  assert.ok(days.slice(1, -1).every((day) => day.slice(1).every((cell) => ["0", "0%"].includes(cell))));
  assert.deepEqual((await cells(page, "searches-by-language")).slice(1), [["English", "2", "1", "50%", "1", "0", "1"], ["Turkish", "1", "1", "100%", "0", "0", "0"]]);
  assert.deepEqual((await cells(page, "suggestions-by-day")).at(-1).slice(1), ["2", "1", "0", "1", "0"]);
  assert.deepEqual((await cells(page, "drafts-by-day")).at(-1).slice(1), ["1", "0", "1", "0", "1", "0", "0"]);
  assert.deepEqual((await cells(page, "suggestions-by-agent")).slice(1), [["agent-selin", "2", "1", "0", "1", "0"]]);
  assert.deepEqual((await cells(page, "ratings-of-chats-by-agent")).slice(1), [["agent-selin", "1", "4"]]);
  assert.deepEqual((await cells(page, "ratings-of-chats-by-language")).slice(1), [["English", "1", "4"]]);

  // The chart shows the same: a column's parts by their heights, and in words.
  const drawn = await section(page, "searches-by-day").locator("g").last().evaluate((group) => [group.querySelector("title").textContent, ...[...group.querySelectorAll("rect")].map((bar) => Number(bar.getAttribute("height")))]);
  assert.match(drawn[0], /: With a hit 1, Without a hit 2$/);
  assert.ok(Math.abs(drawn[2] - 2 * drawn[1]) < 0.001, String(drawn));
  assert.equal(await page.getByRole("img", { name: "Searches by day" }).count(), 1);
  // Series differ in pattern, too.
  const fills = await section(page, "searches-by-day").locator("g").last().locator("rect").evaluateAll((bars) => bars.map((bar) => bar.getAttribute("fill")));
  assert.equal(new Set(fills).size, 2);

  // In one language only what is of it.
  const summed = (numbers) => page.waitForFunction((numbers) => [...document.querySelectorAll(".sums dd")].map((sum) => sum.textContent.split(/\s/)[0]).join() === numbers, numbers);
  await page.locator("#of").selectOption("tr");
  await summed("1,1,0,0,–");
  await page.locator("#of").selectOption("en");
  await summed("2,1,2,1,4");
  assert.deepEqual((await cells(page, "ratings-of-chats-by-language")).slice(1), [["English", "1", "4"]]);
});

test("suggestions and drafts are counted for one agent, and for one document", async (t) => {
  const { server, page, show } = await reports(t);
  const [first] = work(server);
  const mert = { agentId: "agent-mert", name: "Mert" };
  call(server, "ReplyService/SuggestAnswers", { chatId: "c", agent: mert, language: "en", limit: 1 });
  await show();
  const sums = async () => (await page.locator(".sums dd").allInnerTexts()).map((sum) => sum.split(/\s/)[0]);
  const shown = (numbers) => page.waitForFunction((numbers) => [...document.querySelectorAll(".sums dd")].map((sum) => sum.textContent.split(/\s/)[0]).join() === numbers, numbers);
  assert.deepEqual(await sums(), ["3", "2", "3", "1", "4"]);
  await page.locator("#agent").selectOption("agent-mert");
  await shown("3,2,1,0,–");
  assert.deepEqual((await cells(page, "suggestions-by-agent")).slice(1), [["agent-mert", "1", "0", "0", "0", "1"]]);
  await page.getByText("these figures are of all").waitFor();
  await page.locator("#agent").selectOption("agent-selin");
  await shown("3,2,2,1,4");
  await page.getByLabel("Document (id)").fill(first);
  await page.getByRole("button", { name: "Show", exact: true }).click();
  await page.getByText("Chats are rated for no document").waitFor();
  const [, , ofDocument] = await sums();
  assert.equal(ofDocument, "1", "it was suggested once to Selin");
  // Of help pages, what was read and rated of it, and the search that led to it.
  await page.getByLabel("Document (id)").fill("refunds");
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => document.querySelector(".sums dd").textContent.trim() === "1");
  await page.getByText("only searches from which it was opened are counted").waitFor();
  assert.deepEqual((await cells(page, "searches-by-day")).at(-1).slice(1), ["1", "0", "0%", "1", "0", "1"]);
  assert.equal((await cells(page, "articles-that-did-not-help")).length, 2);
  await page.getByLabel("Document (id)").fill("no-such");
  await page.keyboard.press("Enter");
  await shown("0,0,0,0,–");
  await page.getByLabel("Document (id)").fill("");
  await page.locator("#agent").selectOption("");
  await shown("3,2,3,1,4");
});

test("what people typed is text, can be copied, and runs in no spreadsheet", async (t) => {
  const { server, page, show } = await reports(t, { permissions: ["clipboard-read", "clipboard-write"] });
  work(server);
  await show();
  const missed = section(page, "searches-without-a-hit");
  const queries = await missed.locator("tbody bdi").allInnerTexts();
  assert.deepEqual(queries.toSorted(), [HOSTILE.toLowerCase(), FORMULA].toSorted());
  assert.equal(await section(page, "articles-that-did-not-help").locator("li").innerText(), HOSTILE);
  assert.deepEqual(await page.evaluate(() => [globalThis.ran, document.querySelectorAll("#report img, #report script").length]), [undefined, 0]);

  await missed.getByRole("button", { name: `Copy “${FORMULA}”` }).click();
  await page.getByText("Copied.").waitFor();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), FORMULA);

  const [file] = await Promise.all([page.waitForEvent("download"), missed.getByRole("button", { name: "Download as CSV" }).click()]);
  assert.match(file.suggestedFilename(), /^searches-without-a-hit-\d{4}-\d\d-\d\d-\d{4}-\d\d-\d\d\.csv$/);
  const lines = readFileSync(await file.path(), "utf8").trimEnd().split("\r\n");
  assert.equal(lines[0], '\ufeff"Query","Without a hit","Searches"');
  assert.ok(lines.includes(`"'${FORMULA.replaceAll('"', '""')}","1","1"`), lines.join("\n"));
  assert.ok(lines.includes(`"${HOSTILE.toLowerCase()}","1","1"`), lines.join("\n"));
  const [days] = await Promise.all([page.waitForEvent("download"), section(page, "searches-by-day").locator("summary").click().then(() => section(page, "searches-by-day").getByRole("button").click())]);
  assert.match(readFileSync(await days.path(), "utf8").trimEnd().split("\r\n").at(-1), /^"\d{4}-\d\d-\d\d","3","2","0\.66\d+","1","0","1"$/);
});

test("an empty report says so, and a period that is none is refused", async (t) => {
  const { page, show } = await reports(t);
  await show();
  assert.equal(await page.locator("main svg").count(), 0);
  assert.equal(await page.getByText("Nothing in this period.").count(), await page.locator("main section").count());
  assert.deepEqual(await seriousFindings(page), []);
  await page.locator("#from").fill("2026-03-02");
  await page.locator("#to").fill("2026-03-01");
  await page.getByRole("button", { name: "Show", exact: true }).click();
  await page.getByRole("alert").getByText("The first day must not be after the last one.").waitFor();
  // The server's refusal is told in its words.
  await page.locator("#from").fill("2020-03-02");
  await page.getByRole("button", { name: "Show", exact: true }).click();
  await page.waitForFunction(() => document.querySelector("#failed").textContent.length > 60 || /valid|field/i.test(document.querySelector("#failed").textContent));
  await page.getByRole("button", { name: "7 days" }).click();
  await page.locator(".sums").waitFor();
  assert.equal(await page.getByRole("alert").count(), 0);
});

test("everything is reached by the keyboard", async (t) => {
  const { server, page, show } = await reports(t);
  work(server);
  await show();
  const reached = new Set();
  for (let step = 0; step < 60; step++) {
    await page.keyboard.press("Tab");
    reached.add(await page.evaluate(() => document.activeElement?.id || document.activeElement?.closest("section")?.dataset.name || document.activeElement?.textContent));
    if ((await page.evaluate(() => document.activeElement?.closest("section")?.dataset.name)) === "searches-by-day") break;
  }
  for (const name of ["to-console", "from", "to", "7 days", "of", "agent", "document", "show", "language", "searches-by-day"]) assert.ok(reached.has(name), `${name} of ${[...reached]}`);
  await page.keyboard.press("Enter");
  assert.equal(await section(page, "searches-by-day").locator("details").getAttribute("open"), "");
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.getAttribute("role")), "region", "a table that scrolls takes the focus");
});

for (const [language, words, share] of [
  ["tr", ["Raporlar", "Sonuçsuz aramalar", "Temsilciye ve sonuca göre öneriler"], "%66,7"],
  ["hu", ["Jelentések", "Találat nélküli keresések", "Javaslatok munkatársanként és kimenetel szerint"], "66,7%"],
  ["de", ["Berichte", "Suchen ohne Treffer", "Vorschläge nach Person und Ausgang"], "66,7\u00a0%"],
]) {
  test(`the reports speak ${language}, with its numbers and days`, async (t) => {
    const { server, page, show } = await reports(t, { query: `?language=${language}` });
    work(server);
    await show();
    assert.equal(await page.locator("html").getAttribute("lang"), language);
    assert.equal(await page.locator("h1").innerText(), words[0]);
    for (const word of words.slice(1)) await page.getByRole("heading", { name: word, exact: true }).waitFor();
    const today = (await cells(page, "searches-by-day")).at(-1);
    assert.equal(today[3], share);
    assert.equal(today[0], new Intl.DateTimeFormat(language, { dateStyle: "medium" }).format(new Date()));
    const said = await page.locator("body").innerText();
    for (const english of ["Searches", "Suggestions", "Download", "Without", "Nothing", "Outcome"]) assert.ok(!said.includes(english), english);
  });
}

test("a phone, the other direction and the dark have it, too", async (t) => {
  for (const colorScheme of ["light", "dark"]) {
    const { server, page, show } = await reports(t, { viewport: { width: 390, height: 800 }, colorScheme });
    work(server);
    await show();
    for (const direction of ["ltr", "rtl"]) {
      await page.evaluate((direction) => (document.documentElement.dir = direction), direction);
      await page.locator("details").evaluateAll((all) => all.forEach((details) => (details.open = true)));
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 390, `${direction}: nothing stands out of the page`);
      assert.deepEqual(await seriousFindings(page), [], `${direction} ${colorScheme}`);
    }
    // A chart is drawn for the width that there is, so that its words can be read.
    const box = await section(page, "searches-by-day").locator("svg").first().evaluate((svg) => [svg.viewBox.baseVal.width, svg.getBoundingClientRect().width]);
    assert.ok(Math.abs(box[0] - box[1]) < 40, String(box));
    await page.setViewportSize({ width: 1200, height: 800 });
    await page.waitForFunction(() => document.querySelector("section svg").viewBox.baseVal.width > 800);
    assert.deepEqual(await seriousFindings(page), [], `${colorScheme}, wide`);
  }
});

test("a key of the scope author is asked for, and kept with the tab alone", async (t) => {
  const server = await serve(t, { args: ["--console"], keys: [["--scope", "author"], ["--scope", "agent"]] });
  const page = await open(t);
  await page.goto(`${server.url}/reports`);
  const field = page.getByLabel("Key");
  await field.waitFor();
  await page.waitForFunction(() => document.activeElement?.id === "key");
  await field.fill(server.keys[1]);
  await field.press("Enter");
  await page.waitForFunction(() => document.querySelector("#failed").textContent);
  assert.equal(await page.locator(".sums").count(), 0, "a key of the scope agent shows nothing");
  await field.fill(server.keys[0]);
  await field.press("Enter");
  await page.locator(".sums").waitFor();
  assert.equal(await field.isVisible(), false);
  assert.equal(await page.evaluate((key) => JSON.stringify(localStorage).includes(key) || document.cookie.includes(key) || location.href.includes(key), server.keys[0]), false);
  await page.reload();
  await page.locator(".sums").waitFor();
  const another = await open(t);
  await another.goto(`${server.url}/reports`);
  await another.getByLabel("Key").waitFor();
});

test("figures by agent are not there where they are switched off, and pages not without the console", async (t) => {
  const server = await serve(t, { args: ["--console", "--report-agents", "false"] });
  work(server);
  const page = await open(t);
  await shown(page, `${server.url}/reports`);
  await page.getByText("This server reports nothing by agent").waitFor();
  assert.ok(!(await page.locator("main").innerText()).includes("agent-selin"));
  assert.equal(await section(page, "suggestions-by-agent").count(), 0);
  assert.equal(await page.locator("#agent").isVisible(), false, "nor is there a filter");
  const without = await serve(t);
  assert.equal((await fetch(`${without.url}/reports`)).status, 404);
});
