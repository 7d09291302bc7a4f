// The agents' console: chats on the left, the conversation with its reply box, what is known and what fits on the right.
import { ChatStatus, type Chat, type Event } from "./gen/deskhand/v1/chats_pb";
import { button, make } from "./dom";
import { agent, agentId, agentName, chats, forgetKey, inWords, isGone, needsKey, replies, saveAgentName, savedKey, saveKey, SOON } from "./console/api";
import { Conversation, showKnown } from "./console/conversation";
import { language, texts } from "./console/texts";
import "./reply";
import { LANGUAGES } from "./reply/texts";

/** How soon it is listened again, and looked for what is new, when a stream has ended. */
const PAUSE = 3_000;
/** Shortest time between two looks, however much happens. */
const BETWEEN = 500;
/** A stream that says nothing for this long is dead: two heartbeats of it, and more. */
const SILENCE = 45_000;
const MOST_CHATS = 100;

const byId = <T extends HTMLElement>(id: string): T => document.getElementById(id) as T;
const clock = new Intl.DateTimeFormat(language, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });

const pause = (milliseconds: number): Promise<void> => new Promise((done) => setTimeout(done, milliseconds));

/** Waits until the page is seen. */
const seen = (): Promise<void> =>
  new Promise((done) => {
    const look = (): void => {
      if (document.hidden) return;
      document.removeEventListener("visibilitychange", look);
      done();
    };
    document.addEventListener("visibilitychange", look);
    look();
  });

class Console {
  #chatId = "";
  #listed = "";
  #events: Event[] = [];
  #last = 0n;
  #turning = 0;
  /** Ends listening to the chat that is shown. */
  #leave = new AbortController();
  #isStale = false;
  #isLooking = false;
  #summarizing: AbortController | null = null;
  #conversation = new Conversation();
  #box = make("deskhand-reply", { sends: "", language });

