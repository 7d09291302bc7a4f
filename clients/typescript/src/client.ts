import type { DescMethodServerStreaming, DescMethodUnary, DescService, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import { Code, ConnectError, makeAnyClient, type Transport } from "@connectrpc/connect";
import { createAsyncIterable } from "@connectrpc/connect/protocol";
import { DeskhandError } from "./error.js";
import { ChatService, type WatchRequestSchema, type WatchResponse } from "./gen/deskhand/v1/chats_pb.js";
import { KeyService } from "./gen/deskhand/v1/keys_pb.js";
import { KnowledgeService } from "./gen/deskhand/v1/knowledge_pb.js";
import { ReplyService } from "./gen/deskhand/v1/replies_pb.js";

/** A key, or a function that gets one. What it returns is kept until the server refuses it. */
export type Key = string | (() => string | Promise<string>);

export interface ClientOptions {
  /** How the server is reached: `nodeTransport(…)` or `webTransport(…)`. */
  transport: Transport;
  /** Default: no key. */
  key?: Key;
  /** How long a call may take, repeats included, in milliseconds. Default: 30,000; 90,000 for calls that stream. */
  timeoutMs?: number;
  /** How often a call is sent at most. Default: 4. */
  attempts?: number;
}

export interface CallOptions {
  /** How long this call may take. Default: the client's. */
  timeoutMs?: number;
  /** Cancels the call. */
  signal?: AbortSignal;
}

/** The calls of a service. Those that stream begin when they are first read, and are cancelled when they are left. */
export type Calls<S extends DescService> = {
  [M in keyof S["method"]]: S["method"][M] extends DescMethodUnary<infer I, infer O>
    ? (request: MessageInitShape<I>, options?: CallOptions) => Promise<MessageShape<O>>
    : S["method"][M] extends DescMethodServerStreaming<infer I, infer O>
      ? (request: MessageInitShape<I>, options?: CallOptions) => AsyncGenerator<MessageShape<O>, void>
      : never;
};

/** How long a call may take, and one that streams: a model's first token may be late, and its last one comes long after. */
const UNARY_MS = 30_000;
const STREAM_MS = 90_000;
/** The first wait before a repeat; each further one is twice as long. */
const FIRST_WAIT_MS = 100;
const LONGEST_WAIT_MS = 5_000;
/** How long a stream of a watch lasts at most, and how long one may be silent: three heartbeats. */
const WATCH_MS = 86_400_000;
const SILENCE_MS = 45_000;

/** A client of one server. It throws `DeskhandError`. */
export class DeskhandClient {
  readonly replies: Calls<typeof ReplyService>;
  readonly chats: Calls<typeof ChatService>;
  readonly knowledge: Calls<typeof KnowledgeService>;
  readonly keys: Calls<typeof KeyService>;
  readonly #transport: Transport;
  readonly #key: Key | undefined;
  readonly #timeoutMs: number | undefined;
  readonly #attempts: number;
  /** The key that is in use, once it was asked for. */
  #kept: Promise<string> | undefined;

  constructor({ transport, key, timeoutMs, attempts = 4 }: ClientOptions) {
    this.#transport = transport;
    this.#key = key;
    this.#timeoutMs = timeoutMs;
    this.#attempts = attempts;
    this.replies = this.#calls(ReplyService);
    this.chats = this.#calls(ChatService);
    this.knowledge = this.#calls(KnowledgeService);
    this.keys = this.#calls(KeyService);
  }

  /**
   * What happens in chats, until it is left: when a stream ends or falls silent, the next one goes on after the last message. It throws what does
   * not pass by itself, such as `RESUME_TOO_OLD`: then list the chats again, and watch without a `resumeToken`.
   */
  async *watch(request: MessageInitShape<typeof WatchRequestSchema>, { signal }: Pick<CallOptions, "signal"> = {}): AsyncGenerator<WatchResponse, void> {
    let resumeToken = request.resumeToken ?? "";
    for (let attempt = 1; ; attempt++) {
      const end = new AbortController();
      let silenceMs = SILENCE_MS;
      let silence = setTimeout(() => end.abort(), silenceMs);
      let error: DeskhandError | undefined;
      let heard = false;
      try {
        const streams = signal ? AbortSignal.any([signal, end.signal]) : end.signal;
        for await (const message of this.chats.watch({ ...request, resumeToken }, { signal: streams, timeoutMs: WATCH_MS })) {
          clearTimeout(silence);
          [heard, attempt, resumeToken] = [true, 1, message.resumeToken];
          if (message.what.case === "heartbeat") silenceMs = Math.max(SILENCE_MS, 3 * message.what.value.intervalMilliseconds);
          yield message;
          silence = setTimeout(() => end.abort(), silenceMs);
        }
      } catch (cause) {
        error = DeskhandError.from(cause);
      } finally {
        clearTimeout(silence);
        end.abort();
      }
      if (error && !this.#isResumed(error, heard, signal)) throw error;
      const backoff = Math.min(FIRST_WAIT_MS * 2 ** (attempt - 1), LONGEST_WAIT_MS);
      await pause((error && waitBefore(error, attempt)) ?? backoff, signal);
    }
  }

  /** Whether a watch that ended so goes on: also if the connection was lost, which no server tells, or the key is renewed. */
  #isResumed(error: DeskhandError, heard: boolean, signal: AbortSignal | undefined): boolean {
    if (signal?.aborted) return false;
    if (error.code === Code.Unauthenticated) return heard && typeof this.#key === "function";
    return error.code === Code.DeadlineExceeded || error.reason === "" || waitBefore(error, 1) !== undefined;
  }

  #calls<S extends DescService>(service: S): Calls<S> {
    return makeAnyClient(service, (method) => {
      if (method.methodKind === "unary") return (request: never, options?: CallOptions) => this.#unary(method as DescMethodUnary, request, options);
      if (method.methodKind === "server_streaming")
        return (request: never, options?: CallOptions) => this.#stream(method as DescMethodServerStreaming, request, options);
      return null;
    }) as Calls<S>;
  }

  async #unary(method: DescMethodUnary, request: MessageInitShape<DescMethodUnary["input"]>, options: CallOptions = {}) {
    const response = await this.#repeat(options.timeoutMs ?? this.#timeoutMs ?? UNARY_MS, options.signal, (timeoutMs, headers) =>
      this.#transport.unary(method, options.signal, timeoutMs, headers, request),
    );
    return response.message;
  }

  async *#stream(method: DescMethodServerStreaming, request: MessageInitShape<DescMethodServerStreaming["input"]>, options: CallOptions = {}) {
    const left = new AbortController();
    const signal = options.signal ? AbortSignal.any([options.signal, left.signal]) : left.signal;
    let messages: AsyncIterator<MessageShape<DescMethodServerStreaming["output"]>> | undefined;
    try {
      // What was shown can't be taken back: a call is repeated only until its first message is there.
      let next = await this.#repeat(options.timeoutMs ?? this.#timeoutMs ?? STREAM_MS, signal, async (timeoutMs, headers) => {
        const response = await this.#transport.stream(method, signal, timeoutMs, headers, createAsyncIterable([request]));
        messages = response.message[Symbol.asyncIterator]();
        return messages.next();
      });
      while (messages && !next.done) {
        yield next.value;
        next = await messages.next();
      }
    } catch (error) {
      throw DeskhandError.from(error);
    } finally {
      left.abort();
      // A transport lets go of the deadline's timer when it is read after the abort; else the timer keeps the program from ending.
      messages?.next().catch(() => {});
    }
  }

  /** Sends a call until it succeeds, may not be repeated, or has no time left. Every call of the API is safe to repeat. */
  async #repeat<T>(allMs: number, signal: AbortSignal | undefined, send: (timeoutMs: number, headers: Headers) => Promise<T>): Promise<T> {
    const ends = performance.now() + allMs;
    let renewed = false;
    for (let attempt = 1; ; ) {
      const asked = this.#currentKey();
      const kept = this.#kept;
      try {
        const headers = new Headers();
        const key = await within(ends - performance.now(), signal, asked);
        if (key) headers.set("authorization", `Bearer ${key}`);
        // The header takes whole milliseconds; 0 would mean no deadline.
        return await send(Math.max(1, Math.floor(ends - performance.now())), headers);
      } catch (cause) {
        const error = DeskhandError.from(cause);
        if (error.code === Code.Unauthenticated && typeof this.#key === "function" && !renewed) {
          renewed = true;
          // Another call may have asked for a new key meanwhile.
          if (this.#kept === kept) this.#kept = undefined;
          continue;
        }
        const wait = waitBefore(error, attempt);
        if (attempt >= this.#attempts || wait === undefined || wait >= ends - performance.now()) throw error;
        await pause(wait, signal);
        attempt++;
      }
    }
  }

  async #currentKey(): Promise<string | undefined> {
    if (typeof this.#key !== "function") return this.#key;
    const key = this.#key;
    const asked = (this.#kept ??= Promise.resolve().then(() => key()));
    try {
      return await asked;
    } catch (error) {
      // What failed is not kept.
      if (this.#kept === asked) this.#kept = undefined;
      throw error;
    }
  }
}

/** How long to wait before a repeat, in milliseconds; `undefined`: a repeat makes no sense. */
function waitBefore(error: DeskhandError, attempt: number): number | undefined {
  const backoff = Math.min(FIRST_WAIT_MS * 2 ** (attempt - 1), LONGEST_WAIT_MS);
  // Callers that failed together must not come back together.
  const jitter = Math.random();
  if (error.code !== Code.Unavailable && error.code !== Code.ResourceExhausted) return undefined;
  if (error.retryAfterMs !== undefined) return error.retryAfterMs + jitter * backoff;
  // Without a delay an exhausted resource stays so: a full chat, a spent quota.
  return error.code === Code.Unavailable ? backoff * (0.5 + jitter / 2) : undefined;
}

function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return within(ms, signal).catch((error: unknown) => {
    if (DeskhandError.from(error).code !== Code.DeadlineExceeded) throw error;
  });
}

/** What `work` becomes, unless time runs out (DEADLINE_EXCEEDED) or the call is cancelled (CANCELLED) before. */
function within<T = never>(ms: number, signal: AbortSignal | undefined, work: Promise<T> = new Promise(() => {})): Promise<T> {
  return new Promise((resolve, reject) => {
    const fail = (message: string, code: Code) => end(() => reject(DeskhandError.from(new ConnectError(message, code))));
    const cancel = () => fail("the call was cancelled", Code.Canceled);
    const timer = setTimeout(() => fail("the call's deadline passed", Code.DeadlineExceeded), ms);
    const end = (then: () => void) => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", cancel);
      then();
    };
    work.then((value) => end(() => resolve(value)), (error: unknown) => end(() => reject(error)));
    if (signal?.aborted) cancel();
    else signal?.addEventListener("abort", cancel, { once: true });
  });
}
