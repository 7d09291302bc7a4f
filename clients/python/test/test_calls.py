"""What the client does around a call, against a server that answers as each test says."""

import os
import threading
import time
import unittest
from concurrent.futures import ThreadPoolExecutor

import grpc
from google.protobuf.any_pb2 import Any
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

from deskhand import DeskhandClient, DeskhandError
from deskhand.v1 import chats_pb2 as chats
from deskhand.v1 import replies_pb2 as replies

GET_CHAT = chats.GetChatRequest(chat_id="chat-1")
DRAFT = replies.DraftReplyRequest(chat_id="chat-1")
HELLO = replies.DraftReplyResponse(delta="Hello")
#: Longest wait for something that must happen.
LONG = 10


def refuse(context, code, retry_after=None, reason=None):
    """Ends a call with an error, with `RetryInfo` after so many seconds, and with a reason, as the service's own have."""
    status = status_pb2.Status(code=code.value[0], message="not now")
    if reason is not None:
        detail = Any()
        detail.Pack(error_details_pb2.ErrorInfo(reason=reason, domain="deskhand"))
        status.details.append(detail)
    if retry_after is not None:
        retry = error_details_pb2.RetryInfo()
        retry.retry_delay.FromNanoseconds(int(retry_after * 1e9))
        detail = Any()
        detail.Pack(retry)
        status.details.append(detail)
    context.abort_with_status(rpc_status.to_status(status))


class Case(unittest.TestCase):
    def served(self, *, get_chat=None, watch=None, draft_reply=None, **options):
        """A client of a server whose `GetChat`, `Watch` and `DraftReply` are these."""
        server = grpc.server(ThreadPoolExecutor(4))
        unary = grpc.unary_unary_rpc_method_handler(get_chat, chats.GetChatRequest.FromString, chats.GetChatResponse.SerializeToString)
        stream = grpc.unary_stream_rpc_method_handler(draft_reply, replies.DraftReplyRequest.FromString, replies.DraftReplyResponse.SerializeToString)
        watched = grpc.unary_stream_rpc_method_handler(watch, chats.WatchRequest.FromString, chats.WatchResponse.SerializeToString)
        server.add_generic_rpc_handlers((
            grpc.method_handlers_generic_handler("deskhand.v1.ChatService", {"GetChat": unary, "Watch": watched}),
            grpc.method_handlers_generic_handler("deskhand.v1.ReplyService", {"DraftReply": stream}),
        ))
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        self.addCleanup(lambda: server.stop(None).wait(LONG))
        return self.enterContext(DeskhandClient(f"127.0.0.1:{port}", **options))

    def fails(self, code, call):
        with self.assertRaises(DeskhandError) as caught:
            call()
        self.assertIs(caught.exception.code, code)
        return caught.exception


class Watches(Case):
    def test_a_watch_goes_on_after_the_last_message_however_its_stream_ended(self):
        asked = []

        def watch(request, context):
            asked.append(request.resume_token)
            self.assertEqual(request.chat_id, "chat-1")
            if len(asked) > 3:
                refuse(context, grpc.StatusCode.FAILED_PRECONDITION, reason="RESUME_TOO_OLD")
            first = 2 * len(asked) - 1
            for number in (first, first + 1):
                yield chats.WatchResponse(resume_token=str(number), heartbeat=chats.Heartbeat())
            if len(asked) == 1:
                refuse(context, grpc.StatusCode.UNAVAILABLE, 0.001)
            if len(asked) == 2:
                refuse(context, grpc.StatusCode.RESOURCE_EXHAUSTED, 0.001)

        desk = self.served(watch=watch)
        told = []
        with self.assertRaises(DeskhandError) as caught:
            for message in desk.watch(chats.WatchRequest(chat_id="chat-1", resume_token="0")):
                told.append(message.resume_token)
        self.assertEqual(caught.exception.reason, "RESUME_TOO_OLD")
        self.assertEqual(told, ["1", "2", "3", "4", "5", "6"])
        self.assertEqual(asked, ["0", "2", "4", "6"])


