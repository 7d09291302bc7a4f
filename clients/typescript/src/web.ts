import { Code, ConnectError, type Transport } from "@connectrpc/connect";
import { createGrpcWebTransport } from "@connectrpc/connect-web";

/** How a page reaches a server: by gRPC-Web, as the server's own pages do. The key must allow the page's origin. */
export function webTransport(address: string): Transport {
  return createGrpcWebTransport({ baseUrl: address, fetch: reach });
}

/** `fetch`, whose failure to reach the server is UNAVAILABLE, as it is with gRPC. */
async function reach(input: RequestInfo | URL, init?: RequestInit): Promise<Response> {
  try {
    return await fetch(input, init);
  } catch (error) {
    if (init?.signal?.aborted) throw error;
    throw new ConnectError("the server can't be reached", Code.Unavailable, undefined, undefined, error);
  }
}
