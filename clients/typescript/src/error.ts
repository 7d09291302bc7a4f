import { Code, ConnectError } from "@connectrpc/connect";
import { durationMs } from "@bufbuild/protobuf/wkt";
import { BadRequestSchema, ErrorInfoSchema, LocalizedMessageSchema, RetryInfoSchema } from "./gen/google/rpc/error_details_pb.js";

/** A field that the server refused. */
export interface BadField {
  /** Its path, such as `events[0].event_id`. */
  field: string;
  /** What is wrong with it. */
  problem: string;
}

/** Why a call failed. `message` is for the operator, in English; `text` may be shown to the agent. */
export class DeskhandError extends Error {
  override readonly name = "DeskhandError";
  /** The gRPC status. */
  readonly code: Code;
  /** The server's stable reason, such as `CHAT_NOT_FOUND`; empty if the error is not the server's. */
  readonly reason: string;
  /** What happened and what the agent can do, in the agent's language; empty if the error is not the server's. */
  readonly text: string;
  /** The language of `text`, as a BCP 47 tag. */
  readonly locale: string;
  /** Every bad field of the request. */
  readonly fields: BadField[];
  /** Whether a part of the text was streamed before the error. */
  readonly partial: boolean;
  /** After how many milliseconds a repeat makes sense; `undefined`: the server does not say. */
  readonly retryAfterMs: number | undefined;

  constructor(cause: ConnectError) {
    super(cause.rawMessage, { cause });
    const [info] = cause.findDetails(ErrorInfoSchema);
    const [localized] = cause.findDetails(LocalizedMessageSchema);
    const [retry] = cause.findDetails(RetryInfoSchema);
    this.code = cause.code;
    this.reason = info?.reason ?? "";
    this.text = localized?.message ?? "";
    this.locale = localized?.locale ?? "";
    this.fields = cause.findDetails(BadRequestSchema).flatMap(({ fieldViolations }) =>
      fieldViolations.map(({ field, description }) => ({ field, problem: description })),
    );
    this.partial = info?.metadata.partial === "true";
    this.retryAfterMs = retry?.retryDelay && durationMs(retry.retryDelay);
  }

  /** Any error of a call, as this one. */
  static from(error: unknown): DeskhandError {
    return error instanceof DeskhandError ? error : new DeskhandError(ConnectError.from(error));
  }
}
