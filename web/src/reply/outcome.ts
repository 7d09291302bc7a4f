// What becomes of a reply: it is sent, and what the agent did with the offer is recorded.
import { Author } from "../gen/deskhand/v1/chats_pb";
import { OutcomeAction } from "../gen/deskhand/v1/replies_pb";
import { SOON, type Connection } from "./connection";

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
}

/** Sends a reply: as an event of the chat. The same id again, after a lost answer, writes nothing twice. */
export async function send({ chats }: Connection, chatId: string, eventId: string, text: string, { agentId, name }: Agent): Promise<void> {
  const message = { author: Author.AGENT, authorId: agentId, authorName: name, text };
  await chats.appendEvents({ chatId, events: [{ eventId, body: { case: "message", value: message } }] }, SOON);
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
