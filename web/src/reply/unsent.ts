// What was being written in each chat, until it is turned back to: in memory alone.
import type { Kept } from "./editor";
import type { Offer } from "./outcome";

/** Most chats of which it is kept; the oldest is dropped. */
const MOST = 100;

export interface Draft {
  editor: Kept<Offer>;
  instruction: string;
}

export class Unsent {
  #drafts = new Map<string, Draft>();

  /** Keeps what was being written; nothing, if nothing was. */
  keep(chatId: string, draft: Draft): void {
    if (!draft.editor.text.trim() && !draft.instruction.trim()) return;
    this.#drafts.set(chatId, draft);
    const [oldest = ""] = this.#drafts.keys();
    if (this.#drafts.size > MOST) this.#drafts.delete(oldest);
  }

  /** Hands out what was being written. */
  take(chatId: string): Draft | undefined {
    const draft = this.#drafts.get(chatId);
    this.#drafts.delete(chatId);
    return draft;
  }

  /** Forgets a text that was sent meanwhile. */
  sent(chatId: string, text: string): void {
    if (this.#drafts.get(chatId)?.editor.text.trim() === text.trim()) this.#drafts.delete(chatId);
  }
}
