// The text field: the text, what is marked in it, and what it was before.
import { make } from "../dom";
import type { Texts } from "./texts";

const MAX_UNDO = 50;

/** A text in parts: the stretches that are one of `excerpts`, made into something, and what is between them. */
export function parted(text: string, excerpts: string[], made: (excerpt: string) => Node): (Node | string)[] {
  const parts: (Node | string)[] = [];
  const first = () =>
    excerpts
      .map((excerpt) => ({ excerpt, at: text.indexOf(excerpt) }))
      .filter(({ at }) => at >= 0)
      .sort((one, other) => one.at - other.at || other.excerpt.length - one.excerpt.length)[0];
  for (let found = first(); found; found = first()) {
    parts.push(text.slice(0, found.at), made(found.excerpt));
    text = text.slice(found.at + found.excerpt.length);
  }
  return [...parts, text];
}

/** A text, with what it is known to be and what it was before. */
export interface Kept<Known> {
  text: string;
  known: Known | null;
  before: { text: string; known: Known | null }[];
}

/** A text field whose undo brings back, with a text, what it was known to be: `Known`. */
export class Editor<Known> {
  readonly box: HTMLTextAreaElement;
  readonly mirror = make("div", { class: "mirror", "aria-hidden": "true", dir: "auto" });
  /** What the text is known to be. */
  known: Known | null = null;
  /** The sentences that cite a source. */
  cited: string[] = [];
  #doubtful: () => string[];
  #before: { text: string; known: Known | null }[] = [];

  /** `doubtful` are the words that are marked. */
  constructor(texts: Texts, doubtful: () => string[]) {
    this.#doubtful = doubtful;
    this.box = make("textarea", { rows: "5", maxlength: "8000", dir: "auto", part: "input", placeholder: texts.placeholder, "aria-label": texts.reply, id: "reply", spellcheck: "true" });
    this.box.addEventListener("scroll", () => (this.mirror.scrollTop = this.box.scrollTop));
  }

  get text(): string {
    return this.box.value;
  }

  set text(text: string) {
    this.box.value = text;
    this.paint();
  }

  /** Behind the text: the sentences that cite a source are underlined, the words that are doubtful are marked. */
  paint(): void {
    const excerpts = this.#doubtful();
    const doubtful = (text: string) => parted(text, excerpts, (words) => make("mark", {}, words));
    const parts = parted(this.text, this.cited, (sentence) => make("span", { class: "cited" }, ...doubtful(sentence)));
    this.mirror.replaceChildren(...parts.flatMap((part) => (typeof part === "string" ? doubtful(part) : part)), "\n");
    this.mirror.scrollTop = this.box.scrollTop;
  }

  /** Puts a text where the cursor stands, or in place of nothing; returns the whole. */
  withInserted(text: string): string {
    const { value, selectionStart, selectionEnd } = this.box;
    return value.trim() ? value.slice(0, selectionStart) + text + value.slice(selectionEnd) : text;
  }

  get canUndo(): boolean {
    return this.#before.length > 0;
  }

  /** Keeps the text, to come back to. */
  remember(): void {
    if (this.#before.at(-1)?.text !== this.text) this.#before.push({ text: this.text, known: this.known });
    this.#before.splice(0, this.#before.length - MAX_UNDO);
  }

  undo(): void {
    const before = this.#before.pop();
    if (!before) return;
    this.known = before.known;
    this.text = before.text;
  }

  /** Forgets what is kept if it is what the text is again: undoing would change nothing. */
  forget(): void {
    if (this.#before.at(-1)?.text === this.text) this.#before.pop();
  }

  /** All of it, to be put back. */
  get kept(): Kept<Known> {
    return { text: this.text, known: this.known, before: this.#before };
  }

  /** Puts back what was kept; without it the field is empty for good. */
  putBack({ text, known, before }: Kept<Known> = { text: "", known: null, before: [] }): void {
    this.#before = before;
    this.known = known;
    this.text = text;
  }
}
