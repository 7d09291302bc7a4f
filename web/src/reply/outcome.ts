// What becomes of a reply: it is sent, and what the agent did with the offer is recorded.
import { randomId } from "../dom";
import { Author } from "../gen/deskhand/v1/chats_pb";
import { OutcomeAction } from "../gen/deskhand/v1/replies_pb";
import { SOON, type Connection } from "./connection";
import type { Unsent } from "./unsent";

/** What was offered last, and its text as it was offered. */
export interface Offer {
  case: "draftId" | "suggestionId";
  value: string;
  text: string;
}

/** Whom the box works for. */
export interface Agent {
  agentId: string;
  name: string;
  groups: string[];
  language: string;
}

/** What the box tells the page. */
export interface Detail {
  chat: string;
  text: string;
  draftId: string;
  suggestionId: string;
}

/** What the box stands in. */
export interface Surroundings {
  agent: () => Agent;
  /** The language of drafts, translations and suggestions; empty: the customer's. */
  customerLanguage: () => string;
  /** Whether the reply is sent from here, and not by the page. */
  sends: boolean;
  tell: (event: "deskhand-insert" | "deskhand-sent", detail: Detail & { action?: string }) => void;
  /** What was being written in the chats that were turned away from. */
  unsent: Unsent;
}

/** Sends replies, as events of their chats. A text whose answer was lost goes again under the id that it had: it is written once. */
export class Sender {
  #connection: Connection;
  #tried = new Map<string, { text: string; id: string; isUnderWay: boolean }>();

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Sends a reply. Returns its id, or nothing while another of the chat is under way. */
  async send(chatId: string, text: string, { agentId, name }: Agent): Promise<string | undefined> {
    const before = this.#tried.get(chatId);
    if (before?.isUnderWay) return undefined;
    const tried = { text, id: before?.text === text ? before.id : randomId(), isUnderWay: true };
    this.#tried.set(chatId, tried);
    const message = { author: Author.AGENT, authorId: agentId, authorName: name, text };
    try {
      await this.#connection.chats.appendEvents({ chatId, events: [{ eventId: tried.id, body: { case: "message", value: message } }] }, SOON);
    } finally {
      tried.isUnderWay = false;
    }
    this.#tried.delete(chatId);
    return tried.id;
  }
}

/** What the agent did with an offer, by the text that was sent. */
export function actionOf(offer: Offer | null, text: string): "" | "sent" | "edited" {
  if (!offer) return "";
  return offer.text.trim() === text.trim() ? "sent" : "edited";
}

/** Records what the agent did with an offer. */
export async function record({ replies }: Connection, chatId: string, outcomeId: string, offer: Offer, finalText: string, agent: Agent): Promise<void> {
  const action = actionOf(offer, finalText) === "sent" ? OutcomeAction.SENT : OutcomeAction.EDITED;
  // A reply is sent all the same when what became of its offer can't be recorded.
  await replies.recordOutcome({ chatId, outcomeId, agent, offer: { case: offer.case, value: offer.value }, action, finalText }, SOON).catch(() => {});
}
