// The stock Connect client, with JSON, against the served binary and a scripted model. It fails as a generated client of a page would.
import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { call, model, sampleChats, serve } from "./desk.js";

/** The client, its transport, and the services that `buf` generated, as one module. */
async function clients() {
  const { outputFiles } = await build({
    stdin: {
      contents: `export { createClient, Code, ConnectError } from "@connectrpc/connect";
        export { createConnectTransport } from "@connectrpc/connect-web";
        export { ChatService } from "../src/gen/deskhand/v1/chats_pb";
        export { KnowledgeService } from "../src/gen/deskhand/v1/knowledge_pb";
        export { ReplyService, Tone } from "../src/gen/deskhand/v1/replies_pb";`,
      resolveDir: fileURLToPath(new URL(".", import.meta.url)),
    },
    bundle: true,
    format: "esm",
    platform: "node",
    write: false,
  });
  return import(`data:text/javascript;base64,${Buffer.from(outputFiles[0].contents).toString("base64")}`);
}

const { createClient, Code, ConnectError, createConnectTransport, ChatService, KnowledgeService, ReplyService, Tone } = await clients();

for (const [name, options] of Object.entries({ JSON: {}, protobuf: { useBinaryFormat: true }, GET: { useHttpGet: true } })) {
  test(`the stock client calls, streams and fails, with ${name}`, async (t) => {
    const scripted = await model(t, () => ({ text: "We shall look into it at once." }));
    const server = await serve(t, { env: scripted.env, keys: [["--scope", "agent"]] });
    call(server, "ChatService/AppendEvents", sampleChats()[0], server.keys[0]);
    const key = (next) => (request) => {
      request.header.set("authorization", `Bearer ${server.keys[0]}`);
      return next(request);
    };
    const transport = createConnectTransport({ baseUrl: server.url, interceptors: [key], ...options });
    const [chats, knowledge, replies] = [ChatService, KnowledgeService, ReplyService].map((service) => createClient(service, transport));

    const { hits } = await knowledge.search({ query: "return", language: "en", limit: 3 });
    assert.equal(hits.length, 3);
    assert.equal(typeof hits[0].score, "number");
    const { chat, events } = await chats.getChat({ chatId: "chat-elif-web", pageSize: 1000 });
    assert.equal(typeof chat.lastSequence, "bigint");
    assert.ok(events.some(({ body }) => body.case === "message"));
    assert.ok(events[0].at.seconds > 0n);

    const messages = [];
    for await (const message of replies.retoneReply({ text: "We look into it.", tone: Tone.FORMAL })) messages.push(message);
    const finished = messages.at(-1).event;
    assert.equal(finished.case, "finished");
    assert.equal(finished.value.text, "We shall look into it at once.");
    assert.equal(messages.slice(0, -1).map(({ event }) => event.value).join(""), finished.value.text);

    const failure = await chats.getChat({ chatId: "no-such" }).catch(ConnectError.from);
    assert.equal(failure.code, Code.NotFound);
    const reason = failure.details.find(({ type }) => type === "google.rpc.ErrorInfo").debug.reason;
    assert.equal(reason, "CHAT_NOT_FOUND");
    const stream = replies.retoneReply({ text: "", tone: Tone.FORMAL });
    const refused = await stream[Symbol.asyncIterator]().next().catch(ConnectError.from);
    assert.equal(refused.code, Code.InvalidArgument);
  });
}

test("the stock client stops a stream, and keeps to its deadline", async (t) => {
  const scripted = await model(t, () => ({ text: "We shall ", hang: true }));
  const server = await serve(t, { env: scripted.env });
  const replies = createClient(ReplyService, createConnectTransport({ baseUrl: server.url }));
  const left = async () => {
    while (scripted.state.open) await new Promise((done) => setImmediate(done));
  };
  const controller = new AbortController();
  const stopped = await (async () => {
    for await (const { event } of replies.retoneReply({ text: "Wait.", tone: Tone.FORMAL }, { signal: controller.signal })) {
      assert.equal(event.case, "delta");
      controller.abort();
    }
  })().catch(ConnectError.from);
  assert.equal(stopped.code, Code.Canceled);
  await left();
  const late = await (async () => {
    for await (const _ of replies.retoneReply({ text: "Wait.", tone: Tone.FORMAL }, { timeoutMs: 500 }));
  })().catch(ConnectError.from);
  assert.equal(late.code, Code.DeadlineExceeded);
  await left();
});