  start(): void {
    document.documentElement.lang = language;
    byId("chats-title").textContent = texts.title;
    byId("pick").textContent = texts.pick;
    byId("beside").setAttribute("aria-label", texts.visitor);
    byId("key-ask").textContent = texts.keyAsk;
    byId("key-label").firstChild!.textContent = texts.keyLabel;
    byId("key-save").textContent = texts.keySave;
    byId("offline").textContent = texts.offline;
    byId("summary-title").textContent = texts.summary;
    byId("summary-close").setAttribute("aria-label", texts.close);
    byId("conversation").append(this.#conversation.element);
    this.#box.fetchKey = savedKey;
    this.#box.append(button(texts.summarize, () => void this.#summarize(), { slot: "tools" }));
    this.#box.addEventListener("deskhand-sent", () => void this.#look());
    this.#name();
    byId("reply-box").append(this.#box);
    const search = byId<HTMLInputElement>("chat-search");
    search.placeholder = texts.search;
    search.setAttribute("aria-label", texts.search);
    search.addEventListener("input", () => void this.#list());
    const which = byId<HTMLSelectElement>("which");
    which.setAttribute("aria-label", texts.title);
    which.append(make("option", { value: "open" }, texts.open), make("option", { value: "all" }, texts.all));
    which.addEventListener("change", () => void this.#list());
    const name = byId<HTMLInputElement>("agent-name");
    name.placeholder = texts.agent;
    name.setAttribute("aria-label", texts.agent);
    name.value = agentName();
    name.addEventListener("change", () => {
      saveAgentName(name.value);
      // A key is for one agent.
      if (forgetKey()) location.reload();
      this.#name();
    });
    const choose = byId<HTMLSelectElement>("language");
    choose.setAttribute("aria-label", texts.language);
    choose.append(...Object.entries(LANGUAGES).map(([value, name]) => make("option", { value, lang: value }, name)));
    choose.value = language;
    choose.addEventListener("change", () => {
      localStorage.setItem("deskhand-language", choose.value);
      location.href = location.pathname + location.hash;
    });
    byId<HTMLFormElement>("key-form").addEventListener("submit", (event) => {
      event.preventDefault();
      void this.#takeKey();
    });
    byId("summary-close").addEventListener("click", () => this.#closeSummary());
    document.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || event.defaultPrevented) return;
      if (this.#box.stop() || this.#closeSummary()) event.preventDefault();
    });
    window.addEventListener("hashchange", () => void this.#turnTo(decodeURIComponent(location.hash.slice(1))));
    void this.#follow();
  }

  /** Says in the form why a key is not taken. */
  #refuse(why: string): void {
    byId("key-failed").textContent = why;
    byId("key-failed").hidden = !why;
  }

  /** Takes the key that was typed in. */
  async #takeKey(): Promise<void> {
    const typed = byId<HTMLInputElement>("key");
    const key = typed.value;
    typed.value = "";
    const refusal = await saveKey(key);
    this.#refuse(refusal);
    byId("key-form").hidden = !refusal;
    if (!refusal) await this.#look();
  }

  /** Says who answers. */
  #name(): void {
    this.#box.setAttribute("agent-id", agentId());
    this.#box.setAttribute("agent-name", agentName());
  }

  /**
   * Listens for what is new in all chats, or in one until it is left, as long as the page is seen: browsers allow few open streams to a server.
   * With a key for one agent, "all" are that agent's: others are looked for when nothing is told for a while.
   */
  async #follow(chatId = "", left?: AbortSignal): Promise<void> {
    while (!left?.aborted) {
      await seen();
      if (left?.aborted) return;
      const end = new AbortController();
      const stop = (): void => end.abort();
      left?.addEventListener("abort", stop);
      const leave = (): void => {
        if (document.hidden || !navigator.onLine) end.abort();
      };
      document.addEventListener("visibilitychange", leave);
      window.addEventListener("offline", leave);
      let silence = 0;
      const heard = (): void => {
        clearTimeout(silence);
        silence = window.setTimeout(() => end.abort(), SILENCE);
      };
      heard();
      this.#soon();
      try {
        const asked = chatId ? { chatId, afterSequence: this.#last } : {};
        for await (const { what } of chats.watch(asked, { signal: end.signal, timeoutMs: 0 })) {
          heard();
          if (!chatId || what.case === "changed") this.#soon();
        }
      } catch (error) {
        if (!end.signal.aborted) this.#failed(error);
      }
      clearTimeout(silence);
      document.removeEventListener("visibilitychange", leave);
      window.removeEventListener("offline", leave);
      left?.removeEventListener("abort", stop);
      if (!left?.aborted) await pause(PAUSE);
    }
  }

  /** Looks for what is new now, or once that has been done which is being looked for. */
  #soon(): void {
    this.#isStale = true;
    if (this.#isLooking) return;
    this.#isLooking = true;
    void (async () => {
      while (this.#isStale) {
        this.#isStale = false;
        await this.#look();
        const asked = decodeURIComponent(location.hash.slice(1));
        if (asked && !this.#chatId) void this.#turnTo(asked);
        // While no server answers nothing is told.
        const isOffline = !byId("offline").hidden;
        this.#isStale ||= isOffline;
        await pause(isOffline ? PAUSE : BETWEEN);
      }
      this.#isLooking = false;
    })();
  }

  /** Looks for what is new. */
  async #look(): Promise<void> {
    await Promise.all([this.#list(), this.#refresh()]);
  }

  #failed(error: unknown): void {
    if (needsKey(error)) {
      if (savedKey()) this.#refuse(inWords(error));
      if (byId("key-form").hidden) {
        byId("key-form").hidden = false;
        byId("key").focus();
      }
    } else if (isGone(error)) byId("offline").hidden = false;
  }

  async #list(): Promise<void> {
    const query = byId<HTMLInputElement>("chat-search").value.trim();
    const status = byId<HTMLSelectElement>("which").value === "all" || query ? ChatStatus.UNSPECIFIED : ChatStatus.OPEN;
    const asked = `${query}\n${status}`;
    this.#listed = asked;
    try {
      const found = await chats.listChats({ query, status, pageSize: MOST_CHATS }, SOON);
      if (this.#listed !== asked) return;
      byId("offline").hidden = true;
      const items = found.chats.map((chat) => this.#chatItem(chat));
      byId("chats").replaceChildren(...(items.length ? items : [make("li", { class: "empty" }, texts.none)]));
    } catch (error) {
      this.#failed(error);
    }
  }

  #chatItem(chat: Chat): HTMLElement {
    const time = chat.updatedAt ? clock.format(new Date(Number(chat.updatedAt.seconds) * 1000)) : "";
    const about = [chat.topic || chat.subject, time].filter(Boolean).join(" · ");
    const link = make("a", { href: `#${encodeURIComponent(chat.chatId)}` }, make("strong", {}, chat.customer?.name || chat.chatId), make("span", {}, about));
    if (chat.chatId === this.#chatId) link.setAttribute("aria-current", "true");
    return make("li", {}, link);
  }

  async #turnTo(chatId: string): Promise<void> {
    if (!chatId || chatId === this.#chatId) return;
    this.#closeSummary();
    this.#chatId = chatId;
    this.#events = [];
    this.#last = 0n;
    const turning = ++this.#turning;
    this.#leave.abort();
    this.#leave = new AbortController();
    if (decodeURIComponent(location.hash.slice(1)) !== chatId) history.pushState(null, "", `#${encodeURIComponent(chatId)}`);
    for (const link of byId("chats").querySelectorAll("a")) {
      if (link.hash === `#${encodeURIComponent(chatId)}`) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
    const left = this.#leave.signal;
    await this.#refresh();
    if (this.#chatId && turning === this.#turning) void this.#follow(chatId, left);
  }

  /** Reads what is new in the chat that is shown. */
  async #refresh(): Promise<void> {
    const { chatId, turning } = { chatId: this.#chatId, turning: this.#turning };
    if (!chatId) return;
    try {
      const read = await chats.getChat({ chatId, afterSequence: this.#last, pageSize: 1000 }, SOON);
      if (turning !== this.#turning || !read.chat) return;
      const fresh = read.events.filter((event) => event.sequence > this.#last);
      const first = this.#last === 0n;
      this.#events.push(...fresh);
      this.#last = this.#events.at(-1)?.sequence ?? 0n;
      byId("pick").hidden = true;
      byId("chat").hidden = false;
      byId("beside").hidden = false;
      if (!fresh.length && !first) return;
      const customer = read.chat.customer;
      byId("chat-title").textContent = customer?.name || chatId;
      byId("chat-about").textContent = [read.chat.topic, read.chat.subject].filter(Boolean).join(" · ");
      this.#conversation.show(read.chat, this.#events);
      showKnown(byId("known"), read.chat, this.#events, (other) => void this.#turnTo(other));
      if (this.#box.getAttribute("chat") === chatId) this.#box.refresh();
      else this.#box.setAttribute("chat", chatId);
    } catch (error) {
      this.#failed(error);
      if (turning === this.#turning && !needsKey(error) && !isGone(error)) {
        byId("pick").textContent = inWords(error);
        byId("pick").hidden = false;
        byId("chat").hidden = true;
        byId("beside").hidden = true;
        this.#leave.abort();
        this.#chatId = "";
      }
    }
  }

  async #summarize(): Promise<void> {
    this.#closeSummary();
    const running = new AbortController();
    this.#summarizing = running;
    const shown = byId("summary-text");
    shown.textContent = texts.writing;
    byId("summary").hidden = false;
    try {
      let text = "";
      for await (const { event } of replies.summarizeChat({ chatId: this.#chatId, agent: agent() }, { signal: running.signal })) {
        if (event.case === "delta") shown.textContent = text += event.value;
        else if (event.case === "finished") shown.textContent = event.value.text;
      }
    } catch (error) {
      if (!running.signal.aborted) shown.textContent = inWords(error);
    }
  }

  #closeSummary(): boolean {
    const open = !byId("summary").hidden;
    this.#summarizing?.abort();
    byId("summary").hidden = true;
    return open;
  }
}

new Console().start();