class Repeats(Case):
    def test_a_call_that_was_unavailable_twice_succeeds_the_third_time(self):
        calls = []

        def get_chat(_, context):
            calls.append(1)
            if len(calls) < 3:
                refuse(context, grpc.StatusCode.UNAVAILABLE)
            return chats.GetChatResponse()

        self.served(get_chat=get_chat).chats.get_chat(GET_CHAT)
        self.assertEqual(len(calls), 3)

    def test_a_call_is_sent_no_more_often_than_attempts_says(self):
        calls = []

        def get_chat(_, context):
            calls.append(1)
            refuse(context, grpc.StatusCode.UNAVAILABLE)

        desk = self.served(get_chat=get_chat, attempts=2)
        self.fails(grpc.StatusCode.UNAVAILABLE, lambda: desk.chats.get_chat(GET_CHAT))
        self.assertEqual(len(calls), 2)

    def test_an_exhausted_resource_is_asked_for_again_after_retry_info_and_without_it_not_at_all(self):
        times = []
        delays = [0.4, None, None]

        def get_chat(_, context):
            times.append(time.monotonic())
            if len(times) == 2:
                return chats.GetChatResponse()
            refuse(context, grpc.StatusCode.RESOURCE_EXHAUSTED, delays[len(times) - 1])

        desk = self.served(get_chat=get_chat)
        desk.chats.get_chat(GET_CHAT)
        self.assertEqual(len(times), 2)
        self.assertGreaterEqual(times[1] - times[0], 0.395)
        self.fails(grpc.StatusCode.RESOURCE_EXHAUSTED, lambda: desk.chats.get_chat(GET_CHAT))
        self.assertEqual(len(times), 3)

    def test_no_repeat_that_could_not_begin_before_the_deadline_is_waited_for(self):
        calls = []

        def get_chat(_, context):
            calls.append(1)
            refuse(context, grpc.StatusCode.UNAVAILABLE, 60)

        desk = self.served(get_chat=get_chat)
        began = time.monotonic()
        error = self.fails(grpc.StatusCode.UNAVAILABLE, lambda: desk.chats.get_chat(GET_CHAT))
        self.assertEqual(error.retry_after, 60)
        self.assertEqual(len(calls), 1)
        self.assertLess(time.monotonic() - began, 20)

    def test_the_deadline_holds_for_all_attempts_together_and_a_calls_own_goes_before_the_clients(self):
        deadlines = []
        over = threading.Event()
        self.addCleanup(over.set)

        def get_chat(_, context):
            deadlines.append(context.time_remaining())
            if len(deadlines) > 1:
                over.wait(LONG)
            refuse(context, grpc.StatusCode.UNAVAILABLE, 0.2)

        desk = self.served(get_chat=get_chat, timeout=600)
        self.fails(grpc.StatusCode.DEADLINE_EXCEEDED, lambda: desk.chats.get_chat(GET_CHAT, timeout=0.8))
        self.assertLessEqual(deadlines[0], 0.81)
        self.assertLessEqual(deadlines[1], 0.61)

    def test_a_call_has_30_seconds_and_one_that_streams_90_unless_the_client_says_otherwise(self):
        def given(**options):
            deadlines = []

            def get_chat(_, context):
                deadlines.append(context.time_remaining())
                return chats.GetChatResponse()

            def draft_reply(_, context):
                deadlines.append(context.time_remaining())
                yield HELLO

            desk = self.served(get_chat=get_chat, draft_reply=draft_reply, **options)
            desk.chats.get_chat(GET_CHAT)
            list(desk.replies.draft_reply(DRAFT))
            return [round(deadline / 10) * 10 for deadline in deadlines]

        self.assertEqual(given(), [30, 90])
        self.assertEqual(given(timeout=50), [50, 50])

    def test_what_is_wrong_with_the_request_is_not_sent_again(self):
        calls = []

        def get_chat(_, context):
            calls.append(1)
            refuse(context, grpc.StatusCode.INVALID_ARGUMENT, 0.001)

        desk = self.served(get_chat=get_chat)
        self.fails(grpc.StatusCode.INVALID_ARGUMENT, lambda: desk.chats.get_chat(GET_CHAT))
        self.assertEqual(len(calls), 1)

    def test_a_server_that_is_not_there_is_unavailable(self):
        desk = self.enterContext(DeskhandClient("127.0.0.1:1", timeout=5, attempts=2))
        self.fails(grpc.StatusCode.UNAVAILABLE, lambda: desk.chats.get_chat(GET_CHAT))


