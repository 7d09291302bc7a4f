// The calls: gRPC-Web to the server that the page came from, with the agent's key.
import { Code, ConnectError, createClient, type Interceptor } from "@connectrpc/connect";
import { createGrpcWebTransport } from "@connectrpc/connect-web";
import { ChatService } from "../gen/deskhand/v1/chats_pb";
import { ReplyService } from "../gen/deskhand/v1/replies_pb";
import { language } from "./texts";

const KEY = "deskhand-key";
const NAME = "deskhand-agent";
/** Longest wait for a call that does not stream. */
export const SOON = { timeoutMs: 15_000 };

// A key is kept as long as the tab is.
export const saveKey = (key: string): void => sessionStorage.setItem(KEY, key.trim());
export const agentName = (): string => localStorage.getItem(NAME) ?? "";
export const saveAgentName = (name: string): void => localStorage.setItem(NAME, name.trim());

/** Who clicks. */
export function agent() {
  const name = agentName();
  return { agentId: name ? `agent-${name.toLowerCase().replace(/\s+/g, "-")}` : "agent-console", name, groups: [], language };
}

const withKey: Interceptor = (next) => (request) => {
  const key = sessionStorage.getItem(KEY);
  if (key) request.header.set("authorization", `Bearer ${key}`);
  return next(request);
};

const transport = createGrpcWebTransport({ baseUrl: location.origin, useBinaryFormat: true, interceptors: [withKey], defaultTimeoutMs: 90_000 });
export const replies = createClient(ReplyService, transport);
export const chats = createClient(ChatService, transport);

/** An error in words; empty for a call that the agent stopped. */
export function inWords(error: unknown): string {
  const failure = ConnectError.from(error);
  return failure.code === Code.Canceled ? "" : failure.rawMessage;
}

export const needsKey = (error: unknown): boolean => [Code.Unauthenticated, Code.PermissionDenied].includes(ConnectError.from(error).code);
export const isGone = (error: unknown): boolean => [Code.Unavailable, Code.Unknown, Code.Internal].includes(ConnectError.from(error).code);
