// <deskhand-search key="dh_…" language="tr">: a search box for help pages. One script, no dependencies.
//
// Attributes: `key` (a publishable key), `language` (BCP 47; default: the page's), `server` (default: where this script comes from),
// `contact` (an address to go to when nothing helped; the search goes along as `query`), `placeholder`, `pages` (where articles have pages of
// their own, such as `/help/en/`: a chosen one is opened there and not in a dialog). A form within the element works without scripts, and takes
// what was typed when Enter chooses no article.
// Events: `deskhand-open` and `deskhand-contact`, each with `detail`; a page that prevents the default of the latter goes nowhere.
import { make, randomId } from "./dom";
import { words, isRightToLeft, type Words } from "./words";
import { styles } from "./search-style";

interface Segment {
  text: string;
  kind: string;
}

interface Hit {
  id: string;
  language: string;
  title: Segment[];
  snippet: Segment[];
  category: string;
}

interface Found {
  hits: Hit[];
  total: number;
  correctedQuery: string;
  searchId: string;
}

interface Article {
  article: { id: string; title: string; language: string; url: string; updatedAt?: string };
  html: string;
}

interface Problem {
  status: number;
  retryAfter: number;
}

const PATIENCE = 10_000;
const REMEMBERED = 50;
const MATCH = "SEGMENT_KIND_MATCHED";
const ownScript =
  (document.currentScript as HTMLScriptElement | null) ?? document.querySelector<HTMLScriptElement>('script[src$="/help/search.js"]');
const ownServer = ownScript ? new URL(ownScript.src).origin : location.origin;
const session = randomId();
const sheet = new CSSStyleSheet();
sheet.replaceSync(styles);
let count = 0;

class DeskhandSearch extends HTMLElement {
  static observedAttributes = ["language", "key", "server", "placeholder"];

