// What the box asks of the server, for its chat and its agent.
import { DocumentKind } from "../gen/deskhand/v1/knowledge_pb";
import { Tone, type CheckReplyResponse, type Suggestion } from "../gen/deskhand/v1/replies_pb";
import { SOON, type Connection, type Stream } from "./connection";
import type { Surroundings } from "./outcome";
import { MAX_PICKED } from "./picker";
import { MAX_SUGGESTIONS } from "./suggestions";

/** Puts a text into other words. */
export type Rewrite = (text: string, signal: AbortSignal) => Stream;

export class Calls {
  /** The chat that is open; empty: none. */
  chatId = "";
  #connection: Connection;
  #around: Surroundings;

  constructor(connection: Connection, around: Surroundings) {
    this.#connection = connection;
    this.#around = around;
  }

  /** What fits the chat. */
  suggest = (): Promise<Suggestion[]> => this.#suggest({ limit: MAX_SUGGESTIONS });

  /** The canned answers that fit what was typed; without that, those that fit the chat. */
  pick = async (query: string): Promise<Suggestion[]> =>
    query || this.chatId ? this.#suggest({ query, kinds: [DocumentKind.CANNED_ANSWER], limit: MAX_PICKED }) : [];

  /** Checks a text, which may be a changed draft. */
  check = (text: string, previousText: string, options: { signal: AbortSignal; timeoutMs: number }): Promise<CheckReplyResponse> =>
    this.#replies.checkReply({ text, chatId: this.chatId, agent: this.#around.agent(), language: this.#language, previousText }, options);

  /** A draft by an instruction, or another of the one before. */
  draft = (asked: { instruction: string; previousDraft: string }, signal: AbortSignal): Stream =>
    this.#replies.draftReply({ chatId: this.chatId, agent: this.#around.agent(), language: this.#language, ...asked }, { signal });

  correct: Rewrite = (text, signal) => this.#replies.correctReply({ text, chatId: this.chatId }, { signal });

  retone =
    (tone: Tone): Rewrite =>
    (text, signal) =>
      this.#replies.retoneReply({ text, tone, chatId: this.chatId }, { signal });

  translate: Rewrite = (text, signal) =>
    this.#replies.translateReply({ source: { case: "text", value: text }, chatId: this.chatId, agent: this.#around.agent(), targetLanguage: this.#language }, { signal });

  get #replies() {
    return this.#connection.replies;
  }

  get #language(): string {
    return this.#around.customerLanguage();
  }

  async #suggest(wanted: { query?: string; kinds?: DocumentKind[]; limit: number }): Promise<Suggestion[]> {
    const asked = { chatId: this.chatId, agent: this.#around.agent(), language: this.#language, ...wanted };
    return (await this.#replies.suggestAnswers(asked, SOON)).suggestions;
  }
}
