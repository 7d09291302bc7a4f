// The receipt of a generated text: what it was made from, what was left out and why, what was masked, what it cites.
import { Engine, type Finished } from "../gen/deskhand/v1/replies_pb";
import { link, make } from "../dom";
import type { Texts } from "./texts";

export function showReceipt(panel: HTMLElement, finished: Finished, texts: Texts): void {
  const { context, usage } = finished;
  const engine = finished.engine === Engine.MODEL ? finished.model : texts.builtIn;
  const made = texts.by(engine, usage?.totalMs ?? 0);
  const rows: HTMLElement[] = [];
  for (const [name, label] of Object.entries(texts.classes)) {
    const part = context?.[name as keyof typeof texts.classes];
    if (!part?.total) continue;
    const left = part.omissions.map(({ reason, count }) => `${count} ${texts.reasons[reason] ?? ""}`).join(", ");
    rows.push(make("tr", {}, make("th", { scope: "row" }, label), make("td", {}, `${part.used} / ${part.total}`), make("td", {}, left)));
  }
  const head = make("tr", {}, ...[texts.receiptClass, texts.used, texts.leftOut].map((name) => make("th", { scope: "col" }, name)));
  const table = make("table", {}, make("thead", {}, head), make("tbody", {}, ...rows));
  const masked = Object.entries(context?.masked ?? {}).map(([kind, count]) => `${texts.kinds[kind] ?? kind} (${count})`);
  const foot = [texts.tokens(context?.tokensUsed ?? 0, context?.tokenBudget ?? 0), ...(masked.length ? [`${texts.masked}: ${masked.join(", ")}`] : [])];
  panel.replaceChildren(
    make("details", {}, make("summary", {}, `${texts.receipt} · ${made}`), ...(rows.length ? [table] : []), make("p", {}, foot.join(" · "))),
  );
  panel.hidden = false;
}

/** A button for words of the reply: a click selects them there. */
export function pointsAt(box: HTMLTextAreaElement, kind: string, excerpt: string, ...says: string[]): HTMLButtonElement {
  const button = make("button", { type: "button", class: kind, part: kind }, ...(excerpt ? [make("q", {}, excerpt)] : []), ...says);
  button.addEventListener("click", () => {
    const at = excerpt ? box.value.indexOf(excerpt) : -1;
    box.focus();
    if (at >= 0) box.setSelectionRange(at, at + excerpt.length);
  });
  return button;
}

/** Each source with the sentences that cite it. */
export function showSources(panel: HTMLElement, finished: Finished, box: HTMLTextAreaElement, texts: Texts): void {
  const items = finished.sources.map(({ title, url, excerpts }) => make("li", {}, link(url, title), ...excerpts.map((excerpt) => pointsAt(box, "cites", excerpt))));
  panel.replaceChildren(make("strong", {}, texts.sources), make("ol", {}, ...items));
  panel.hidden = items.length === 0;
}
