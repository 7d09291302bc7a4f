// What the client does around a call, against a server that answers as each test says.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import http from "node:http";
import http2 from "node:http2";
import { after, test } from "node:test";
import { promisify } from "node:util";
import { create, toBinary } from "@bufbuild/protobuf";
import { DurationSchema } from "@bufbuild/protobuf/wkt";
import { Code as Status, ConnectError } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { ChatService, Code, DeskhandClient, DeskhandError, ReplyService } from "deskhand-client";
import { nodeTransport } from "deskhand-client/node";
import { webTransport } from "deskhand-client/web";

const { DESKHAND_ADDRESS, DESKHAND_KEY } = process.env;
const TRANSPORTS = { gRPC: nodeTransport, Connect: (address) => nodeTransport(address, "connect"), "gRPC-Web": webTransport };
const bytes = (schema, value) => toBinary(schema, create(schema, value));

/** A refusal with `RetryInfo` after so many milliseconds. */
function refusal(code, retryMs) {
  const error = new ConnectError("not now", code);
  if (retryMs !== undefined) {
    const delay = bytes(DurationSchema, { seconds: BigInt(Math.floor(retryMs / 1000)), nanos: (retryMs % 1000) * 1_000_000 });
    error.details.push({ type: "google.rpc.RetryInfo", value: Uint8Array.of(0x0a, delay.length, ...delay) });
  }
  return error;
}

/** A server whose `GetChat`, `Watch` and `DraftReply` are these, and a client of it by a protocol. */
async function served({ getChat, watch, draftReply }, options, protocol = "gRPC") {
  const routes = (router) => {
    if (getChat || watch) router.service(ChatService, { ...(getChat && { getChat }), ...(watch && { watch }) });
    if (draftReply) router.service(ReplyService, { draftReply });
  };
  const sessions = new Set();
  // Pages reach servers without TLS by HTTP/1.1.
  const { createServer } = protocol === "gRPC-Web" ? http : http2;
  const server = createServer(connectNodeAdapter({ routes }));
  server.on("session", (session) => sessions.add(session));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  after(() => {
    for (const session of sessions) session.destroy();
    server.close();
    server.closeAllConnections?.();
  });
  return new DeskhandClient({ transport: TRANSPORTS[protocol](`http://127.0.0.1:${server.address().port}`), ...options });
}

/** A refusal with a reason, as the service's own are. */
function serversOwn(code, reason) {
  const error = new ConnectError("no", code);
  error.details.push({ type: "google.rpc.ErrorInfo", value: Uint8Array.of(0x0a, reason.length, ...Buffer.from(reason)) });
  return error;
}

const code = (expected) => (error) => error instanceof DeskhandError && error.code === expected;

for (const protocol of Object.keys(TRANSPORTS)) {
  test(`by ${protocol} a watch goes on after the last message, however its stream ended`, async () => {
    const asked = [];
    const desk = await served(
      {
        watch: async function* ({ chatId, resumeToken }) {
          asked.push(resumeToken);
          assert.equal(chatId, "chat-1");
          const [first, end] = [["1", refusal(Status.Unavailable, 1)], ["3", null], ["5", refusal(Status.ResourceExhausted, 1)]][asked.length - 1] ?? [];
          if (!first) throw serversOwn(Status.FailedPrecondition, "RESUME_TOO_OLD");
          yield { resumeToken: first, what: { case: "heartbeat", value: {} } };
          yield { resumeToken: String(Number(first) + 1), what: { case: "heartbeat", value: {} } };
          if (end) throw end;
        },
      },
      {},
      protocol,
    );
    const told = [];
    await assert.rejects(async () => {
      for await (const { resumeToken } of desk.watch({ chatId: "chat-1", resumeToken: "0" })) told.push(resumeToken);
    }, (error) => error instanceof DeskhandError);
    assert.deepEqual(told, ["1", "2", "3", "4", "5", "6"]);
    assert.deepEqual(asked.slice(0, 4), ["0", "2", "4", "6"]);
  });
}

test("a watch that is cancelled ends", async () => {
  const watch = async function* (_, { signal }) {
    yield { resumeToken: "1", what: { case: "caughtUp", value: {} } };
    await once(signal, "abort");
  };
  const desk = await served({ watch }, {});
  const leave = new AbortController();
  await assert.rejects(async () => {
    for await (const { what } of desk.watch({}, { signal: leave.signal })) if (what.case === "caughtUp") leave.abort();
  }, code(Code.Canceled));
});

test("a call that was UNAVAILABLE twice succeeds the third time", async () => {
  let calls = 0;
  const desk = await served({
    getChat: () => {
      if (++calls < 3) throw refusal(Status.Unavailable);
      return { lastSequence: 7n };
    },
  });
  await desk.chats.getChat({ chatId: "chat-1" });
  assert.equal(calls, 3);
});

