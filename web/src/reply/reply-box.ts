// The reply box: what the agent writes, what is written for them, and what became of it.
import type { Finished, Suggestion } from "../gen/deskhand/v1/replies_pb";
import { SegmentKind } from "../gen/deskhand/v1/knowledge_pb";
import { button, make, randomId } from "../dom";
import { Calls, type Rewrite } from "./calls";
import { Checks } from "./checks";
import type { Connection, Stream } from "./connection";
import { Editor } from "./editor";
import { actionOf, record, Sender, type Detail, type Offer, type Surroundings } from "./outcome";
import { Outage } from "./outage";
import { Panels } from "./panels";
import { Picker } from "./picker";
import { Suggestions } from "./suggestions";
import type { Texts } from "./texts";
import { replyTools } from "./toolbar";

export class ReplyBox {
  readonly element: HTMLElement;
  readonly #connection: Connection;
  readonly #texts: Texts;
  readonly #around: Surroundings;
  readonly #checks: Checks;
  readonly #picker: Picker;
  readonly #suggestions: Suggestions;
  readonly #editor: Editor<Offer>;
  readonly #sender: Sender;
  readonly #calls: Calls;
  readonly #instruction: HTMLInputElement;
  readonly #status = make("p", { class: "status", part: "status", role: "status", "aria-live": "polite" });
  readonly #outage: Outage;
  readonly #panels: Panels;
  readonly #stopButton: HTMLButtonElement;
  readonly #undoButton: HTMLButtonElement;
  #running: { call: AbortController; before: string; rewrites: boolean } | null = null;
  #counted = "";
  #asked = 0;