  #number = ++count;
  #words: Words = words("en");
  #input = make("input", {
    type: "search",
    role: "combobox",
    autocomplete: "off",
    autocapitalize: "off",
    spellcheck: "false",
    enterkeyhint: "search",
    maxlength: "2000",
    "aria-autocomplete": "list",
    "aria-expanded": "false",
    "aria-controls": `list-${this.#number}`,
    part: "input",
  });
  #list = make("ul", { role: "listbox", id: `list-${this.#number}`, part: "results" });
  #note = make("div", { class: "note" });
  #status = make("div", { class: "unseen", role: "status", "aria-live": "polite" });
  #panel = make("div", { class: "panel", hidden: "" }, this.#note, this.#list);
  #dialog = make("dialog", { part: "article" });
  #known = new Map<string, Found>();
  #found: Found | null = null;
  #active = -1;
  /** Counts what was typed: an answer to something older is dropped. */
  #typed = 0;
  #asking: AbortController | null = null;
  #again = 0;
  #opening = 0;
  #cameFrom: HTMLElement | null = null;

  constructor() {
    super();
    const root = this.attachShadow({ mode: "open" });
    root.adoptedStyleSheets = [sheet];
    const slash = make("kbd", { "aria-hidden": "true" }, "/");
    root.append(make("div", { class: "box", part: "box" }, icon(), this.#input, slash, this.#panel), this.#status, this.#dialog);
    this.#input.addEventListener("input", () => this.#search());
    this.#input.addEventListener("keydown", (event) => this.#key(event));
    this.#input.addEventListener("focus", () => this.#show(this.#input.value.trim() !== ""));
    this.#panel.addEventListener("pointerdown", (event) => event.preventDefault());
    this.#list.addEventListener("click", (event) => this.#choose(event.target as Element));
    this.#dialog.addEventListener("click", (event) => this.#inDialog(event));
    this.#dialog.addEventListener("close", () => this.#closed());
    this.addEventListener("focusout", () => setTimeout(() => this.#hideUnlessFocused()));
  }

  connectedCallback(): void {
    document.addEventListener("keydown", this.#slash);
    window.addEventListener("hashchange", this.#followHash);
    window.addEventListener("online", this.#online);
    this.#input.value ||= this.#form?.querySelector("input")?.value ?? "";
    this.#speak();
    this.#followHash();
  }

  disconnectedCallback(): void {
    document.removeEventListener("keydown", this.#slash);
    window.removeEventListener("hashchange", this.#followHash);
    window.removeEventListener("online", this.#online);
    this.#asking?.abort();
    clearTimeout(this.#again);
  }

  attributeChangedCallback(): void {
    this.#known.clear();
    if (this.isConnected) {
      this.#speak();
      if (this.#input.value.trim()) this.#search();
    }
  }

  /** Searches for a text as if it had been typed. */
  search(text: string): void {
    this.#input.value = text;
    this.#input.focus();
    this.#search();
  }

  get #form(): HTMLFormElement | null {
    return this.querySelector("form");
  }

  get #language(): string {
    return this.getAttribute("language") || document.documentElement.lang || navigator.language || "en";
  }

  /** Takes the language's words and direction. */
  #speak(): void {
    this.#words = words(this.#language);
    const direction = isRightToLeft(this.#language) ? "rtl" : "ltr";
    for (const element of [this.#panel, this.#input, this.#dialog]) {
      element.dir = direction;
      element.lang = this.#language;
    }
    this.#input.placeholder = this.getAttribute("placeholder") || this.#words.placeholder;
    this.#input.setAttribute("aria-label", this.#words.placeholder);
    this.#list.setAttribute("aria-label", this.#words.results);
  }

  #slash = (event: KeyboardEvent): void => {
    const at = event.composedPath()[0] as HTMLElement;
    const writes = at instanceof HTMLElement && (at.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(at.tagName));
    if (event.key === "/" && !writes && !event.ctrlKey && !event.metaKey && !event.altKey && !this.#dialog.open) {
      event.preventDefault();
      this.#input.focus();
      this.#input.select();
    }
  };

  #online = (): void => {
    if (this.#input.value.trim() && this.#found === null) this.#search();
  };

  #followHash = (): void => {
    const id = /^#article=(.+)$/.exec(location.hash)?.[1];
    try {
      if (id) void this.#open(decodeURIComponent(id), null);
    } catch {
      // What is no address of an article leads nowhere.
    }
  };

  #key(event: KeyboardEvent): void {
    const last = (this.#found?.hits.length ?? 0) - 1;
    if (event.isComposing) return;
    if (event.key === "ArrowDown") this.#activate(this.#active >= last ? 0 : this.#active + 1);
    else if (event.key === "ArrowUp") this.#activate(this.#active <= 0 ? last : this.#active - 1);
    else if (event.key === "Enter") {
      const [form, field] = [this.#form, this.#form?.querySelector("input")];
      const hit = this.#found?.hits[Math.max(this.#active, 0)];
      if (form && field && this.#active < 0) {
        field.value = this.#input.value;
        if (field.value.trim()) form.submit();
      } else if (hit && !this.#panel.hidden) void this.#open(hit.id, this.#found);
    } else if (event.key === "Escape") {
      if (!this.#panel.hidden) this.#show(false);
      else if (this.#input.value) {
        this.#input.value = "";
        this.#search();
      } else return;
    } else return;
    event.preventDefault();
  }

  #activate(index: number): void {
    if (this.#panel.hidden) this.#show(true);
    this.#active = index;
    [...this.#list.children].forEach((option, place) => {
      option.setAttribute("aria-selected", String(place === index));
      if (place === index) {
        this.#input.setAttribute("aria-activedescendant", option.id);
        option.scrollIntoView({ block: "nearest" });
      }
    });
    if (index < 0) this.#input.removeAttribute("aria-activedescendant");
  }

  #show(open: boolean): void {
    const filled = this.#list.childElementCount > 0 || this.#note.childNodes.length > 0;
    this.#panel.hidden = !open || !filled;
    this.#input.setAttribute("aria-expanded", String(!this.#panel.hidden));
    if (this.#panel.hidden) this.#activateNone();
  }

  #activateNone(): void {
    this.#active = -1;
    this.#input.removeAttribute("aria-activedescendant");
  }

  #hideUnlessFocused(): void {
    if (this.shadowRoot?.activeElement !== this.#input) this.#show(false);
  }

  #search(): void {
    const query = this.#input.value.trim();
    const typed = ++this.#typed;
    this.#asking?.abort();
    clearTimeout(this.#again);
    if (!query) {
      this.#found = null;
      this.#list.replaceChildren();
      this.#note.replaceChildren();
      this.#status.textContent = "";
      this.#show(false);
      return;
    }
    const known = this.#known.get(query);
    if (known) return this.#tell(query, known);
    this.#asking = new AbortController();
    const parameters = new URLSearchParams({ q: query, language: this.#language, limit: "8", session_id: session });
    this.#get<Found>(`/help/search?${parameters}`, this.#asking).then(
      (found) => {
        if (this.#known.size >= REMEMBERED) this.#known.clear();
        this.#known.set(query, found);
        if (typed === this.#typed) this.#tell(query, found);
      },
      (problem: Problem) => typed === this.#typed && this.#fail(problem),
    );
  }

  #tell(query: string, found: Found): void {
    const words = this.#words;
    const chosen = this.#found?.hits[this.#active]?.id;
    this.#found = found;
    this.#activateNone();
    this.#list.replaceChildren(...found.hits.map((hit, place) => this.#option(hit, place)));
    const corrected = found.correctedQuery && found.hits.length > 0;
    if (found.hits.length === 0) this.#note.replaceChildren(this.#nothing(query));
    else if (corrected) this.#note.replaceChildren(make("p", {}, `${words.didYouMean} `, make("strong", {}, found.correctedQuery), "?"));
    else this.#note.replaceChildren();
    this.#status.textContent = found.hits.length ? words.found(found.total) : words.nothing(query);
    this.#show(true);
    // Who went to an article while letters were still under way stays there.
    const kept = chosen === undefined ? -1 : found.hits.findIndex(({ id }) => id === chosen);
    if (kept >= 0) this.#activate(kept);
  }

  #option(hit: Hit, place: number): HTMLElement {
    const option = make("li", { role: "option", id: `option-${this.#number}-${place}`, "aria-selected": "false", lang: hit.language });
    option.append(make("span", { class: "title" }, ...marked(hit.title)), make("span", { class: "snippet" }, ...marked(hit.snippet)));
    return option;
  }

  #nothing(query: string): HTMLElement {
    const words = this.#words;
    const contact = make("button", { type: "button", class: "contact", part: "contact" }, words.contact);
    contact.addEventListener("click", () => this.#contact(query));
    return make("div", { class: "empty" }, make("p", {}, make("strong", {}, words.nothing(query))), make("p", {}, words.nothingHint), contact);
  }

  #contact(query: string): void {
    const event = new CustomEvent("deskhand-contact", { detail: { query, language: this.#language }, bubbles: true, composed: true, cancelable: true });
    const address = this.getAttribute("contact");
    if (!this.dispatchEvent(event) || !address) return;
    const url = new URL(address, location.href);
    if (url.protocol !== "tel:") url.searchParams.set(url.protocol === "mailto:" ? "subject" : "query", query);
    if (/^(https?|mailto|tel):$/.test(url.protocol)) location.assign(url);
  }

  #fail(problem: Problem): void {
    const words = this.#words;
    const text =
      problem.status === 0 ? words.offline
      : problem.status === 429 ? words.busy
      : problem.status === 401 || problem.status === 403 ? words.refused
      : words.broken;
    this.#found = null;
    this.#list.replaceChildren();
    this.#activateNone();
    this.#note.replaceChildren(make("p", { class: "problem" }, text));
    this.#status.textContent = text;
    this.#show(true);
    if (problem.status === 429 || problem.status >= 500) {
      this.#again = window.setTimeout(() => this.#search(), Math.max(problem.retryAfter, 1) * 1000);
    }
  }

  #choose(target: Element): void {
    const place = [...this.#list.children].indexOf(target.closest("li") as Element);
    const hit = this.#found?.hits[place];
    if (hit) void this.#open(hit.id, this.#found);
  }

  async #open(id: string, from: Found | null): Promise<void> {
    const pages = this.getAttribute("pages");
    if (pages) return this.#leave(pages, id, from);
    const words = this.#words;
    const opening = ++this.#opening;
    if (!this.#dialog.open) this.#cameFrom = this.shadowRoot?.activeElement as HTMLElement | null;
    try {
      const address = `/help/articles/${encodeURIComponent(id)}?language=${encodeURIComponent(this.#language)}`;
      const { article, html } = await this.#get<Article>(address, new AbortController());
      if (opening !== this.#opening) return;
      const body = make("div", { class: "body" });
      // The server's rendering: text of the article is escaped there, and links go to the web alone.
      body.innerHTML = html;
      const close = make("button", { type: "button", class: "close", "aria-label": words.close }, "×");
      const title = make("h1", { id: `title-${this.#number}`, tabindex: "-1" }, article.title);
      this.#dialog.replaceChildren(make("header", {}, title, close), body, this.#rating(article.id, article.language));
      this.#dialog.lang = article.language;
      this.#dialog.dir = isRightToLeft(article.language) ? "rtl" : "ltr";
      this.#dialog.setAttribute("aria-labelledby", title.id);
      this.#show(false);
      if (!this.#dialog.open) this.#dialog.showModal();
      this.#dialog.scrollTop = 0;
      title.focus();
      this.dispatchEvent(new CustomEvent("deskhand-open", { detail: { id: article.id }, bubbles: true, composed: true }));
      if (from?.searchId) void this.#post("/help/opens", { searchId: from.searchId, id: article.id }).catch(() => {});
    } catch (problem) {
      if (opening === this.#opening) this.#fail(problem as Problem);
    }
  }

  /** Goes to an article's own page. Two names there are the server's own; an article of such a name is written otherwise. */
  #leave(pages: string, id: string, from: Found | null): void {
    this.dispatchEvent(new CustomEvent("deskhand-open", { detail: { id }, bubbles: true, composed: true }));
    if (from?.searchId) void this.#post("/help/opens", { searchId: from.searchId, id }).catch(() => {});
    location.assign(pages + encodeURIComponent(id).replace(/^(s(?=earch$)|c(?=ategories$))/, (letter) => `%${letter.charCodeAt(0).toString(16)}`));
  }

  #rating(id: string, language: string): HTMLElement {
    const words = this.#words;
    const ratingId = randomId();
    const footer = make("footer", {});
    const send = (helpful: boolean, reason: string) => this.#post("/help/ratings", { id, language, helpful, reason, ratingId });
    const thank = () => {
      footer.replaceChildren(make("p", { role: "status" }, words.thanks));
    };
    const yes = make("button", { type: "button" }, words.yes);
    const no = make("button", { type: "button" }, words.no);
    yes.addEventListener("click", () => void send(true, "").then(thank, thank));
    no.addEventListener("click", () => {
      void send(false, "").catch(() => {});
      const reason = make("textarea", { rows: "2", maxlength: "2000", "aria-label": words.why, placeholder: words.why });
      const form = make("form", {}, reason, make("button", {}, words.send));
      form.addEventListener("submit", (event) => {
        event.preventDefault();
        void send(false, reason.value.trim()).then(thank, thank);
      });
      footer.replaceChildren(form);
      reason.focus();
    });
    footer.append(make("p", { id: `helpful-${this.#number}` }, words.helpful), make("div", { role: "group", "aria-labelledby": `helpful-${this.#number}` }, yes, no));
    return footer;
  }

  #inDialog(event: MouseEvent): void {
    const target = event.target as Element;
    const link = target.closest<HTMLElement>("a[data-article]");
    if (link?.dataset.article) {
      event.preventDefault();
      void this.#open(link.dataset.article, null);
    } else if (target === this.#dialog || target.closest(".close")) this.#dialog.close();
  }

  #closed(): void {
    this.#opening++;
    if (location.hash.startsWith("#article=")) history.replaceState(null, "", location.pathname + location.search);
    (this.#cameFrom ?? this.#input).focus();
  }

  #address(path: string): URL {
    const url = new URL(path, this.getAttribute("server") || ownServer);
    const key = this.getAttribute("key");
    if (key) url.searchParams.set("key", key);
    return url;
  }

  async #get<T>(path: string, asking: AbortController): Promise<T> {
    const patience = setTimeout(() => asking.abort(), PATIENCE);
    try {
      return (await this.#answer(await fetch(this.#address(path), { signal: asking.signal, credentials: "omit" }))) as T;
    } catch (error) {
      throw error instanceof Error ? { status: 0, retryAfter: 0 } : error;
    } finally {
      clearTimeout(patience);
    }
  }

  async #post(path: string, body: unknown): Promise<void> {
    const headers = { "content-type": "application/json" };
    const response = await fetch(this.#address(path), { method: "POST", headers, body: JSON.stringify(body), keepalive: true, credentials: "omit" });
    await this.#answer(response);
  }

  async #answer(response: Response): Promise<unknown> {
    if (response.ok) return response.json();
    throw { status: response.status, retryAfter: Number(response.headers.get("retry-after")) || 0 } satisfies Problem;
  }
}

function marked(segments: Segment[]): Node[] {
  return segments.map(({ text, kind }) => (kind === MATCH ? make("mark", {}, text) : document.createTextNode(text)));
}

function icon(): SVGElement {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("viewBox", "0 0 20 20");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(space, "path");
  path.setAttribute("d", "M8.5 3a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11Zm4 9.5L17 17");
  svg.append(path);
  return svg;
}

if (!customElements.get("deskhand-search")) customElements.define("deskhand-search", DeskhandSearch);
