// What a rewrite changed, to be taken in part: a list of stretches, each kept or a change that is taken or left.
import { SegmentKind, type Segment } from "../gen/deskhand/v1/knowledge_pb";
import { make } from "../dom";
import { texts } from "./texts";

interface Kept {
  kept: string;
}

export interface Change {
  removed: string;
  added: string;
  taken: boolean;
}

export type Stretch = Kept | Change;

/** Puts what was removed and added side by side into one change. */
export function stretches(edits: Segment[]): Stretch[] {
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
export function textOf(all: Stretch[]): string {
  return all.map((part) => ("kept" in part ? part.kept : part.taken ? part.added : part.removed)).join("");
}

/** The changes as an agent sees them; `changed` is called with the text when one is taken or left. */
export function showDiff(panel: HTMLElement, edits: Segment[], changed: (text: string) => void): void {
  const all = stretches(edits);
  const changes = all.filter((part): part is Change => "removed" in part);
  const paint = () => {
    body.replaceChildren(
      ...all.map((part) => {
        if ("kept" in part) return make("span", {}, part.kept);
        const button = make("button", { type: "button", class: "change", "aria-pressed": String(part.taken) });
        button.append(...(part.removed ? [make("del", {}, part.removed)] : []), ...(part.added ? [make("ins", {}, part.added)] : []));
        button.addEventListener("click", () => {
          part.taken = !part.taken;
          const place = changes.indexOf(part);
          paint();
          changed(textOf(all));
          body.querySelectorAll<HTMLElement>(".change")[place]?.focus();
        });
        return button;
      }),
    );
  };
  const every = (name: string, taken: boolean) => {
    const button = make("button", { type: "button", class: "quiet" }, name);
    button.addEventListener("click", () => {
      for (const change of changes) change.taken = taken;
      paint();
      changed(textOf(all));
    });
    return button;
  };
  const body = make("div", { class: "diff" });
  const heading = make("div", { class: "row" }, make("strong", {}, texts.changes), every(texts.takeAll, true), every(texts.takeNone, false));
  paint();
  panel.replaceChildren(heading, body);
  panel.hidden = changes.length === 0;
}
