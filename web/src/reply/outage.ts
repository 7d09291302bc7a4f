// While no server answers: that it is said, and that it is looked for until it does.
import { make } from "../dom";
import { isGone } from "./connection";
import type { Texts } from "./texts";

/** Shortest and longest pause, in milliseconds, before it is looked for again. */
const FIRST_PAUSE = 2_000;
const LAST_PAUSE = 30_000;

export class Outage {
  readonly element = make("p", { class: "offline", part: "offline", role: "alert", hidden: "" });
  #texts: Texts;
  #look: () => void;
  #next = 0;
  #pause = FIRST_PAUSE;

  /** `look` asks the server something, and says by `lost` or `over` what came of it. */
  constructor(texts: Texts, look: () => void) {
    this.#texts = texts;
    this.#look = look;
  }

  /** Says that no server answers, if an error means that; returns whether it does. */
  lost(error: unknown): boolean {
    if (!isGone(error)) return false;
    this.element.textContent = this.#texts.offline;
    this.element.hidden = false;
    if (this.#next) return true;
    this.#next = window.setTimeout(this.#look, this.#pause);
    this.#pause = Math.min(this.#pause * 2, LAST_PAUSE);
    return true;
  }

  /** Ends the wait for the next look. */
  endWait(): void {
    clearTimeout(this.#next);
    this.#next = 0;
  }

  /** A server answers; returns whether none did before. */
  over(): boolean {
    const was = !this.element.hidden;
    this.element.hidden = true;
    this.#pause = FIRST_PAUSE;
    return was;
  }
}
