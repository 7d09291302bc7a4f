// What is doubtful about the text, at its words, and what it promises: asked again in each pause of typing.
import { timestampDate } from "@bufbuild/protobuf/wkt";
import { WarningKind, type CheckReplyResponse, type CheckedPromise, type Warning } from "../gen/deskhand/v1/replies_pb";
import { make } from "../dom";
import { SOON } from "./connection";
import { pointsAt } from "./receipt";
import type { Texts } from "./texts";

/** How long a pause in typing is, in milliseconds. */
const PAUSE = 400;

type Ask = (text: string, options: { signal: AbortSignal; timeoutMs: number }) => Promise<CheckReplyResponse>;

export class Checks {
  readonly panel = make("section", { class: "panel warnings", part: "panel warnings", hidden: "" });
  #texts: Texts;
  #box: HTMLTextAreaElement;
  #ask: Ask;
  #told: (count: number, error?: unknown) => void;
  #pause = 0;
  #asking: AbortController | null = null;
  /** The warnings that came with the generated text: those at words last as long as the words stand there. */
  #made: Warning[] = [];
  #found: Warning[] = [];
  #promises: CheckedPromise[] = [];
  #shown = "";

  /** `told` is called with the number of things to check once they are known, or with the error of the call. */
  constructor(box: HTMLTextAreaElement, texts: Texts, ask: Ask, told: (count: number, error?: unknown) => void) {
    this.#box = box;
    this.#texts = texts;
    this.#ask = ask;
    this.#told = told;
  }

  /** The words that are doubtful. */
  get excerpts(): string[] {
    return this.#all().map(({ excerpt }) => excerpt).filter(Boolean);
  }

  /** Begins with what is said of a generated text, which is checked at once: what is shown below it does not move while it is read. */
  begin(made: Warning[]): void {
    this.clear();
    this.#made = made;
    this.#show();
    if (this.#box.value.trim()) void this.#check(this.#box.value);
  }

  /** Forgets everything and asks nothing more. */
  clear(): void {
    this.#asking?.abort();
    clearTimeout(this.#pause);
    this.#made = this.#found = [];
    this.#promises = [];
    this.#show();
  }

  /** Checks the text after a pause. A check that is still under way is of an older text: it ends. */
  later(): void {
    this.#asking?.abort();
    clearTimeout(this.#pause);
    const text = this.#box.value;
    if (!text.trim() || text.startsWith("/")) {
      this.clear();
      return;
    }
    // What was said of words that are gone is gone at once.
    this.#show();
    this.#pause = window.setTimeout(() => void this.#check(text), PAUSE);
  }

  async #check(text: string): Promise<void> {
    const asking = new AbortController();
    this.#asking = asking;
    try {
      const found = await this.#ask(text, { ...SOON, signal: asking.signal });
      if (asking.signal.aborted) return;
      this.#found = found.warnings;
      this.#promises = found.promises;
      this.#show();
      this.#told(this.#all().length);
    } catch (error) {
      if (!asking.signal.aborted) this.#told(0, error);
    }
  }

  #all(): Warning[] {
    const standing = [...this.#made, ...this.#found].filter(({ excerpt }) => this.#box.value.includes(excerpt));
    const known = new Set<string>();
    return standing.filter(({ kind, excerpt, message }) => {
      const name = `${kind} ${excerpt || message}`;
      return !known.has(name) && known.add(name);
    });
  }

  #show(): void {
    const texts = this.#texts;
    const standing = this.#promises.filter(({ text }) => this.#box.value.includes(text));
    // Who stands on one of them stays there while nothing changes.
    const shown = JSON.stringify([this.#all().map(({ kind, excerpt, message }) => [kind, excerpt, message]), standing.map(({ text, due }) => [text, Number(due?.seconds)])]);
    if (shown === this.#shown) return;
    this.#shown = shown;
    const warnings = this.#all().map(({ kind, excerpt, message }) => {
      // The question itself stands in the message.
      const question = kind === WarningKind.QUESTION_UNANSWERED ? `: ${message.slice(message.indexOf(":") + 1).trim()}` : "";
      return make("li", {}, pointsAt(this.#box, "warning", excerpt, excerpt ? " " : "", (texts.doubts[kind] ?? message) + question));
    });
    const day = new Intl.DateTimeFormat(texts.language, { dateStyle: "medium", timeZone: "UTC" });
    const promises = standing.map(({ text, due }) =>
      make("li", {}, pointsAt(this.#box, "promise", text, due ? ` ${texts.byDay(day.format(timestampDate(due)))}` : "")),
    );
    const list = (title: string, items: HTMLElement[]) => (items.length ? [make("strong", {}, title), make("ul", {}, ...items)] : []);
    this.panel.replaceChildren(...list(texts.warnings, warnings), ...list(texts.promises, promises));
    this.panel.hidden = warnings.length + promises.length === 0;
  }
}