  constructor(connection: Connection, texts: Texts, around: Surroundings) {
    this.#connection = connection;
    this.#texts = texts;
    this.#around = around;
    this.#sender = new Sender(connection);
    this.#calls = new Calls(connection, around);
    this.#outage = new Outage(texts, this.refresh);
    this.#editor = new Editor(texts, () => this.#checks.excerpts);
    const { box, mirror } = this.#editor;
    this.#panels = new Panels(texts, box);
    this.#instruction = make("input", { maxlength: "8000", dir: "auto", part: "instruction", placeholder: texts.instruction, "aria-label": texts.instruction, autocomplete: "off" });
    this.#checks = new Checks(
      box,
      texts,
      (text, options) => this.#calls.check(text, this.#changedDraft(text), options),
      (count, error) => this.#checked(count, error),
    );
    this.#picker = new Picker(
      box,
      texts,
      this.#calls.pick,
      (suggestion) => {
        this.#editor.text = "";
        this.#insert(suggestion);
      },
      (error) => this.#fail(error),
    );
    this.#suggestions = new Suggestions(texts, (suggestion) => this.#insert(suggestion));
    this.#stopButton = button(texts.stop, () => this.stop(), { class: "stop", hidden: "" });
    this.#undoButton = button(texts.undo, () => this.#undo(), { class: "quiet", disabled: "" });
    const give = around.sends ? button(texts.send, () => void this.#send(), { class: "first send", part: "button primary" }) : button(texts.insert, () => this.#give(), { class: "first insert", part: "button primary" });
    const heading = make("h2", { class: "unseen" }, texts.suggestions);
    this.element = make(
      "form",
      { class: "reply", part: "box", "aria-label": texts.reply },
      make(
        "div",
        { class: "main" },
        this.#outage.element,
        replyTools(texts, this.#calls, () => this.#draft(), (ask) => this.#rewrite(ask)).element,
        this.#instruction,
        make("div", { class: "writing" }, mirror, box),
        this.#picker.element,
        make("div", { class: "row" }, this.#status, this.#stopButton, this.#undoButton, give),
        this.#panels.diff,
        this.#checks.panel,
        this.#panels.sources,
        this.#panels.receipt,
      ),
      make("section", { class: "beside" }, heading, this.#suggestions.element),
    );
    this.element.addEventListener("submit", (event) => event.preventDefault());
    this.element.addEventListener("keydown", (event) => this.#key(event));
    box.addEventListener("input", () => this.#written());
    this.#suggestions.say(texts.noChat);
    this.#putBack();
  }

  get text(): string {
    return this.#editor.text;
  }

  set text(text: string) {
    this.#remember();
    this.#editor.text = text;
    this.#written();
  }

  focus(): void {
    this.#editor.box.focus();
  }

  /** Turns to another chat: what the model was writing for the last one ends, what the agent wrote is there again when it is turned back to. */
  turnTo(chatId: string): void {
    if (chatId === this.#chatId) return;
    this.#keep();
    this.#calls.chatId = chatId;
    this.#putBack();
    this.#status.textContent = "";
    void this.refresh();
  }

  /** Ends everything that is under way. */
  close(): void {
    this.#keep();
    this.#outage.endWait();
    this.#asked++;
    this.#calls.chatId = "";
  }

  /** Stops what is being written; whether something was. */
  stop(): boolean {
    this.#running?.call.abort();
    return this.#running !== null;
  }

  /** Asks for suggestions anew. While no server answers, it asks again by itself. */
  refresh = async (): Promise<void> => {
    const asked = ++this.#asked;
    this.#outage.endWait();
    if (!this.#chatId) return this.#suggestions.say(this.#texts.noChat);
    try {
      const found = await this.#calls.suggest();
      if (asked !== this.#asked) return;
      this.#suggestions.show(found);
      if (!this.#outage.over()) return;
      this.#status.textContent = this.#texts.online;
      // What was written meanwhile is not checked yet.
      if (!this.#running) this.#checks.later();
    } catch (error) {
      if (asked === this.#asked && !this.#outage.lost(error)) this.#suggestions.say(this.#connection.inWords(error));
    }
  };

  /** Records that the page sent the reply. */
  async sent(text: string): Promise<void> {
    await this.#sent(this.#detail(text), this.#editor.known, randomId());
  }

  get #chatId(): string {
    return this.#calls.chatId;
  }

  /** Puts a suggestion into the box: in place of nothing, or where the cursor stands. */
  #insert({ suggestionId, text }: Suggestion): void {
    this.#abandon();
    this.#remember();
    const whole = this.#editor.withInserted(text);
    this.#editor.known = { case: "suggestionId", value: suggestionId, text: whole };
    this.#hidePanels();
    this.#editor.text = whole;
    this.#checks.later();
    this.focus();
  }

  #remember(): void {
    this.#editor.remember();
    this.#undoButton.disabled = false;
  }

  #undo(): void {
    this.#abandon();
    this.#hidePanels();
    this.#editor.undo();
    this.#checks.later();
    this.#undoButton.disabled = !this.#editor.canUndo;
    this.#status.textContent = "";
    this.focus();
  }

  #hidePanels(): void {
    this.#panels.hide();
    this.#editor.cited = [];
    this.#checks.clear();
    this.#editor.paint();
  }

  #empty(): void {
    this.#editor.putBack();
    this.#undoButton.disabled = true;
    this.#hidePanels();
    this.#picker.hide();
  }

  /** Keeps what the agent wrote, without what was being written for them, and empties the box. */
  #keep(): void {
    const before = this.#running?.before;
    this.#abandon();
    if (before !== undefined) this.#asBefore(before);
    this.#around.unsent.keep(this.#chatId, { editor: this.#editor.kept, instruction: this.#instruction.value });
    this.#instruction.value = "";
    this.#empty();
  }

  #putBack(): void {
    const draft = this.#around.unsent.take(this.#chatId);
    if (!draft) return;
    this.#instruction.value = draft.instruction;
    this.#editor.putBack(draft.editor);
    this.#undoButton.disabled = !this.#editor.canUndo;
    this.#checks.later();
  }

  #written(): void {
    this.#panels.diff.hidden = true;
    // Who begins anew is no longer at work on the offer.
    if (!this.#editor.text) this.#editor.known = null;
    this.#checks.later();
    this.#editor.paint();
    void this.#picker.look();
  }

  #checked(count: number, error?: unknown): void {
    this.#editor.paint();
    if (error) this.#outage.lost(error);
    else if (!this.#running) {
      const said = count ? this.#texts.toCheck(count) : "";
      // What else is said there is not taken away by a check that found nothing.
      if (said || this.#status.textContent === this.#counted) this.#status.textContent = said;
      this.#counted = said;
    }
  }

  /** The draft of which the text is a changed one; empty if it is none. */
  #changedDraft(text: string): string {
    return this.#editor.known?.case === "draftId" && this.#editor.known.text !== text ? this.#editor.known.text : "";
  }

  /** With an instruction, the text is refined by it. Without one, a draft is refined, and what the agent wrote says what to draft. */
  #draft(): void {
    if (!this.#chatId) {
      this.#status.textContent = this.#texts.noChat;
      return;
    }
    const [text, said] = [this.#editor.text.trim(), this.#instruction.value.trim()];
    const refines = said !== "" || this.#editor.known?.case === "draftId";
    const asked = { instruction: refines ? said : text, previousDraft: refines ? text : "" };
    void this.#run((signal) => this.#calls.draft(asked, signal), false);
  }

  #rewrite(ask: Rewrite): void {
    this.#abandon();
    const text = this.#editor.text;
    if (text.trim()) void this.#run((signal) => ask(text, signal), true);
    else this.focus();
  }

  /** Streams a text into the box. A rewrite that is stopped or fails leaves the agent's own text. */
  async #run(ask: (signal: AbortSignal) => Stream, rewrites: boolean): Promise<void> {
    this.#abandon();
    const before = this.#editor.text;
    const running = { call: new AbortController(), before, rewrites };
    this.#running = running;
    this.#picker.hide();
    this.#hidePanels();
    this.#remember();
    this.#busy(true);
    let text = "";
    try {
      for await (const { event } of ask(running.call.signal)) {
        if (running !== this.#running) return;
        if (event.case === "delta") this.#editor.text = text += event.value;
        else if (event.case === "finished") this.#finish(event.value, before, rewrites);
      }
    } catch (error) {
      if (running !== this.#running) return;
      const isAsBefore = rewrites || !text;
      if (isAsBefore) this.#asBefore(before);
      this.#checks.later();
      this.#fail(error);
      if (running.call.signal.aborted) this.#status.textContent = isAsBefore ? this.#texts.stoppedAsBefore : this.#texts.stopped;
    } finally {
      if (running === this.#running) {
        this.#running = null;
        this.#busy(false);
      }
    }
  }

  /** Puts a text back, to which there is then nothing to undo. */
  #asBefore(text: string): void {
    this.#editor.text = text;
    this.#editor.forget();
    this.#undoButton.disabled = !this.#editor.canUndo;
  }

  /** Drops what is being written: something else takes its place. */
  #abandon(): void {
    const running = this.#running;
    if (!running) return;
    this.#running = null;
    running.call.abort();
    if (running.rewrites) this.#editor.text = running.before;
    this.#busy(false);
    this.#status.textContent = "";
  }

  #busy(busy: boolean): void {
    this.#editor.box.readOnly = busy;
    this.#editor.box.setAttribute("aria-busy", String(busy));
    // Who pressed the button that goes away is not left nowhere.
    if (!busy && this.#stopButton.matches(":focus")) this.focus();
    this.#stopButton.hidden = !busy;
    if (busy) this.#status.textContent = this.#texts.writing;
  }

  #finish(finished: Finished, before: string, rewrites: boolean): void {
    const texts = this.#texts;
    const { text, draftId, edits, language, sources, warnings } = finished;
    if (language) this.#editor.box.lang = language;
    if (draftId) this.#editor.known = { case: "draftId", value: draftId, text };
    if (draftId) this.#instruction.value = "";
    this.#editor.cited = sources.flatMap(({ excerpts }) => excerpts);
    this.#editor.text = text;
    this.#checks.begin(warnings);
    this.#editor.paint();
    const same = rewrites && text === before && !edits.some(({ kind }) => kind === SegmentKind.REMOVED || kind === SegmentKind.ADDED);
    this.#status.textContent = same ? texts.unchanged : texts.written;
    const taken = (text: string): void => {
      this.#editor.text = text;
      this.#checks.later();
    };
    this.#panels.show(finished, rewrites ? taken : null);
  }

  #fail(error: unknown): void {
    this.#status.textContent = this.#outage.lost(error) ? "" : this.#connection.inWords(error);
  }

  #key(event: KeyboardEvent): void {
    if (event.isComposing || event.defaultPrevented) return;
    const inBox = event.target === this.#editor.box;
    if (inBox && this.#picker.key(event)) event.stopPropagation();
    else if (event.key === "Escape" && this.stop()) event.stopPropagation();
    else if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) this.#around.sends ? void this.#send() : this.#give();
    else if (event.key === "Enter" && event.target === this.#instruction) this.#draft();
    else if (!this.#suggestions.key(event)) return;
    event.preventDefault();
  }

  #detail(text: string): Detail {
    const id = (kind: Offer["case"]) => (this.#editor.known?.case === kind ? this.#editor.known.value : "");
    return { chat: this.#chatId, text, draftId: id("draftId"), suggestionId: id("suggestionId") };
  }

  /** Gives the text to the page, which puts it into a reply field of its own. */
  #give(): void {
    const text = this.#editor.text.trim();
    if (!text || this.#running) return;
    this.#status.textContent = this.#texts.inserted;
    this.#around.tell("deskhand-insert", this.#detail(text));
  }

  async #send(): Promise<void> {
    const text = this.#editor.text.trim();
    const chatId = this.#chatId;
    if (!text || !chatId || this.#running) return;
    // The agent may have turned to another chat when it is sent.
    const [detail, offer] = [this.#detail(text), this.#editor.known];
    try {
      const id = await this.#sender.send(chatId, text, this.#around.agent());
      if (id) await this.#sent(detail, offer, id);
    } catch (error) {
      if (chatId === this.#chatId) this.#fail(error);
    }
  }

  /** Empties the box, tells the page, and records what became of the offer. */
  async #sent(detail: Detail, offer: Offer | null, outcomeId: string): Promise<void> {
    const { agent, tell, unsent } = this.#around;
    if (detail.chat === this.#chatId) {
      this.#empty();
      this.#status.textContent = this.#texts.sent;
    } else unsent.sent(detail.chat, detail.text);
    tell("deskhand-sent", { ...detail, action: actionOf(offer, detail.text) });
    if (offer) await record(this.#connection, detail.chat, outcomeId, offer, detail.text, agent());
  }
}
