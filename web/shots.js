// Writes pictures of the pages to shots/, at three widths, light and dark: `npm run shots`. The sample shop is served for it.
import { after, test } from "node:test";
import { mkdirSync } from "node:fs";
import { call, closeBrowser, model, open, sampleChats, serve, site } from "./test/desk.js";

after(closeBrowser);
const WIDTHS = [[360, 740], [820, 1100], [1400, 900]];
mkdirSync(new URL("shots", import.meta.url), { recursive: true });
const shot = (page, name) => page.screenshot({ path: new URL(`shots/${name}.png`, import.meta.url).pathname });

test("the help page", async (t) => {
  const server = await serve(t);
  for (const colorScheme of ["light", "dark"]) {
    for (const [width, height] of WIDTHS) {
      const page = await open(t, { viewport: { width, height }, colorScheme });
      const at = (name) => `help-${name}-${width}-${colorScheme}`;
      await page.goto(`${server.url}/help?language=tr`);
      await shot(page, at("empty"));
      await page.getByRole("combobox").fill("siparis");
      await page.getByRole("option").first().waitFor();
      await page.keyboard.press("ArrowDown");
      await shot(page, at("results"));
      await page.keyboard.press("Enter");
      await page.getByRole("dialog").waitFor();
      await shot(page, at("article"));
      await page.keyboard.press("Escape");
      await page.getByRole("combobox").fill("qqxxzz");
      await page.getByRole("button", { name: "Bize ulaşın" }).waitFor();
      await shot(page, at("nothing"));
    }
  }
});

test("the console", async (t) => {
  const draft = "Merhaba Elif Hanım,\n\nSiparişiniz dün kargoya verildi ve 24 Kasım'da elinizde olacak. Gecikme için 50 TL indirim tanımladık.\n\nSevgiler";
  const scripted = await model(t, ([, { content }]) => ({
    text: content.startsWith("Merhaba") ? content.replace("hanim", "Hanım").replace("siparisiniz", "siparişiniz").replace("yolda", "yola çıktı") : draft,
  }));
  const server = await serve(t, { args: ["--console"], env: scripted.env });
  for (const chat of sampleChats()) call(server, "ChatService/AppendEvents", chat);
  for (const colorScheme of ["light", "dark"]) {
    for (const [width, height] of WIDTHS) {
      const page = await open(t, { viewport: { width, height }, colorScheme });
      const at = (name) => `console-${name}-${width}-${colorScheme}`;
      await page.goto(`${server.url}/console#chat-elif-web`);
      await page.locator(".suggestions button").first().waitFor();
      await shot(page, at("chat"));
      await page.getByRole("button", { name: "Draft" }).click();
      await page.locator(".receipt summary").click();
      await shot(page, at("draft"));
      await page.getByRole("textbox", { name: "Reply", exact: true }).fill("Merhaba Elif hanim, siparisiniz yolda.");
      await page.getByRole("button", { name: "Formal" }).click();
      await page.locator(".receipt summary").waitFor();
      await shot(page, at("diff"));
    }
  }
});

test("the reply box", async (t) => {
  const scripted = await model(t, () => ({ text: "Merhaba Elif Hanım,\n\nsiparişiniz dün kargoya verildi [[1]]. Gecikme için 50 TL indirim tanımladık, 24 Kasım'da elinizde olacak." }));
  let page = "";
  const origin = await site(t, () => page);
  const server = await serve(t, { env: scripted.env, keys: [["--scope", "agent", "--origin", origin]] });
  for (const chat of sampleChats()) call(server, "ChatService/AppendEvents", chat, server.keys[0]);
  page = `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark"><title>x</title>
    <deskhand-reply chat="chat-elif-web" agent-id="agent-selin" agent-name="Selin" key="${server.keys[0]}"></deskhand-reply><script src="${server.url}/reply.js"></script>`;
  for (const [name, context] of Object.entries({ light: { viewport: { width: 960, height: 640 } }, dark: { colorScheme: "dark", viewport: { width: 960, height: 640 } }, small: { viewport: { width: 320, height: 1400 } } })) {
    const shown = await open(t, context);
    await shown.goto(origin);
    await shown.locator(".suggestions button").first().waitFor();
    await shown.getByRole("button", { name: "Draft" }).click();
    await shown.locator(".receipt summary").waitFor();
    await shown.getByText(/things? to check/).waitFor();
    await shot(shown, `reply-box-${name}`);
  }
});
