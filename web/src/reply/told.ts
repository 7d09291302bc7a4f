// What a page tells of a chat, as events. Their ids are the page's own, so that telling the same again changes nothing.
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import { Author } from "../gen/deskhand/v1/chats_pb";
import { SOON, type Connection } from "./connection";

export interface Told {
  customer?: { id?: string; name?: string; email?: string; phone?: string; language?: string };
  messages?: {
    /** The page's own id of the message. */
    id: string;
    author: "customer" | "agent" | "bot";
    text: string;
    authorId?: string;
    name?: string;
    /** When it was written: a date, an ISO 8601 text, or milliseconds. */
    at?: Date | string | number;
    /** An internal note, which no customer reads. */
    note?: boolean;
  }[];
}

/** Most events of one call, and most chats of which it is known what was told. */
const MAX_EVENTS = 500;
const MAX_CHATS = 100;
const AUTHORS = { customer: Author.CUSTOMER, agent: Author.AGENT, bot: Author.BOT };

type Events = NonNullable<Parameters<Connection["chats"]["appendEvents"]>[0]["events"]>;

function eventsOf({ customer, messages = [] }: Told): Events {
  const events: Events = messages
    .filter(({ text }) => text.trim())
    .map(({ id, author, text, authorId = "", name = "", at, note }) => {
      const what = note
        ? { case: "note" as const, value: { agentId: authorId, agentName: name, text } }
        : { case: "message" as const, value: { author: AUTHORS[author], authorId, authorName: name, text } };
      // With a key for one agent, what others wrote would else be that agent's.
      const isAgents = note || author === "agent";
      const body = isAgents ? { case: "reported" as const, value: { what } } : what;
      return { eventId: id, at: at === undefined ? undefined : timestampFromDate(new Date(at)), body };
    });
  if (customer) {
    const { id = "", name = "", email = "", phone = "", language = "" } = customer;
    const value = { customerId: id, name, email, phone, language };
    events.push({ eventId: `customer-${digest(JSON.stringify(value))}`, body: { case: "customer", value } });
  }
  return events;
}

/** Tells what happened in chats, each event once: a page that looks again and again tells what is new. */
export class Teller {
  #known = new Map<string, Set<string>>();

  /** Tells a chat's events. One that is known with other content, as of a message that was edited, stays as it is known. */
  async tell({ chats }: Connection, chatId: string, told: Told): Promise<void> {
    const known = this.#of(chatId);
    const events = eventsOf(told).filter(({ eventId = "" }) => !known.has(eventId));
    const append = async (some: Events): Promise<void> => {
      await chats.appendEvents({ chatId, events: some }, SOON);
      for (const { eventId = "" } of some) known.add(eventId);
    };
    for (let at = 0; at < events.length; at += MAX_EVENTS) {
      const some = events.slice(at, at + MAX_EVENTS);
      try {
        await append(some);
      } catch (error) {
        if (!exists(error)) throw error;
        for (const event of some) {
          await append([event]).catch((error: unknown) => {
            if (!exists(error)) throw error;
            known.add(event.eventId ?? "");
          });
        }
      }
    }
  }

  #of(chatId: string): Set<string> {
    const known = this.#known.get(chatId) ?? new Set();
    this.#known.delete(chatId);
    this.#known.set(chatId, known);
    const [oldest = ""] = this.#known.keys();
    if (this.#known.size > MAX_CHATS) this.#known.delete(oldest);
    return known;
  }
}

const exists = (error: unknown): boolean => ConnectError.from(error).code === Code.AlreadyExists;

/** FNV-1a, 32 bits: a name for content, no secret. */
function digest(text: string): string {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash.toString(16);
}
