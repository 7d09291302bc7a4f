// The conversation, and what is known beside it.
import { timestampDate } from "@bufbuild/protobuf/wkt";
import { Author, type Chat, type Event } from "../gen/deskhand/v1/chats_pb";
import { link, make } from "../dom";
import { agent, inWords, replies } from "./api";
import { language, texts } from "./texts";

const clock = new Intl.DateTimeFormat(language, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });

export class Conversation {
  readonly element = make("ol", { class: "conversation", "aria-live": "polite", tabindex: "0", "aria-label": texts.messages });
  #chatId = "";
  #shown = 0n;
  #atEnd = true;

  constructor() {
    // Who reads the newest goes on doing so when the reply box takes more room.
    new ResizeObserver(() => this.#atEnd && this.#toEnd()).observe(this.element);
    this.element.addEventListener("scroll", () => (this.#atEnd = this.element.scrollHeight - this.element.scrollTop - this.element.clientHeight < 80));
  }

  #toEnd(): void {
    this.element.scrollTop = this.element.scrollHeight;
  }

  /** Shows a chat's events; those that are shown stay as they are, with their translations. */
  show(chat: Chat, events: Event[]): void {
    if (chat.chatId !== this.#chatId) {
      this.#chatId = chat.chatId;
      this.#shown = 0n;
      this.#atEnd = true;
      this.element.replaceChildren();
    }
    const fresh = events.filter((event) => event.sequence > this.#shown);
    const items = fresh.map((event) => this.#item(event)).filter((item) => item !== null);
    this.element.append(...items);
    this.#shown = events.at(-1)?.sequence ?? this.#shown;
    if (this.#atEnd && items.length) this.#toEnd();
  }

  #item(event: Event): HTMLElement | null {
    const time = event.at ? make("time", { datetime: timestampDate(event.at).toISOString() }, clock.format(timestampDate(event.at))) : "";
    const { body } = event;
    const line = (text: string) => make("li", { class: "happening" }, text, " ", time);
    switch (body.case) {
      case "message": {
        const { author, authorName, text, attachments } = body.value;
        const kind = author === Author.CUSTOMER ? "customer" : author === Author.BOT ? "bot" : "agent";
        const name = authorName || (kind === "customer" ? texts.customer : kind === "bot" ? texts.bot : texts.agentWord);
        const item = make("li", { class: `message ${kind}` }, make("div", { class: "by" }, make("strong", {}, name), " ", time));
        item.append(make("p", {}, event.redacted ? texts.redacted : text));
        for (const { name, url } of attachments) item.append(make("p", { class: "file" }, link(url, name || url)));
        if (kind === "customer" && !event.redacted && text.trim()) item.append(this.#translator(event.eventId));
        return item;
      }
      case "note": {
        const { agentName, text } = body.value;
        const by = make("div", { class: "by" }, make("strong", {}, `${texts.note} · ${agentName}`), " ", time);
        return make("li", { class: "message note" }, by, make("p", {}, event.redacted ? texts.redacted : text));
      }
      case "transfer":
        return line(`${texts.transferred} → ${body.value.toAgentName || body.value.toGroup || body.value.toAgentId}`);
      case "topic":
        return line(`${texts.topic}: ${body.value.topic}`);
      case "resolved":
        return line(texts.resolved);
      case "reopened":
        return line(texts.reopened);
      case "ticket":
        return line(`${texts.ticket} ${body.value.ticketId}`);
      case "rating":
        return line(`${texts.rated(body.value.score)}${body.value.comment ? `: ${body.value.comment}` : ""}`);
      default:
        return null;
    }
  }

  /** The button under a customer's message that puts it into the agent's language, the original kept. */
  #translator(eventId: string): HTMLElement {
    const chatId = this.#chatId;
    const button = make("button", { type: "button", class: "quiet translate" }, texts.translate);
    const shown = make("p", { class: "translation", hidden: "", "aria-live": "polite" });
    button.addEventListener("click", async () => {
      button.disabled = true;
      shown.hidden = false;
      shown.textContent = "…";
      try {
        let text = "";
        for await (const { event } of replies.translateReply({ source: { case: "eventId", value: eventId }, chatId, agent: agent() })) {
          if (event.case === "delta") shown.textContent = text += event.value;
          else if (event.case === "finished") shown.textContent = event.value.text;
        }
        button.hidden = true;
        shown.lang = language;
        shown.title = texts.translated;
      } catch (error) {
        shown.textContent = inWords(error);
        button.disabled = false;
      }
    });
    return make("div", { class: "beneath" }, button, shown);
  }
}

function facts(title: string, pairs: [string, string][]): HTMLElement[] {
  const filled = pairs.filter(([, value]) => value);
  if (filled.length === 0) return [];
  const list = make("dl", {}, ...filled.flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, value)]));
  return [make("section", {}, make("h3", {}, title), list)];
}

/** What is known of the visitor and the matter; `turnTo` opens another chat. */
export function showKnown(panel: HTMLElement, chat: Chat, events: Event[], turnTo: (chatId: string) => void): void {
  const { customer } = chat;
  const words = texts.facts;
  const visitor: [string, string][] = [
    [words.name, customer?.name ?? ""],
    [words.email, customer?.email ?? ""],
    [words.phone, customer?.phone ?? ""],
    [words.language, customer?.language ?? ""],
    [words.location, customer?.location ?? ""],
    [words.device, [customer?.device, customer?.operatingSystem, customer?.browser].filter(Boolean).join(", ")],
    ...Object.entries(customer?.attributes ?? {}),
  ];
  const records = chat.records.flatMap((record) => facts(`${record.source} ${record.reference}`, Object.entries(record.values)));
  const pages = events.flatMap(({ body }) => (body.case === "pageView" ? [body.value] : [])).slice(-8);
  const seen = pages.map(({ url, title, seconds }) => make("li", {}, link(url, title || url), ` ${seconds} s`));
  const earlier = chat.earlierChatIds.map((chatId) => {
    const button = make("button", { type: "button", class: "quiet" }, chatId);
    button.addEventListener("click", () => turnTo(chatId));
    return make("li", {}, button);
  });
  panel.replaceChildren(
    ...facts(texts.visitor, visitor),
    ...records,
    ...facts(texts.form, Object.entries(chat.formAnswers)),
    ...(seen.length ? [make("section", {}, make("h3", {}, texts.pages), make("ul", {}, ...seen))] : []),
    ...(earlier.length ? [make("section", {}, make("h3", {}, texts.earlier), make("ul", { class: "bare" }, ...earlier))] : []),
  );
}
