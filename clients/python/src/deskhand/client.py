"""The client."""

from __future__ import annotations

import time
from collections.abc import Iterator

import grpc

from .calls import FIRST_WAIT, LONGEST_WAIT, KeptKey, Key, wait_before
from .error import DeskhandError
from .v1 import chats_pb2 as chats
from .services import ChatService, KeyService, KnowledgeService, ReplyService


#: How long a stream of a watch lasts at most, in seconds: a lost connection is noticed by then.
WATCH_TIMEOUT = 300.0


class DeskhandClient:
    """A client of one server; safe to share between threads. Close it, or use it in a `with`."""

    def __init__(
        self,
        address: str,
        *,
        key: Key | None = None,
        credentials: grpc.ChannelCredentials | None = None,
        timeout: float | None = None,
        attempts: int = 4,
    ) -> None:
        """`address`: such as `127.0.0.1:50051`. `credentials`: of TLS, such as `grpc.ssl_channel_credentials()`; without them nothing is
        encrypted. `timeout`: how long a call may take, repeats included, in seconds; without it 30, and 90 for one that streams. `attempts`: how often a call is sent at most."""
        self._channel = grpc.secure_channel(address, credentials) if credentials else grpc.insecure_channel(address)
        kept = self._key = KeptKey(key)
        self.replies = ReplyService(self._channel, kept, timeout, attempts)
        self.chats = ChatService(self._channel, kept, timeout, attempts)
        self.knowledge = KnowledgeService(self._channel, kept, timeout, attempts)
        self.keys = KeyService(self._channel, kept, timeout, attempts)

    def watch(self, request: chats.WatchRequest) -> Iterator[chats.WatchResponse]:
        """What happens in chats, until it is left: when a stream ends, the next one goes on after the last message. It raises what does not pass by
        itself, such as `RESUME_TOO_OLD`: then list the chats again, and watch without a `resume_token`."""
        token = request.resume_token
        attempt = 0
        while True:
            next_request = chats.WatchRequest()
            next_request.CopyFrom(request)
            next_request.resume_token = token
            attempt += 1
            heard = False
            wait = min(FIRST_WAIT * 2 ** (attempt - 1), LONGEST_WAIT)
            try:
                with self.chats.watch(next_request, timeout=WATCH_TIMEOUT) as stream:
                    for message in stream:
                        token = message.resume_token
                        attempt, heard = 0, True
                        yield message
            except DeskhandError as error:
                asked = wait_before(error, max(attempt, 1))
                # A connection that was lost is told by no server.
                is_lost = error.code is grpc.StatusCode.DEADLINE_EXCEEDED or not error.reason
                is_renewed = error.code is grpc.StatusCode.UNAUTHENTICATED and heard and self._key.is_renewed
                if error.code is grpc.StatusCode.CANCELLED or not (asked is not None or is_lost or is_renewed):
                    raise
                wait = wait if asked is None else asked
            time.sleep(wait)

    def close(self) -> None:
        """Ends all calls and closes the connection."""
        self._channel.close()

    def __enter__(self) -> DeskhandClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
