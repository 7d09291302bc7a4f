// <deskhand-reply chat="…" language="tr">: the reply box for any console. One script, no dependencies.
//
// Attributes: `chat` (its id), `key` or the property `fetchKey` (a function that gets a key; called again when a key is refused), `language`
// (the agent's, BCP 47; default: the page's), `customer-language` (default: the customer's), `agent-id`, `agent-name`, `agent-groups` (with commas
// between them), `address` (the server's; default: where this script comes from), `sends` (the reply is sent from here), `theme`.
// Events: `deskhand-insert` and `deskhand-sent`. What a page puts into the slot `tools` stands in the toolbar.
import { Connection, type FetchKey } from "./reply/connection";
import type { Agent } from "./reply/outcome";
import { ReplyBox } from "./reply/reply-box";
import { styles } from "./reply/style";
import { textsIn } from "./reply/texts";
import { Teller, type Told } from "./reply/told";
import { Unsent } from "./reply/unsent";

const ownScript = (document.currentScript as HTMLScriptElement | null) ?? document.querySelector<HTMLScriptElement>('script[src$="/reply.js"]');
const ownServer = ownScript?.src ? new URL(ownScript.src).origin : location.origin;
const sheet = new CSSStyleSheet();
sheet.replaceSync(styles);

export class DeskhandReply extends HTMLElement {
  static observedAttributes = ["chat", "key", "language", "address", "sends", "customer-language"];

  #root = this.attachShadow({ mode: "open" });
  #fetchKey: FetchKey | null = null;
  #connection: Connection | null = null;
  #box: ReplyBox | null = null;
  #teller = new Teller();
  #unsent = new Unsent();

  constructor() {
    super();
    this.#root.adoptedStyleSheets = [sheet];
  }

  connectedCallback(): void {
    this.#take("fetchKey");
    window.addEventListener("online", this.#online);
    this.#open();
    this.#take("text");
  }

  disconnectedCallback(): void {
    window.removeEventListener("online", this.#online);
    this.#box?.close();
  }

  attributeChangedCallback(name: string, before: string | null, now: string | null): void {
    if (before === now || !this.#box) return;
    if (name === "chat") this.#box.turnTo(now ?? "");
    else if (name === "key") {
      this.#connection!.key = now ?? "";
      this.refresh();
    } else if (name === "customer-language") this.refresh();
    else if (this.isConnected) this.#open();
  }

  /** Gets a key: called before the first call, and again when a key was refused. */
  get fetchKey(): FetchKey | null {
    return this.#fetchKey;
  }

  set fetchKey(fetchKey: FetchKey | null) {
    this.#fetchKey = fetchKey;
    if (!this.#connection) return;
    this.#connection.fetchKey = fetchKey;
    this.#connection.key = this.getAttribute("key") ?? "";
    this.refresh();
  }

  /** What is written. */
  get text(): string {
    return this.#box?.text ?? "";
  }

  set text(text: string) {
    if (this.#box) this.#box.text = text;
  }

  override focus(): void {
    this.#box?.focus();
  }

  /** Asks for suggestions anew: to be called when something came in. */
  refresh(): void {
    void this.#box?.refresh();
  }

  /** Stops what is being written; whether something was. */
  stop(): boolean {
    return this.#box?.stop() ?? false;
  }

  /** Tells what happened in the chat, for consoles whose server does not. */
  async tell(told: Told): Promise<void> {
    const chat = this.getAttribute("chat");
    if (!chat || !this.#connection) throw new Error("<deskhand-reply> needs a chat to tell of, and a document to stand in");
    await this.#teller.tell(this.#connection, chat, told);
    this.refresh();
  }

  /** Records that the page sent the reply, with the text as it was sent. */
  async sent(text: string = this.text): Promise<void> {
    await this.#box?.sent(text);
  }

  /** A property that was set before this script came hides the element's own. */
  #take(name: "fetchKey" | "text"): void {
    if (!Object.hasOwn(this, name)) return;
    const value: unknown = this[name];
    delete (this as Partial<DeskhandReply>)[name];
    Object.assign(this, { [name]: value });
  }

  /** Builds the box, with what was written. */
  #open(): void {
    this.#box?.close();
    const texts = textsIn(this.#language);
    this.#connection = new Connection(this.getAttribute("address") || ownServer, texts);
    this.#connection.fetchKey = this.#fetchKey;
    this.#connection.key = this.getAttribute("key") ?? "";
    this.#box = new ReplyBox(this.#connection, texts, {
      agent: () => this.#agent(),
      customerLanguage: () => this.getAttribute("customer-language") ?? "",
      sends: this.hasAttribute("sends"),
      tell: (event, detail) => this.dispatchEvent(new CustomEvent(event, { detail, bubbles: true, composed: true })),
      unsent: this.#unsent,
    });
    this.#box.element.lang = texts.language;
    this.#root.replaceChildren(this.#box.element);
    this.#box.turnTo(this.getAttribute("chat") ?? "");
  }

  get #language(): string {
    return this.getAttribute("language") || document.documentElement.lang || navigator.language;
  }

  #agent(): Agent {
    const of = (name: string) => this.getAttribute(name)?.trim() ?? "";
    const groups = of("agent-groups").split(",").map((group) => group.trim()).filter(Boolean);
    return { agentId: of("agent-id"), name: of("agent-name"), groups, language: this.#language };
  }

  #online = (): void => this.refresh();
}

declare global {
  interface HTMLElementTagNameMap {
    "deskhand-reply": DeskhandReply;
  }
}

if (!customElements.get("deskhand-reply")) customElements.define("deskhand-reply", DeskhandReply);
