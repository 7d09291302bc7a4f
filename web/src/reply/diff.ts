// What a rewrite changed, to be taken in part: a list of stretches, each kept or a change that is taken or left.
import { SegmentKind, type Segment } from "../gen/deskhand/v1/knowledge_pb";
import { button, make } from "../dom";
import type { Texts } from "./texts";

interface Kept {
  kept: string;
}

interface Change {
  removed: string;
  added: string;
  taken: boolean;
}

type Stretch = Kept | Change;

/** Puts what was removed and added side by side into one change. */
function stretches(edits: Segment[]): Stretch[] {
  const all: Stretch[] = [];
  for (const { text, kind } of edits) {
    const last = all.at(-1);
    const change = last && "removed" in last ? last : null;
    if (kind === SegmentKind.REMOVED) change ? (change.removed += text) : all.push({ removed: text, added: "", taken: true });
    else if (kind === SegmentKind.ADDED) change ? (change.added += text) : all.push({ removed: "", added: text, taken: true });
    else all.push({ kept: text });
  }
  return all;
}

/** The text with the changes that are taken. */
function textOf(all: Stretch[]): string {
  return all.map((part) => ("kept" in part ? part.kept : part.taken ? part.added : part.removed)).join("");
}

/** The changes as an agent sees them; `changed` is called with the text when one is taken or left. */
export function showDiff(panel: HTMLElement, edits: Segment[], texts: Texts, changed: (text: string) => void): void {
  const all = stretches(edits);
  const changes = all.filter((part): part is Change => "removed" in part);
  // What colours and strokes say to the eye is said in words to the ear.
  const said = (word: string, part: HTMLElement) => [make("span", { class: "unseen" }, ` ${word} `), part];
  const paint = () => {
    body.replaceChildren(
      ...all.map((part) => {
        if ("kept" in part) return make("span", {}, part.kept);
        const change = make("button", { type: "button", class: "change", part: "change", "aria-pressed": String(part.taken) });
        if (part.removed) change.append(...said(texts.removed, make("del", {}, part.removed)));
        if (part.added) change.append(...said(texts.added, make("ins", {}, part.added)));
        change.addEventListener("click", () => {
          part.taken = !part.taken;
          const place = changes.indexOf(part);
          paint();
          changed(textOf(all));
          body.querySelectorAll<HTMLElement>(".change")[place]?.focus();
        });
        return change;
      }),
    );
  };
  const takeAll = (taken: boolean) => {
    for (const change of changes) change.taken = taken;
    paint();
    changed(textOf(all));
  };
  const body = make("div", { class: "diff", dir: "auto" });
  const every = [button(texts.takeAll, () => takeAll(true), { class: "quiet" }), button(texts.takeNone, () => takeAll(false), { class: "quiet" })];
  paint();
  panel.replaceChildren(make("div", { class: "row" }, make("strong", {}, texts.changes), ...every), body);
  panel.hidden = changes.length === 0;
}
