import type { Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport } from "@connectrpc/connect-node";

/** How a program in Node reaches a server, such as `http://127.0.0.1:50051`: by gRPC, or by the Connect protocol, both over HTTP/2. */
export function nodeTransport(address: string, protocol: "grpc" | "connect" = "grpc"): Transport {
  return protocol === "grpc"
    ? createGrpcTransport({ baseUrl: address })
    : createConnectTransport({ baseUrl: address, httpVersion: "2", useBinaryFormat: true });
}
