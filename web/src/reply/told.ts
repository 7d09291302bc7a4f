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

/** Most events of one call. */
const MAX_EVENTS = 500;
const AUTHORS = { customer: Author.CUSTOMER, agent: Author.AGENT, bot: Author.BOT };

type Events = NonNullable<Parameters<Connection["chats"]["appendEvents"]>[0]["events"]>;

function eventsOf({ customer, messages = [] }: Told): Events {
  const events: Events = messages
    .filter(({ text }) => text.trim())
    .map(({ id, author, text, authorId = "", name = "", at, note }) => ({
      eventId: id,
      at: at === undefined ? undefined : timestampFromDate(new Date(at)),
      body: note
        ? { case: "note" as const, value: { agentId: authorId, agentName: name, text } }
        : { case: "message" as const, value: { author: AUTHORS[author], authorId, authorName: name, text } },
    }));
  if (customer) {
    const { id = "", name = "", email = "", phone = "", language = "" } = customer;
    const value = { customerId: id, name, email, phone, language };
    events.push({ eventId: `customer-${digest(JSON.stringify(value))}`, body: { case: "customer", value } });
  }
  return events;
}

/** Tells a chat's events. One that is known with other content, as of a message that was edited, stays as it is known. */
export async function tell({ chats }: Connection, chatId: string, told: Told): Promise<void> {
  const events = eventsOf(told);
  const known = (error: unknown) => ConnectError.from(error).code === Code.AlreadyExists;
  for (let at = 0; at < events.length; at += MAX_EVENTS) {
    const some = events.slice(at, at + MAX_EVENTS);
    try {
      await chats.appendEvents({ chatId, events: some }, SOON);
    } catch (error) {
      if (!known(error)) throw error;
      for (const event of some) {
        await chats.appendEvents({ chatId, events: [event] }, SOON).catch((error: unknown) => {
          if (!known(error)) throw error;
        });
      }
    }
  }
}

/** FNV-1a, 32 bits: a name for content, no secret. */
function digest(text: string): string {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash.toString(16);
}