class Streams(Case):
    def test_a_stream_is_sent_again_until_its_first_message_is_there_and_never_after(self):
        calls = []

        def draft_reply(_, context):
            calls.append(1)
            if len(calls) == 1:
                refuse(context, grpc.StatusCode.UNAVAILABLE)
            yield HELLO
            refuse(context, grpc.StatusCode.UNAVAILABLE, 0.001)

        draft = self.served(draft_reply=draft_reply).replies.draft_reply(DRAFT)
        self.assertEqual(next(draft), HELLO)
        self.fails(grpc.StatusCode.UNAVAILABLE, lambda: next(draft))
        self.assertEqual(len(calls), 2)
        self.assertEqual(list(draft), [])

    def endless(self):
        """A client of a server whose drafts never end, and what is set when the server saw a cancel."""
        cancelled = threading.Event()

        def draft_reply(_, context):
            context.add_callback(cancelled.set)
            yield HELLO
            cancelled.wait(LONG)

        return self.served(draft_reply=draft_reply), cancelled

    def test_a_stream_that_is_left_is_cancelled_on_the_server(self):
        desk, cancelled = self.endless()
        for _ in desk.replies.draft_reply(DRAFT):
            break
        self.assertTrue(cancelled.wait(LONG / 2))

    def test_a_stream_is_cancelled_at_the_end_of_its_with_though_it_is_still_referred_to(self):
        desk, cancelled = self.endless()
        with desk.replies.draft_reply(DRAFT) as draft:
            next(draft)
            self.assertFalse(cancelled.is_set())
        self.assertTrue(cancelled.wait(LONG / 2))
        self.fails(grpc.StatusCode.CANCELLED, lambda: next(draft))

    def test_another_thread_cancels_a_stream_that_is_waited_for(self):
        desk, cancelled = self.endless()
        draft = desk.replies.draft_reply(DRAFT)
        next(draft)
        timer = threading.Timer(0.1, draft.cancel)
        timer.start()
        self.fails(grpc.StatusCode.CANCELLED, lambda: next(draft))
        self.assertTrue(cancelled.wait(LONG / 2))

    def test_another_thread_cancels_a_stream_that_waits_for_a_repeat(self):
        waits = threading.Event()

        def draft_reply(_, context):
            waits.set()
            refuse(context, grpc.StatusCode.UNAVAILABLE, 20)
            yield HELLO

        draft = self.served(draft_reply=draft_reply).replies.draft_reply(DRAFT)
        # The refusal is there soon after the server made it; a cancel before that would end the call itself.
        threading.Thread(target=lambda: waits.wait(LONG) and threading.Timer(0.2, draft.cancel).start()).start()
        began = time.monotonic()
        self.fails(grpc.StatusCode.CANCELLED, lambda: next(draft))
        self.assertLess(time.monotonic() - began, LONG)


class RealServer(Case):
    def desk(self, key):
        return self.enterContext(DeskhandClient(os.environ["DESKHAND_ADDRESS"], key=key))

    def test_a_refused_key_is_asked_for_once_more_and_one_that_works_is_kept(self):
        keys = ["dh_wrong", os.environ["DESKHAND_KEY"]]
        desk = self.desk(lambda: keys.pop(0))
        desk.chats.list_chats(chats.ListChatsRequest())
        desk.chats.list_chats(chats.ListChatsRequest())
        self.assertEqual(keys, [])

    def test_a_key_that_stays_wrong_is_asked_for_twice_in_all(self):
        asked = []

        def key():
            asked.append(1)
            return "dh_wrong"

        error = self.fails(grpc.StatusCode.UNAUTHENTICATED, lambda: self.desk(key).chats.list_chats(chats.ListChatsRequest()))
        self.assertEqual(error.reason, "KEY_UNKNOWN")
        self.assertEqual(len(asked), 2)

    def test_an_error_has_its_reason_the_agents_text_in_their_language_and_every_bad_field(self):
        request = replies.SuggestAnswersRequest(agent=replies.Agent(language="de"), limit=-1)
        error = self.fails(grpc.StatusCode.INVALID_ARGUMENT, lambda: self.desk(os.environ["DESKHAND_KEY"]).replies.suggest_answers(request))
        self.assertEqual(error.reason, "INVALID_FIELD")
        self.assertEqual(error.locale, "de")
        self.assertTrue(error.text and error.text != str(error))
        self.assertEqual(sorted(bad.field for bad in error.fields), ["chat_id", "limit"])

    def test_a_stream_is_read_to_its_end(self):
        request = replies.CorrectReplyRequest(text="I recieve it.", language="en")
        parts = list(self.desk(os.environ["DESKHAND_KEY"]).replies.correct_reply(request))
        self.assertEqual(parts[-1].finished.text, "I receive it.")
