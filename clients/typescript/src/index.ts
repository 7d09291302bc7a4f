export { fromJson } from "@bufbuild/protobuf";
export { Code } from "@connectrpc/connect";
export { DeskhandClient, type Calls, type CallOptions, type ClientOptions, type Key } from "./client.js";
export { DeskhandError, type BadField } from "./error.js";
export * from "./gen/deskhand/v1/chats_pb.js";
export * from "./gen/deskhand/v1/keys_pb.js";
export * from "./gen/deskhand/v1/knowledge_pb.js";
export * from "./gen/deskhand/v1/replies_pb.js";
