import type { Transport } from "@connectrpc/connect";
import { createGrpcWebTransport } from "@connectrpc/connect-web";

/** How a page reaches a server: by gRPC-Web, as the server's own pages do. The key must allow the page's origin. */
export function webTransport(address: string): Transport {
  return createGrpcWebTransport({ baseUrl: address });
}