test("a call is sent no more often than `attempts` says", async () => {
  let calls = 0;
  const getChat = () => {
    calls++;
    throw refusal(Status.Unavailable);
  };
  const desk = await served({ getChat }, { attempts: 2 });
  await assert.rejects(desk.chats.getChat({ chatId: "chat-1" }), code(Code.Unavailable));
  assert.equal(calls, 2);
});

test("an exhausted resource is asked for again after RetryInfo and no sooner, and without RetryInfo not at all", async () => {
  const times = [];
  let delay = 400;
  const desk = await served({
    getChat: () => {
      times.push(performance.now());
      if (times.length === 2) return {};
      throw refusal(Status.ResourceExhausted, delay);
    },
  });
  await desk.chats.getChat({ chatId: "chat-1" });
  assert.equal(times.length, 2);
  assert.ok(times[1] - times[0] >= 395, `it came again after ${times[1] - times[0]} ms`);
  delay = undefined;
  await assert.rejects(desk.chats.getChat({ chatId: "chat-1" }), code(Code.ResourceExhausted));
  assert.equal(times.length, 3);
});

test("no repeat that could not begin before the deadline is waited for", async () => {
  let calls = 0;
  const desk = await served({
    getChat: () => {
      calls++;
      throw refusal(Status.Unavailable, 60_000);
    },
  });
  const began = performance.now();
  await assert.rejects(desk.chats.getChat({ chatId: "chat-1" }), (error) => error.code === Code.Unavailable && error.retryAfterMs === 60_000);
  assert.equal(calls, 1);
  assert.ok(performance.now() - began < 20_000);
});

test("the deadline holds for all attempts together, and a call's own goes before the client's", async () => {
  const deadlines = [];
  const desk = await served(
    {
      getChat: (_, context) => {
        deadlines.push(context.timeoutMs());
        if (deadlines.length > 1) return new Promise(() => {});
        throw refusal(Status.Unavailable, 200);
      },
    },
    { timeoutMs: 600_000 },
  );
  await assert.rejects(desk.chats.getChat({ chatId: "chat-1" }, { timeoutMs: 800 }), code(Code.DeadlineExceeded));
  assert.ok(deadlines[0] <= 800 && deadlines[1] <= 605, `the server was given ${deadlines} ms`);
});

test("a call has 30 seconds, one that streams 90, unless the client says otherwise", async () => {
  const given = async (options) => {
    const deadlines = [];
    const desk = await served(
      {
        getChat: (_, context) => (deadlines.push(context.timeoutMs()), {}),
        draftReply: async function* (_, context) {
          deadlines.push(context.timeoutMs());
          yield { event: { case: "delta", value: "Hello" } };
        },
      },
      options,
    );
    await desk.chats.getChat({ chatId: "chat-1" });
    for await (const _ of desk.replies.draftReply({ chatId: "chat-1" }));
    return deadlines.map((deadline) => Math.ceil(deadline / 10_000) * 10);
  };
  assert.deepEqual(await given({}), [30, 90]);
  assert.deepEqual(await given({ timeoutMs: 50_000 }), [50, 50]);
});

test("what is wrong with the request is not sent again", async () => {
  let calls = 0;
  const desk = await served({
    getChat: () => {
      calls++;
      throw refusal(Status.InvalidArgument, 1);
    },
  });
  await assert.rejects(desk.chats.getChat({ chatId: "chat-1" }), code(Code.InvalidArgument));
  assert.equal(calls, 1);
});

test("a stream is sent again until its first message is there, and never after", async () => {
  let calls = 0;
  const desk = await served({
    draftReply: async function* () {
      if (++calls === 1) throw refusal(Status.Unavailable);
      yield { event: { case: "delta", value: "Hello" } };
      throw refusal(Status.Unavailable, 1);
    },
  });
  const texts = [];
  await assert.rejects(async () => {
    for await (const { event } of desk.replies.draftReply({ chatId: "chat-1" })) texts.push(event.value);
  }, code(Code.Unavailable));
  assert.deepEqual(texts, ["Hello"]);
  assert.equal(calls, 2);
});

/** A draft that never ends, and when the server saw its cancel. */
function endless() {
  let seen;
  const cancelled = new Promise((resolve) => (seen = resolve));
  const draftReply = async function* (_, { signal }) {
    signal.addEventListener("abort", seen);
    yield { event: { case: "delta", value: "Hello" } };
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
  };
  return { draftReply, cancelled };
}

