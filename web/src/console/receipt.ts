// The receipt of a generated text: what it was made from, what was left out and why, what was masked, what it cites, what is doubtful.
import { Engine, type Finished } from "../gen/deskhand/v1/replies_pb";
import { make } from "../dom";
import { texts } from "./texts";

export function showReceipt(panel: HTMLElement, finished: Finished): void {
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
  const masked = Object.entries(context?.masked ?? {}).map(([kind, count]) => `${count} ${kind}`);
  const foot = [texts.tokens(context?.tokensUsed ?? 0, context?.tokenBudget ?? 0), ...(masked.length ? [`${texts.masked}: ${masked.join(", ")}`] : [])];
  panel.replaceChildren(
    make("details", {}, make("summary", {}, `${texts.receipt} · ${made}`), ...(rows.length ? [table] : []), make("p", {}, foot.join(" · "))),
  );
  panel.hidden = false;
}

export function showSources(panel: HTMLElement, finished: Finished): void {
  const items = finished.sources.map((source) => {
    const safe = /^https?:\/\//.test(source.url);
    return make("li", {}, safe ? make("a", { href: source.url, target: "_blank", rel: "noopener noreferrer" }, source.title) : source.title);
  });
  panel.replaceChildren(make("strong", {}, texts.sources), make("ul", {}, ...items));
  panel.hidden = items.length === 0;
}

/** Each warning; a click selects its words in the reply box. */
export function showWarnings(panel: HTMLElement, finished: Finished, box: HTMLTextAreaElement): void {
  const items = finished.warnings.map(({ excerpt, message }) => {
    const button = make("button", { type: "button", class: "warning" }, ...(excerpt ? [make("q", {}, excerpt), " "] : []), message);
    button.addEventListener("click", () => {
      const at = excerpt ? box.value.indexOf(excerpt) : -1;
      box.focus();
      if (at >= 0) box.setSelectionRange(at, at + excerpt.length);
    });
    return make("li", {}, button);
  });
  panel.replaceChildren(make("strong", {}, texts.warnings), make("ul", {}, ...items));
  panel.hidden = items.length === 0;
}
