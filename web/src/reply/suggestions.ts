// What fits the chat, ranked; inserted by a click or by Alt and its number. What is for agents alone is opened by them, to be read.
import { Audience, DocumentKind, SegmentKind, type Segment } from "../gen/deskhand/v1/knowledge_pb";
import type { Suggestion } from "../gen/deskhand/v1/replies_pb";
import { make } from "../dom";
import type { Texts } from "./texts";

/** How many are shown. */
export const MAX_SUGGESTIONS = 5;

export class Suggestions {
  readonly element = make("ol", { class: "suggestions", part: "suggestions" });
  #texts: Texts;
  #insert: (suggestion: Suggestion) => void;
  #shown: Suggestion[] = [];

  constructor(texts: Texts, insert: (suggestion: Suggestion) => void) {
    this.#texts = texts;
    this.#insert = insert;
    this.element.setAttribute("aria-label", texts.suggestions);
  }

  show(suggestions: Suggestion[]): void {
    this.#shown = suggestions;
    this.element.replaceChildren(...suggestions.map((suggestion, place) => this.#item(suggestion, place)));
    if (suggestions.length === 0) this.say(this.#texts.noSuggestions);
  }

  /** Says something in place of suggestions. */
  say(text: string): void {
    this.#shown = [];
    this.element.replaceChildren(make("li", { class: "empty" }, text));
  }

  /** Inserts the one whose number was pressed with Alt; whether there is one. */
  key(event: KeyboardEvent): boolean {
    const number = event.altKey && !event.ctrlKey && !event.metaKey ? /^Digit([1-9])$/.exec(event.code)?.[1] : undefined;
    const suggestion = this.#shown[Number(number) - 1];
    if (suggestion) this.#take(suggestion);
    return suggestion !== undefined;
  }

  #take(suggestion: Suggestion): void {
    if (suggestion.audience !== Audience.AGENTS) return this.#insert(suggestion);
    // What is for agents alone is read here, never sent.
    const inside = this.element.children[this.#shown.indexOf(suggestion)]?.querySelector("details");
    if (!inside) return;
    inside.open = !inside.open;
    inside.querySelector("summary")?.focus();
  }

  #item(suggestion: Suggestion, place: number): HTMLElement {
    const texts = this.#texts;
    const inside = suggestion.audience === Audience.AGENTS;
    const kind = suggestion.kind === DocumentKind.ARTICLE ? texts.article : texts.canned;
    const [title, parts] = titled(suggestion.segments);
    const about = [kind, ...(inside ? [texts.inside] : []), ...(suggestion.missingPlaceholders.length ? [`${texts.missing}: ${suggestion.missingPlaceholders.join(", ")}`] : [])];
    const head = [make("span", { class: "kind", lang: texts.language }, about.join(" · ")), make("span", { class: "title" }, ...title), make("kbd", { "aria-hidden": "true" }, `Alt ${place + 1}`)];
    const rest = [make("span", { class: "text" }, ...parts)];
    if (suggestion.when.length) rest.push(make("span", { class: "kind" }, `${texts.when}: ${suggestion.when.join(" · ")}`));
    const says = { title: suggestion.reason, lang: suggestion.language };
    const keys = { "aria-keyshortcuts": `Alt+${place + 1}` };
    if (inside) return make("li", { class: "inside" }, make("details", { part: "suggestion", ...says }, make("summary", keys, ...head), ...rest));
    const button = make("button", { type: "button", part: "suggestion", ...says, ...keys }, ...head, ...rest);
    button.addEventListener("click", () => this.#take(suggestion));
    return make("li", {}, button);
  }
}

/** The title, which ends at the first line break, and the text after it, with what matched marked. */
function titled(segments: Segment[]): [(Node | string)[], (Node | string)[]] {
  const [title, rest]: [(Node | string)[], (Node | string)[]] = [[], []];
  let ended = false;
  for (const { text, kind } of segments) {
    const at: number = ended ? 0 : text.indexOf("\n");
    const parts: [string, string] = ended ? ["", text] : at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
    ended ||= at >= 0;
    const shown = (part: string) => (kind === SegmentKind.MATCHED ? make("mark", {}, part) : part);
    if (parts[0]) title.push(shown(parts[0]));
    if (parts[1]) rest.push(shown(parts[1]));
  }
  return [title, rest];
}