for (const protocol of Object.keys(TRANSPORTS))
  test(`${protocol}: a stream that is left is cancelled on the server`, { timeout: 10_000 }, async () => {
    const { draftReply, cancelled } = endless();
    const desk = await served({ draftReply }, {}, protocol);
    for await (const _ of desk.replies.draftReply({ chatId: "chat-1" })) break;
    await cancelled;
  });

test("a program that left a stream ends long before the stream's deadline", async () => {
  const program = `
    import { DeskhandClient } from "deskhand-client";
    import { nodeTransport } from "deskhand-client/node";
    const desk = new DeskhandClient({ transport: nodeTransport("http://${DESKHAND_ADDRESS}"), key: "${DESKHAND_KEY}" });
    for await (const _ of desk.replies.correctReply({ text: "I recieve it.", language: "en" })) break;
  `;
  // It is killed, and the test fails, when its time is over.
  await promisify(execFile)("node", ["--input-type=module", "--eval", program], { timeout: 15_000 });
});

test("a signal cancels a stream that is waited for", { timeout: 10_000 }, async () => {
  const { draftReply, cancelled } = endless();
  const desk = await served({ draftReply });
  const stop = new AbortController();
  await assert.rejects(async () => {
    for await (const _ of desk.replies.draftReply({ chatId: "chat-1" }, { signal: stop.signal })) stop.abort();
  }, code(Code.Canceled));
  await cancelled;
});

test("a signal ends the wait for a repeat", { timeout: 10_000 }, async () => {
  const stop = new AbortController();
  const desk = await served({
    getChat: () => {
      setTimeout(() => stop.abort(), 100);
      throw refusal(Status.Unavailable, 20_000);
    },
  });
  await assert.rejects(desk.chats.getChat({ chatId: "chat-1" }, { signal: stop.signal }), code(Code.Canceled));
});

test("a key that hangs does not outlive the deadline", { timeout: 10_000 }, async () => {
  const desk = await served({ getChat: () => ({}) }, { key: () => new Promise(() => {}) });
  await assert.rejects(desk.chats.getChat({ chatId: "chat-1" }, { timeoutMs: 200 }), code(Code.DeadlineExceeded));
});

for (const [name, transportTo] of Object.entries(TRANSPORTS)) {
  const transport = transportTo(`http://${DESKHAND_ADDRESS}`);

  test(`${name}: a server that is not there is UNAVAILABLE, and asked for again`, async () => {
    let asked = 0;
    const nowhere = transportTo("http://127.0.0.1:1");
    const counting = { ...nowhere, unary: (...call) => (asked++, nowhere.unary(...call)) };
    const desk = new DeskhandClient({ transport: counting, attempts: 2 });
    await assert.rejects(desk.chats.getChat({ chatId: "chat-1" }), code(Code.Unavailable));
    assert.equal(asked, 2);
  });

  test(`${name}: a refused key is asked for once more, and one that works is kept`, async () => {
    const keys = ["dh_wrong", DESKHAND_KEY];
    let asked = 0;
    const desk = new DeskhandClient({ transport, key: async () => keys[asked++] });
    await desk.chats.listChats({});
    await desk.chats.listChats({});
    assert.equal(asked, 2);
  });

  test(`${name}: a key that stays wrong is asked for twice in all`, async () => {
    let asked = 0;
    const key = () => {
      asked++;
      return "dh_wrong";
    };
    const desk = new DeskhandClient({ transport, key });
    await assert.rejects(desk.chats.listChats({}), (error) => error.code === Code.Unauthenticated && error.reason === "KEY_UNKNOWN");
    assert.equal(asked, 2);
  });

  test(`${name}: an error has its reason, the agent's text in their language, and every bad field`, async () => {
    const desk = new DeskhandClient({ transport, key: DESKHAND_KEY });
    const request = { agent: { language: "de" }, limit: -1 };
    await assert.rejects(desk.replies.suggestAnswers(request), (error) => {
      assert.equal(error.code, Code.InvalidArgument);
      assert.equal(error.reason, "INVALID_FIELD");
      assert.equal(error.locale, "de");
      assert.ok(error.text && error.text !== error.message);
      assert.deepEqual(error.fields.map(({ field }) => field).sort(), ["chat_id", "limit"]);
      return true;
    });
  });

  test(`${name}: a stream is read to its end`, async () => {
    const desk = new DeskhandClient({ transport, key: DESKHAND_KEY });
    let text = "";
    let finished;
    for await (const { event } of desk.replies.correctReply({ text: "I recieve it.", language: "en" }))
      if (event.case === "delta") text += event.value;
      else finished = event.value;
    assert.equal(finished.text, "I receive it.");
    if (!finished.replaced) assert.equal(text, finished.text);
  });
}
