// What fits the chat, ranked, beside it; inserted by a click or by Alt and its number.
import { Audience, DocumentKind, SegmentKind, type Segment } from "../gen/deskhand/v1/knowledge_pb";
import type { Suggestion } from "../gen/deskhand/v1/replies_pb";
import { make } from "../dom";
import { agent, inWords, replies, SOON } from "./api";
import { texts } from "./texts";

const MOST = 5;

export class Suggestions {
  readonly element = make("ol", { class: "suggestions", "aria-label": texts.suggestions });
  #asked = 0;
  #shown: Suggestion[] = [];
  #insert: (suggestion: Suggestion) => void;

  constructor(insert: (suggestion: Suggestion) => void) {
    this.#insert = insert;
    document.addEventListener("keydown", (event) => {
      const place = event.altKey ? Number(event.code.replace("Digit", "")) - 1 : NaN;
      const suggestion = this.#shown[place];
      if (!suggestion) return;
      event.preventDefault();
      this.#take(suggestion);
    });
  }

  async ask(chatId: string, language: string): Promise<void> {
    const asked = ++this.#asked;
    try {
      const found = await replies.suggestAnswers({ chatId, agent: agent(), language, limit: MOST }, SOON);
      if (asked !== this.#asked) return;
      this.#shown = found.suggestions;
      this.element.replaceChildren(...this.#shown.map((suggestion, place) => this.#item(suggestion, place)));
      if (this.#shown.length === 0) this.element.replaceChildren(make("li", { class: "empty" }, texts.noSuggestions));
    } catch (error) {
      if (asked === this.#asked) this.element.replaceChildren(make("li", { class: "empty" }, inWords(error)));
    }
  }

  #take(suggestion: Suggestion): void {
    // What is for agents alone is read here, never sent.
    if (suggestion.audience !== Audience.AGENTS) this.#insert(suggestion);
  }

  #item(suggestion: Suggestion, place: number): HTMLElement {
    const inside = suggestion.audience === Audience.AGENTS;
    const kind = suggestion.kind === DocumentKind.ARTICLE ? texts.article : texts.canned;
    const [title, parts] = titled(suggestion.segments);
    const about = [kind, ...(inside ? [texts.inside] : []), ...(suggestion.missingPlaceholders.length ? [`${texts.missing}: ${suggestion.missingPlaceholders.join(", ")}`] : [])];
    const button = make("button", { type: "button", title: suggestion.reason }, make("span", { class: "kind" }, about.join(" · ")), make("span", { class: "title" }, ...title), make("span", { class: "text" }, ...parts));
    if (suggestion.when.length) button.append(make("span", { class: "kind" }, `${texts.when}: ${suggestion.when.join(" · ")}`));
    button.append(make("kbd", { "aria-hidden": "true" }, `Alt ${place + 1}`));
    button.disabled = inside;
    button.addEventListener("click", () => this.#take(suggestion));
    return make("li", { class: inside ? "inside" : "" }, button);
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
