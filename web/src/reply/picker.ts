// A reply that begins with a slash looks canned answers up: a listbox that the keyboard leads while the text keeps the focus.
import type { Suggestion } from "../gen/deskhand/v1/replies_pb";
import { make } from "../dom";
import type { Texts } from "./texts";

/** How many are shown. */
export const MAX_PICKED = 6;

export class Picker {
  readonly element: HTMLElement;
  #box: HTMLTextAreaElement;
  #ask: (query: string) => Promise<Suggestion[]>;
  #take: (suggestion: Suggestion) => void;
  #failed: (error: unknown) => void;
  #shown: Suggestion[] = [];
  /** What was typed when these were looked up. */
  #shownFor = "";
  #chosen = 0;
  /** Counts what was typed: an answer to something older is dropped. */
  #typed = 0;

  constructor(box: HTMLTextAreaElement, texts: Texts, ask: (query: string) => Promise<Suggestion[]>, take: (suggestion: Suggestion) => void, failed: (error: unknown) => void) {
    this.#box = box;
    this.#ask = ask;
    this.#take = take;
    this.#failed = failed;
    this.element = make("ul", { class: "picker", part: "picker", role: "listbox", id: "picker", hidden: "", "aria-label": texts.canned });
    box.setAttribute("aria-controls", "picker");
    this.element.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      const place = [...this.element.children].indexOf((event.target as Element).closest("li")!);
      if (place >= 0) this.#takeAt(place);
    });
  }

  /** Looks up what was typed. */
  async look(): Promise<void> {
    const query = this.#box.value;
    const typed = ++this.#typed;
    if (!/^\/[^\n]*$/.test(query)) return this.hide();
    try {
      // What is no shortcut's beginning is a word.
      const byShortcut = await this.#ask(query);
      const found = byShortcut.length || typed !== this.#typed ? byShortcut : await this.#ask(query.slice(1));
      if (typed !== this.#typed) return;
      this.#shown = found;
      this.#shownFor = query;
      this.element.replaceChildren(
        ...found.map(({ title, text }, place) => make("li", { role: "option", id: `picked-${place}` }, make("strong", {}, title), make("span", {}, text))),
      );
      this.element.hidden = found.length === 0;
      this.#choose(0);
    } catch (error) {
      if (typed === this.#typed) this.#failed(error);
    }
  }

  /** Whether a key was for the list. */
  key(event: KeyboardEvent): boolean {
    if (this.element.hidden) return false;
    const last = this.#shown.length - 1;
    if (event.key === "ArrowDown") this.#choose(this.#chosen >= last ? 0 : this.#chosen + 1);
    else if (event.key === "ArrowUp") this.#choose(this.#chosen <= 0 ? last : this.#chosen - 1);
    else if (event.key === "Enter" || event.key === "Tab") {
      // What something older found is not taken for what was typed since.
      if (this.#shownFor === this.#box.value) this.#takeAt(this.#chosen);
    } else if (event.key === "Escape") this.hide();
    else return false;
    return true;
  }

  hide(): void {
    this.#typed++;
    this.element.hidden = true;
    this.#box.removeAttribute("aria-activedescendant");
  }

  #choose(place: number): void {
    this.#chosen = place;
    [...this.element.children].forEach((option, index) => option.setAttribute("aria-selected", String(index === place)));
    this.element.children[place]?.scrollIntoView({ block: "nearest" });
    if (!this.element.hidden) this.#box.setAttribute("aria-activedescendant", `picked-${place}`);
  }

  #takeAt(place: number): void {
    const suggestion = this.#shown[place];
    this.hide();
    if (suggestion) this.#take(suggestion);
  }
}
