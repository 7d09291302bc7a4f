// The help center's pages in a real browser, with scripts and without, against the served binary.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { call, closeBrowser, findings, open, serve } from "./desk.js";

after(closeBrowser);

/** Most bytes of a page with its style sheet and its script, as they are before compression, without pictures. */
const MOST_BYTES = 40_000;
const PHONE = { width: 360, height: 740 };
const ARABIC = {
  id: "towels",
  language: "ar",
  title: "كيف أغسل المناشف؟",
  category: "products",
  body: "اغسلها على حرارة أربعين درجة.\n\n## الجدول\n\n| اللون | الحرارة | ملاحظة طويلة عن الغسيل والتجفيف والكي |\n|---|---|---|\n| أبيض | 60 | نعم |\n\n## الخطوات\n\n1. افتح الغسالة.\n2. ضع المناشف.\n\n## المزيد\n\n> اقرأ [الدليل](towels.md) و`KE-1`.\n\n```\nsome code that is longer than a phone is wide, so that it has to be broken into lines\n```\n",
};
const PAGES = {
  index: "/help/en",
  category: "/help/en/categories/shipping",
  article: "/help/en/cancel-or-change-order",
  turkish: "/help/tr/return-an-item",
  results: "/help/en/search?q=refund",
  nothing: "/help/en/search?q=xqzwv",
  missing: "/help/en/none",
  thanks: "/help/en/cancel-or-change-order?rating=0d3ad4ee-6a36-4e5c-8a5f-0d3ad4ee6a36&why=1",
  "an index from right to left": "/help/ar",
  "an article from right to left": "/help/ar/towels",
};

async function served(t) {
  const server = await serve(t);
  call(server, "KnowledgeService/PutArticles", { articles: [ARABIC] });
  return server;
}

for (const colorScheme of ["light", "dark"]) {
  for (const [device, viewport] of Object.entries({ desktop: { width: 1280, height: 800 }, phone: PHONE })) {
    test(`axe finds nothing on any page: ${colorScheme}, ${device}`, async (t) => {
      const server = await served(t);
      for (const hasScript of [true, false]) {
        const page = await open(t, { colorScheme, viewport });
        // What is shown without the script; axe itself needs scripts.
        if (!hasScript) await page.route("**/search.js", (route) => route.abort());
        for (const [name, path] of Object.entries(PAGES)) {
          const response = await page.goto(server.url + path);
          assert.equal(response.status(), name === "missing" ? 404 : 200, name);
          assert.deepEqual(await findings(page), [], `${name}, ${hasScript ? "with" : "without"} its script`);
          const [width, most] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
          assert.ok(width <= most, `${name} is ${width} wide of ${most}`);
        }
      }
    });
  }
}

test("a page with all that it loads is at most 40 KB before compression", async (t) => {
  const server = await served(t);
  for (const [name, path] of Object.entries(PAGES)) {
    // A browser that has seen nothing of it before.
    const page = await open(t);
    const sent = [];
    page.on("response", (response) => sent.push([response.url(), response.body().then((body) => body.length)]));
    await page.goto(server.url + path, { waitUntil: "networkidle" });
    const sizes = await Promise.all(sent.map(([, size]) => size));
    const bytes = sizes.reduce((sum, size) => sum + size, 0);
    t.diagnostic(`${name}: ${bytes} bytes in ${sizes.length} files`);
    assert.equal(sizes.length, 3, `${name} loads ${sent.map(([url]) => url)}`);
    assert.ok(bytes <= MOST_BYTES, `${name} has ${bytes} bytes`);
  }
});

test("without scripts an article is searched, read, and rated with a reason", async (t) => {
  const server = await served(t);
  const page = await open(t, { javaScriptEnabled: false });
  await page.goto(`${server.url}/help/en`);
  await page.getByLabel("Search for help").fill("cancel my order");
  await page.getByRole("button", { name: "Search" }).click();
  await page.getByRole("heading", { level: 2 }).first().getByRole("link").click();
  assert.equal(await page.getByRole("heading", { level: 1 }).innerText(), "Can I cancel or change my order?");
  await page.getByRole("button", { name: "No", exact: true }).click();
  await page.getByLabel("What was missing?").fill("gift cards");
  await page.getByRole("button", { name: "Send" }).click();
  await page.getByText("Thank you!").waitFor();
  const report = JSON.stringify(call(server, "KnowledgeService/GetSearchReport", {}));
  assert.match(report, /gift cards/);
  assert.match(report, /"opens":\[\{[^\]]*cancel-or-change-order/);
  // Other languages of the article, and the page's topic, are one step away.
  await page.getByRole("link", { name: "Deutsch" }).click();
  assert.match(page.url(), /\/help\/de\/cancel-or-change-order$/);
  assert.equal(await page.locator("html").getAttribute("lang"), "de");
});

test("with scripts answers appear as one types, and lead to pages", async (t) => {
  const server = await served(t);
  const page = await open(t);
  await page.goto(`${server.url}/help/en`);
  const box = page.getByRole("combobox");
  await box.pressSequentially("delete accou");
  await page.getByRole("option").first().waitFor();
  await box.press("ArrowDown");
  await box.press("Enter");
  await page.waitForURL(/\/help\/en\/delete-account$/);
  await page.getByRole("combobox").fill("refund");
  await page.getByRole("option").first().waitFor();
  await page.getByRole("combobox").press("Enter");
  await page.waitForURL(/\/help\/en\/search\?q=refund$/);
  assert.equal(await page.getByRole("combobox").inputValue(), "refund", "what was searched stands in the box");
  await page.getByRole("combobox").fill("customs");
  await page.getByRole("option").first().click();
  await page.waitForURL(/\/help\/en\/customs-and-duties$/);
  const report = JSON.stringify(call(server, "KnowledgeService/GetSearchReport", {}));
  assert.match(report, /delete-account/, "that it was opened is reported");
});

test("the help page's suggestions are the knowledge base's", async (t) => {
  const server = await served(t);
  call(server, "KnowledgeService/PutArticles", { articles: [{ id: "fair", language: "en", title: "Where is the towel fair?", body: "In May.", tags: ["featured"] }] });
  const page = await open(t);
  await page.goto(`${server.url}/help?language=en`);
  const first = page.locator("#examples button").first();
  assert.equal(await first.innerText(), "Where is the towel fair?");
  await first.click();
  await page.getByRole("option", { name: /towel fair/ }).first().waitFor();
  assert.deepEqual((await findings(page)).map(({ said }) => said), []);
});
