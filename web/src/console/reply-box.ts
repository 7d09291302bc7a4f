// The reply box: what the agent writes, what is written for them, and what became of it.
import { Tone, OutcomeAction, type Finished, type Suggestion } from "../gen/deskhand/v1/replies_pb";
import { Author } from "../gen/deskhand/v1/chats_pb";
import { DocumentKind } from "../gen/deskhand/v1/knowledge_pb";
import { make } from "../dom";
import { agent, agentName, chats, inWords, replies, SOON } from "./api";
import { showDiff } from "./diff";
import { showReceipt, showSources, showWarnings } from "./receipt";
import { texts } from "./texts";

type Stream = AsyncIterable<{ event: { case: "delta"; value: string } | { case: "finished"; value: Finished } | { case: undefined; value?: undefined } }>;
type Offer = { case: "draftId" | "suggestionId"; value: string; text: string };

const MOST_UNDO = 50;

/** A text in parts: the stretches that are one of `excerpts`, made into something, and what is between them. */
function parted(text: string, excerpts: string[], made: (excerpt: string) => Node): (Node | string)[] {
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

export class ReplyBox {
  readonly element: HTMLElement;
  #chatId = "";
  #customerLanguage = "";
  #box = make("textarea", { rows: "6", maxlength: "8000", placeholder: texts.placeholder, "aria-label": texts.reply, id: "reply", spellcheck: "true" });
  #mirror = make("div", { class: "mirror", "aria-hidden": "true" });
  #picker = make("ul", { class: "picker", role: "listbox", id: "picker", hidden: "", "aria-label": texts.canned });
  #status = make("p", { class: "status", role: "status", "aria-live": "polite" });
  #diff = make("section", { class: "panel", hidden: "" });
  #warnings = make("section", { class: "panel warnings", hidden: "" });
  #sources = make("section", { class: "panel sources", hidden: "" });
  #receipt = make("section", { class: "panel receipt", hidden: "" });
  #stop = this.#button(texts.stop, () => this.stop(), "stop");
  #undoButton = this.#button(texts.undo, () => this.#undo(), "quiet");
  #makers: HTMLButtonElement[];
  #undoable: string[] = [];
  #running: AbortController | null = null;
  #warned: string[] = [];
  #cited: string[] = [];
  #offer: Offer | null = null;
  #picked: Suggestion[] = [];
  #chosen = 0;
  #picking = 0;
  #onSent: () => void;
  #onSummary: (stream: (signal: AbortSignal) => Stream) => void;

  constructor(onSent: () => void, onSummary: (stream: (signal: AbortSignal) => Stream) => void) {
    this.#onSent = onSent;
    this.#onSummary = onSummary;
    const tone = (name: string, tone: Tone) =>
      this.#button(name, () => this.#rewrite((text, signal) => replies.retoneReply({ text, tone, chatId: this.#chatId }, { signal })));
    this.#makers = [
      this.#button(texts.draft, () => this.#draft(), "first"),
      this.#button(texts.correct, () => this.#rewrite((text, signal) => replies.correctReply({ text, chatId: this.#chatId }, { signal }))),
      tone(texts.formal, Tone.FORMAL),
      tone(texts.friendly, Tone.FRIENDLY),
      tone(texts.concise, Tone.CONCISE),
      this.#button(texts.translate, () =>
        this.#rewrite((text, signal) =>
          replies.translateReply({ source: { case: "text", value: text }, chatId: this.#chatId, agent: agent(), targetLanguage: this.#customerLanguage }, { signal }),
        ),
      ),
      this.#button(texts.summarize, () => this.#onSummary((signal) => replies.summarizeChat({ chatId: this.#chatId, agent: agent() }, { signal }))),
    ];
    const send = this.#button(texts.send, () => void this.#send(), "send");
    this.#stop.hidden = true;
    this.#undoButton.disabled = true;
    this.element = make(
      "form",
      { class: "reply" },
      make("div", { class: "tools", role: "toolbar", "aria-label": texts.reply }, ...this.#makers),
      make("div", { class: "writing" }, this.#mirror, this.#box, this.#picker),
      make("div", { class: "row" }, this.#status, this.#stop, this.#undoButton, send),
      this.#diff,
      this.#warnings,
      this.#sources,
      this.#receipt,
    );
    this.element.addEventListener("submit", (event) => event.preventDefault());
    this.#box.addEventListener("input", () => this.#written());
    this.#box.addEventListener("scroll", () => (this.#mirror.scrollTop = this.#box.scrollTop));
    this.#box.addEventListener("keydown", (event) => this.#key(event));
    this.#picker.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      const place = [...this.#picker.children].indexOf((event.target as Element).closest("li")!);
      if (place >= 0) this.#take(place);
    });
  }

  /** Turns to another chat: what was being written for the last one ends. */
  turnTo(chatId: string, customerLanguage: string): void {
    this.#customerLanguage = customerLanguage;
    if (chatId === this.#chatId) return;
    this.stop();
    this.#chatId = chatId;
    this.#undoable = [];
    this.#offer = null;
    this.#status.textContent = "";
    this.#set("");
    this.#hidePanels();
  }

  /** Stops what is being written; whether something was. */
  stop(): boolean {
    const running = this.#running !== null;
    this.#running?.abort();
    return running;
  }

  /** Puts a suggestion into the box: in place of nothing, or where the cursor stands. */
  insert(suggestion: Suggestion): void {
    this.stop();
    this.#remember();
    const { value, selectionStart, selectionEnd } = this.#box;
    const text = value.trim() ? value.slice(0, selectionStart) + suggestion.text + value.slice(selectionEnd) : suggestion.text;
    this.#set(text);
    this.#hidePanels();
    this.#offer = { case: "suggestionId", value: suggestion.suggestionId, text };
    this.#box.focus();
  }

  #button(name: string, act: () => void, kind = ""): HTMLButtonElement {
    const button = make("button", { type: "button", class: kind }, name);
    button.addEventListener("click", act);
    return button;
  }

  #set(text: string): void {
    this.#box.value = text;
    this.#paint();
  }

  /** Behind the text: the sentences that cite a source are underlined, the words that are doubtful are marked. */
  #paint(): void {
    const doubtful = (text: string) => parted(text, this.#warned, (words) => make("mark", {}, words));
    const parts = parted(this.#box.value, this.#cited, (sentence) => make("span", { class: "cited" }, ...doubtful(sentence)));
    this.#mirror.replaceChildren(...parts.flatMap((part) => (typeof part === "string" ? doubtful(part) : part)), "\n");
    this.#mirror.scrollTop = this.#box.scrollTop;
  }

  #remember(): void {
    if (this.#undoable.at(-1) !== this.#box.value) this.#undoable.push(this.#box.value);
    this.#undoable.splice(0, this.#undoable.length - MOST_UNDO);
    this.#undoButton.disabled = false;
  }

  #undo(): void {
    this.stop();
    const before = this.#undoable.pop();
    if (before !== undefined) this.#set(before);
    this.#undoButton.disabled = this.#undoable.length === 0;
    this.#hidePanels();
    this.#box.focus();
  }

  #hidePanels(): void {
    for (const panel of [this.#diff, this.#warnings, this.#sources, this.#receipt]) panel.hidden = true;
    this.#warned = [];
    this.#cited = [];
    this.#paint();
  }

  #written(): void {
    this.#diff.hidden = true;
    this.#paint();
    void this.#pick();
  }

  #draft(): void {
    const previousDraft = this.#offer?.case === "draftId" ? this.#box.value.trim() : "";
    const instruction = previousDraft ? "" : this.#box.value.trim();
    const ask = (signal: AbortSignal): Stream => replies.draftReply({ chatId: this.#chatId, agent: agent(), instruction, previousDraft }, { signal });
    void this.#run(ask, false);
  }

  #rewrite(ask: (text: string, signal: AbortSignal) => Stream): void {
    const text = this.#box.value;
    if (text.trim()) void this.#run((signal) => ask(text, signal), true);
    else this.#box.focus();
  }

  /** Streams a text into the box. A rewrite that is stopped or fails leaves the agent's own text. */
  async #run(ask: (signal: AbortSignal) => Stream, rewrites: boolean): Promise<void> {
    this.stop();
    const running = new AbortController();
    const before = this.#box.value;
    this.#running = running;
    this.#hidePanels();
    this.#remember();
    this.#busy(true);
    let text = "";
    try {
      for await (const { event } of ask(running.signal)) {
        if (running !== this.#running) return;
        if (event.case === "delta") this.#set((text += event.value));
        else if (event.case === "finished") this.#finish(event.value, rewrites);
      }
    } catch (error) {
      if (running !== this.#running && running.signal.aborted === false) return;
      const message = inWords(error);
      if (running === this.#running || running.signal.aborted) {
        if (rewrites || !text) this.#set(before);
        this.#status.textContent = message || texts.stopped;
      }
    } finally {
      if (running === this.#running) {
        this.#running = null;
        this.#busy(false);
      }
    }
  }

  #busy(busy: boolean): void {
    this.#box.readOnly = busy;
    this.#box.setAttribute("aria-busy", String(busy));
    this.#stop.hidden = !busy;
    if (busy) this.#status.textContent = texts.writing;
  }

  #finish(finished: Finished, rewrites: boolean): void {
    this.#set(finished.text);
    this.#warned = finished.warnings.map(({ excerpt }) => excerpt).filter(Boolean);
    this.#cited = finished.sources.flatMap(({ excerpts }) => excerpts);
    this.#paint();
    this.#status.textContent = rewrites && !finished.edits.some((edit) => edit.kind > 2) && !finished.replaced && finished.text === this.#undoable.at(-1) ? texts.unchanged : "";
    if (rewrites) showDiff(this.#diff, finished.edits, (text) => this.#set(text));
    if (finished.draftId) this.#offer = { case: "draftId", value: finished.draftId, text: finished.text };
    showWarnings(this.#warnings, finished, this.#box);
    showSources(this.#sources, finished, this.#box);
    showReceipt(this.#receipt, finished);
  }

  #key(event: KeyboardEvent): void {
    if (!this.#picker.hidden) {
      const last = this.#picked.length - 1;
      if (event.key === "ArrowDown") this.#choose(this.#chosen >= last ? 0 : this.#chosen + 1);
      else if (event.key === "ArrowUp") this.#choose(this.#chosen <= 0 ? last : this.#chosen - 1);
      else if (event.key === "Enter" || event.key === "Tab") this.#take(this.#chosen);
      else if (event.key === "Escape") this.#hidePicker();
      else return;
      event.preventDefault();
      event.stopPropagation();
    } else if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      void this.#send();
    }
  }

  /** A reply that begins with a slash looks canned answers up. */
  async #pick(): Promise<void> {
    const query = this.#box.value;
    const picking = ++this.#picking;
    if (!/^\/[^\n]*$/.test(query)) return this.#hidePicker();
    if (query === "/") return;
    try {
      const ask = (query: string) =>
        replies.suggestAnswers({ chatId: this.#chatId, agent: agent(), query, language: this.#customerLanguage, kinds: [DocumentKind.CANNED_ANSWER], limit: 8 }, SOON);
      // What is no shortcut's beginning is a word.
      const byShortcut = await ask(query);
      const found = byShortcut.suggestions.length || picking !== this.#picking ? byShortcut : await ask(query.slice(1));
      if (picking !== this.#picking) return;
      this.#picked = found.suggestions;
      this.#picker.replaceChildren(
        ...this.#picked.map((suggestion, place) =>
          make("li", { role: "option", id: `picked-${place}` }, make("strong", {}, suggestion.title), make("span", {}, suggestion.text)),
        ),
      );
      this.#picker.hidden = this.#picked.length === 0;
      this.#choose(0);
    } catch (error) {
      this.#status.textContent = inWords(error);
    }
  }

  #choose(place: number): void {
    this.#chosen = place;
    [...this.#picker.children].forEach((option, index) => option.setAttribute("aria-selected", String(index === place)));
    this.#picker.children[place]?.scrollIntoView({ block: "nearest" });
    if (!this.#picker.hidden) this.#box.setAttribute("aria-activedescendant", `picked-${place}`);
  }

  #take(place: number): void {
    const suggestion = this.#picked[place];
    this.#hidePicker();
    if (!suggestion) return;
    this.#set("");
    this.insert(suggestion);
  }

  #hidePicker(): void {
    this.#picking++;
    this.#picker.hidden = true;
    this.#box.removeAttribute("aria-activedescendant");
  }

  async #send(): Promise<void> {
    const text = this.#box.value.trim();
    if (!text || this.#running) return;
    const chatId = this.#chatId;
    const offer = this.#offer;
    const { agentId } = agent();
    const message = { author: Author.AGENT, authorId: agentId, authorName: agentName(), text };
    // The same id again, after a lost answer, writes nothing twice.
    const eventId = crypto.randomUUID();
    try {
      await chats.appendEvents({ chatId, events: [{ eventId, body: { case: "message", value: message } }] }, SOON);
      if (chatId === this.#chatId) {
        this.#set("");
        this.#undoable = [];
        this.#undoButton.disabled = true;
        this.#offer = null;
        this.#hidePanels();
        this.#status.textContent = "";
      }
      this.#onSent();
    } catch (error) {
      this.#status.textContent = inWords(error);
      return;
    }
    if (offer) {
      const action = offer.text.trim() === text ? OutcomeAction.SENT : OutcomeAction.EDITED;
      const { case: which, value } = offer;
      await replies.recordOutcome({ chatId, outcomeId: eventId, agent: agent(), offer: { case: which, value }, action, finalText: text }, SOON).catch(() => {});
    }
  }
}
