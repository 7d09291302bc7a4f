// The authors' page: canned answers and articles with what `check` says of them, the voice, the glossary and the synonyms.
import { make } from "./dom";
import { forgetKey, saveKey, savedKey } from "./authors/api";
import { Answers } from "./authors/answers";
import { byId, startPage } from "./authors/page";
import { language, texts } from "./authors/texts";
import { Words } from "./authors/words";
import { LANGUAGES } from "./reply/texts";

document.documentElement.lang = language;
document.title = `${texts.title} · Deskhand`;
byId("title").textContent = texts.title;
byId("nav").setAttribute("aria-label", texts.title);
byId("to-answers").textContent = texts.answers;
byId("to-words").textContent = texts.words;
byId("to-reports").textContent = texts.reports;
byId("to-console").textContent = texts.console;
byId("key-ask").textContent = texts.keyAsk;
byId("key-label").prepend(texts.keyLabel);
byId("key-save").textContent = texts.keySave;
byId("key-forget").textContent = texts.keyForget;
byId("key-forget").hidden = savedKey() === "";

const choose = byId<HTMLSelectElement>("language");
choose.setAttribute("aria-label", texts.language);
choose.append(...Object.entries(LANGUAGES).map(([value, name]) => make("option", { value, lang: value }, name)));
choose.value = language;
choose.addEventListener("change", () => {
  localStorage.setItem("deskhand-language", choose.value);
  // The address may ask for another language.
  history.replaceState(null, "", location.pathname + location.hash);
  location.reload();
});

startPage();
const answers = new Answers();
const words = new Words();
const load = (): void => void Promise.all([answers.load(), words.load()]);

byId<HTMLFormElement>("key-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const typed = byId<HTMLInputElement>("key");
  saveKey(typed.value);
  typed.value = "";
  byId("key-form").hidden = true;
  byId("key-forget").hidden = false;
  load();
});
byId("key-forget").addEventListener("click", () => {
  forgetKey();
  location.reload();
});

/** Shows the part that the address names. Each keeps what is being written in it. */
function turn(): void {
  const shown = location.hash === "#words" ? "words" : "answers";
  for (const part of ["answers", "words"]) {
    const isShown = part === shown;
    byId(part).hidden = !isShown;
    const to = byId(`to-${part}`);
    if (isShown) to.setAttribute("aria-current", "page");
    else to.removeAttribute("aria-current");
  }
}
window.addEventListener("hashchange", turn);
window.addEventListener("beforeunload", (event) => {
  if (answers.isChanged || words.isChanged) event.preventDefault();
});
turn();
load();
