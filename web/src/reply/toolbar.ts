// A toolbar as ARIA's practices have it: one stop of the Tab key, and arrows, Home and End from there. What a page puts into the slot
// `tools` belongs to it.
import { Tone } from "../gen/deskhand/v1/replies_pb";
import { button, make } from "../dom";
import type { Calls, Rewrite } from "./calls";
import type { Texts } from "./texts";

export class Toolbar {
  readonly element: HTMLElement;
  #own: HTMLElement[];
  #slot = make("slot", { name: "tools" });

  constructor(label: string, own: HTMLElement[]) {
    this.#own = own;
    this.element = make("div", { class: "tools", part: "toolbar", role: "toolbar", "aria-label": label }, ...own, this.#slot);
    this.#stopAt(own[0]);
    this.#slot.addEventListener("slotchange", () => this.#stopAt(this.#own[0]));
    this.element.addEventListener("keydown", (event) => this.#key(event));
    this.element.addEventListener("focusin", (event) => this.#stopAt(event.target as HTMLElement));
  }

  #all(): HTMLElement[] {
    return [...this.#own, ...this.#slot.assignedElements().filter((tool): tool is HTMLElement => tool instanceof HTMLElement)];
  }

  #stopAt(stop: HTMLElement | undefined): void {
    const all = this.#all();
    if (!stop || !all.includes(stop)) return;
    for (const tool of all) tool.tabIndex = tool === stop ? 0 : -1;
  }

  #key(event: KeyboardEvent): void {
    const all = this.#all();
    const at = all.findIndex((tool) => tool.tabIndex === 0);
    const forward = getComputedStyle(this.element).direction === "rtl" ? "ArrowLeft" : "ArrowRight";
    const next =
      event.key === "Home" ? 0
      : event.key === "End" ? all.length - 1
      : event.key === forward ? (at + 1) % all.length
      : event.key === "ArrowLeft" || event.key === "ArrowRight" ? (at - 1 + all.length) % all.length
      : -1;
    if (next < 0) return;
    event.preventDefault();
    all[next]?.focus();
  }
}

/** The reply's own tools. */
export function replyTools(texts: Texts, calls: Calls, draft: () => void, rewrite: (ask: Rewrite) => void): Toolbar {
  const rewrites: [string, Rewrite][] = [
    [texts.correct, calls.correct],
    [texts.formal, calls.retone(Tone.FORMAL)],
    [texts.friendly, calls.retone(Tone.FRIENDLY)],
    [texts.concise, calls.retone(Tone.CONCISE)],
    [texts.empathetic, calls.retone(Tone.EMPATHETIC)],
    [texts.simple, calls.retone(Tone.SIMPLE)],
    [texts.translate, calls.translate],
  ];
  return new Toolbar(texts.actions, [button(texts.draft, draft, { class: "first", part: "button primary" }), ...rewrites.map(([name, ask]) => button(name, () => rewrite(ask)))]);
}
