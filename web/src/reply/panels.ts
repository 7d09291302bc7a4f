// What stands under a generated text: what was changed, what it cites, what it was made from.
import type { Finished } from "../gen/deskhand/v1/replies_pb";
import { make } from "../dom";
import { showDiff } from "./diff";
import { showReceipt, showSources } from "./receipt";
import type { Texts } from "./texts";

export class Panels {
  readonly diff = make("section", { class: "panel", part: "panel diff", hidden: "" });
  readonly sources = make("section", { class: "panel sources", part: "panel sources", hidden: "" });
  readonly receipt = make("section", { class: "panel receipt", part: "panel receipt", hidden: "" });
  #texts: Texts;
  #box: HTMLTextAreaElement;

  constructor(texts: Texts, box: HTMLTextAreaElement) {
    this.#texts = texts;
    this.#box = box;
  }

  hide(): void {
    for (const panel of [this.diff, this.sources, this.receipt]) panel.hidden = true;
  }

  /** Shows what is said of a text; `taken` is called with the text when a change of a rewrite is taken or left. */
  show(finished: Finished, taken: ((text: string) => void) | null): void {
    if (taken) showDiff(this.diff, finished.edits, this.#texts, taken);
    showSources(this.sources, finished, this.#box, this.#texts);
    showReceipt(this.receipt, finished, this.#texts);
  }
}
