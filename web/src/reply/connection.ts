// The calls: gRPC-Web to a server, with a key that is fetched anew when it is refused. The key is kept in memory alone.
import { BinaryReader } from "@bufbuild/protobuf/wire";
import { Code, ConnectError, createClient, type Client } from "@connectrpc/connect";
import { createGrpcWebTransport } from "@connectrpc/connect-web";
import { ChatService } from "../gen/deskhand/v1/chats_pb";
import { ReplyService, type Finished } from "../gen/deskhand/v1/replies_pb";
import type { Texts } from "./texts";

/** A text as it is generated, and its end. */
export type Stream = AsyncIterable<{ event: { case: "delta"; value: string } | { case: "finished"; value: Finished } | { case: undefined; value?: undefined } }>;
export type FetchKey = () => string | Promise<string>;

/** Longest wait for a call that does not stream, for one that does, and for a key. */
export const SOON = { timeoutMs: 15_000 };
const STREAM_TIMEOUT = 90_000;
const KEY_TIMEOUT = 15_000;

/** The codes with which a key is refused. */
const REFUSED = [Code.Unauthenticated, Code.PermissionDenied];

export class Connection {
  readonly chats: Client<typeof ChatService>;
  readonly replies: Client<typeof ReplyService>;
  /** Where the next key comes from. */
  fetchKey: FetchKey | null = null;
  #key: Promise<string> | null = null;
  #texts: Texts;

  constructor(address: string, texts: Texts) {
    this.#texts = texts;
    const transport = createGrpcWebTransport({ baseUrl: address, useBinaryFormat: true, defaultTimeoutMs: STREAM_TIMEOUT, fetch: (input, init) => this.#send(input, init) });
    this.chats = createClient(ChatService, transport);
    this.replies = createClient(ReplyService, transport);
  }

  /** The key from now on; empty: none is known. */
  set key(key: string) {
    this.#key = key ? Promise.resolve(key) : null;
  }

  /** An error in the agent's words; empty for a call that was stopped. */
  inWords(error: unknown): string {
    const failure = ConnectError.from(error);
    if (failure.code === Code.Canceled) return "";
    if (isGone(failure)) return this.#texts.offline;
    return localized(failure) || failure.rawMessage;
  }

  async #send(input: RequestInfo | URL, init: RequestInit = {}): Promise<Response> {
    const key = await this.#current();
    try {
      const response = await this.#sendWith(key, input, init);
      if (!REFUSED.includes(Number(response.headers.get("grpc-status")))) return response;
      const next = await this.#next(key);
      return next === key ? response : await this.#sendWith(next, input, init);
    } catch (error) {
      // A browser does not show the refusal of a key that alone allowed this page's origin: it looks like a lost connection.
      if (!(error instanceof TypeError) || init.signal?.aborted) throw error;
      const next = await this.#next(key);
      if (next === key) throw error;
      return this.#sendWith(next, input, init);
    }
  }

  #sendWith(key: string, input: RequestInfo | URL, init: RequestInit): Promise<Response> {
    const headers = new Headers(init.headers);
    if (key) headers.set("authorization", `Bearer ${key}`);
    // Errors come with a text in this language.
    headers.set("accept-language", this.#texts.language);
    return fetch(input, { ...init, headers, credentials: "omit" });
  }

  /** The key; calls that need it at once fetch it once. */
  #current(): Promise<string> {
    this.#key ??= this.#fetched();
    return this.#key;
  }

  /** The key after a refused one. */
  async #next(refused: string): Promise<string> {
    if (!this.fetchKey) return refused;
    const known = this.#current();
    if ((await known) !== refused) return known;
    // Another call may have begun to fetch it meanwhile.
    if (this.#key === known) this.#key = this.#fetched();
    return this.#current();
  }

  async #fetched(): Promise<string> {
    const { fetchKey } = this;
    if (!fetchKey) return "";
    const late = new Promise<never>((_, reject) => setTimeout(reject, KEY_TIMEOUT));
    try {
      return (await Promise.race([Promise.resolve().then(fetchKey), late])).trim();
    } catch {
      // The next call asks again.
      this.#key = null;
      throw new ConnectError(this.#texts.noKey, Code.Unauthenticated);
    }
  }
}

export const needsKey = (error: unknown): boolean => REFUSED.includes(ConnectError.from(error).code);

/** Whether no server answered. */
export function isGone(error: unknown): boolean {
  const failure = ConnectError.from(error);
  return [Code.Unavailable, Code.Unknown, Code.Internal].includes(failure.code) && failure.details.length === 0;
}

/** The text for the agent that comes with an error: `google.rpc.LocalizedMessage`, whose field 2 it is. */
function localized(failure: ConnectError): string {
  for (const detail of failure.details) {
    if (!("type" in detail) || detail.type !== "google.rpc.LocalizedMessage") continue;
    const reader = new BinaryReader(detail.value as Uint8Array<ArrayBuffer>);
    while (reader.pos < reader.len) {
      const [field, kind] = reader.tag();
      if (field === 2) return reader.string();
      reader.skip(kind);
    }
  }
  return "";
}
