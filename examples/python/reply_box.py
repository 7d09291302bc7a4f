"""A console's reply box in Python: append, suggest, stream a draft, retone.

    pip install -r examples/python/requirements.txt
    python examples/python/reply_box.py 127.0.0.1:50051

If the server requires keys, set DESKHAND_KEY to one with the scope `agent`.
"""

import os
import pathlib
import sys
import uuid

import grpc

# grpcio-tools compiles the protos on import: no build step, no generated code to commit.
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "proto"))
chats, chat_service = grpc.protos_and_services("deskhand/v1/chats.proto")
replies, reply_service = grpc.protos_and_services("deskhand/v1/replies.proto")

KEY = os.environ.get("DESKHAND_KEY")
# Options of every call: the deadline in seconds, and the key.
CALL = {"timeout": 30, "metadata": [("authorization", f"Bearer {KEY}")] if KEY else []}
AGENT = replies.Agent(agent_id="agent-selin", name="Selin", groups=["orders"], language="en")


def append(channel, chat_id):
    """Appends the chat's events. Safe to repeat: every event has a unique id."""
    events = [
        chats.Event(event_id="1", customer=chats.Customer(customer_id="customer-9", name="Elif Kaya", language="en")),
        chats.Event(event_id="2", form=chats.Form(answers={"order_number": "KE-204815"})),
        chats.Event(event_id="3", message=chats.Message(author=chats.AUTHOR_CUSTOMER, text="Hello, how do I return a towel?")),
    ]
    request = chats.AppendEventsRequest(chat_id=chat_id, events=events)
    reply = chat_service.ChatServiceStub(channel).AppendEvents(request, **CALL)
    print(f"appended {reply.appended} events")


def suggest(stub, chat_id):
    """Prints matching answers, best first."""
    request = replies.SuggestAnswersRequest(chat_id=chat_id, agent=AGENT, limit=3)
    for suggestion in stub.SuggestAnswers(request, **CALL).suggestions:
        print(f"  {suggestion.score:.2f} {suggestion.title}: {suggestion.reason}")


def stream(call):
    """Prints a stream. Deltas only show progress; `finished` has the final text."""
    for message in call:
        if message.HasField("delta"):
            print(message.delta, end="", flush=True)
        else:
            print(f"\n  by {message.finished.model or 'the built-in engine'}, sources: {[source.id for source in message.finished.sources]}")
            return message.finished
    raise RuntimeError("the stream ended without `finished`")


def main(address):
    chat_id = f"example-{uuid.uuid4()}"
    with grpc.insecure_channel(address) as channel:
        stub = reply_service.ReplyServiceStub(channel)
        append(channel, chat_id)
        print("suggestions:")
        suggest(stub, chat_id)
        print("draft:")
        draft = stream(stub.DraftReply(replies.DraftReplyRequest(chat_id=chat_id, agent=AGENT), **CALL))
        print("friendlier:")
        request = replies.RetoneReplyRequest(text=draft.text, tone=replies.TONE_FRIENDLY, chat_id=chat_id)
        try:
            stream(stub.RetoneReply(request, **CALL))
        except grpc.RpcError as error:
            # Changing the tone needs a model; without one the console shows this error.
            if error.code() != grpc.StatusCode.FAILED_PRECONDITION:
                raise
            print(f"  {error.code().name}: {error.details()}")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1:50051")
