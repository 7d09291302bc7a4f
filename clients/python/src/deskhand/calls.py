"""What stands around every call: the key, the deadline, and repeats."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, Generic, TypeVar

import grpc
from google.protobuf.message import Message

from .error import DeskhandError

M = TypeVar("M", bound=Message)
T = TypeVar("T")

#: A key, or a function that gets one. What it returns is kept until the server refuses it.
Key = str | Callable[[], str]

#: How long a call may take in seconds, and one that streams: a model's first token may be late, and its last one comes long after.
UNARY_TIMEOUT = 30.0
STREAM_TIMEOUT = 90.0
#: The first wait before a repeat in seconds; each further one is twice as long.
FIRST_WAIT = 0.1
LONGEST_WAIT = 5.0


class KeptKey:
    """The key in use."""

    def __init__(self, key: Key | None) -> None:
        self._get = key if callable(key) else None
        self._kept = None if callable(key) else key
        self._lock = threading.Lock()

    @property
    def is_renewed(self) -> bool:
        """Whether another key is asked for when one is refused."""
        return self._get is not None

    def current(self) -> str | None:
        """The key, asked for if none is kept."""
        with self._lock:
            if self._kept is None and self._get is not None:
                self._kept = self._get()
            return self._kept

    def refuse(self, refused: str | None) -> bool:
        """Forgets a key that the server refused. Whether there may be another."""
        if self._get is None:
            return False
        with self._lock:
            # Another call may have asked for a new key meanwhile.
            if self._kept == refused:
                self._kept = None
        return True


class Calls:
    """The calls of a service. Each raises `DeskhandError`."""

    def __init__(self, channel: grpc.Channel, key: KeptKey, timeout: float | None, attempts: int) -> None:
        self._channel = channel
        self._key = key
        self._timeout = timeout
        self._attempts = attempts

    def _unary(self, path: str, request: Message, reply: type[M], timeout: float | None) -> M:
        method = self._channel.unary_unary(path, request_serializer=type(request).SerializeToString, response_deserializer=reply.FromString)
        return self._repeat(self._limit(timeout, UNARY_TIMEOUT), threading.Event(), lambda left, metadata: method(request, timeout=left, metadata=metadata))

    def _stream(self, path: str, request: Message, reply: type[M], timeout: float | None) -> Stream[M]:
        method = self._channel.unary_stream(path, request_serializer=type(request).SerializeToString, response_deserializer=reply.FromString)
        limit = self._limit(timeout, STREAM_TIMEOUT)
        return Stream(
            lambda left, metadata: method(request, timeout=left, metadata=metadata),
            lambda stopped, send: self._repeat(limit, stopped, send),
        )

    def _limit(self, timeout: float | None, default: float) -> float:
        """How long a call may take: as it says itself, as the client says, or as its kind does."""
        limits = (timeout, self._timeout, default)
        return next(limit for limit in limits if limit is not None)

    def _repeat(self, timeout: float, stopped: threading.Event, send: Callable[[float, list[tuple[str, str]]], T]) -> T:
        """Sends a call until it succeeds, may not be repeated, or has no time left. Every call of the API is safe to repeat."""
        ends = time.monotonic() + timeout
        renewed = False
        attempt = 1
        while True:
            key = self._key.current()
            try:
                left = ends - time.monotonic()
                if left <= 0:
                    raise DeskhandError(grpc.StatusCode.DEADLINE_EXCEEDED, "the call's deadline passed")
                return send(left, [("authorization", f"Bearer {key}")] if key else [])
            except grpc.RpcError as cause:
                error = DeskhandError.of(cause)
                if error.code is grpc.StatusCode.UNAUTHENTICATED and not renewed and self._key.refuse(key):
                    renewed = True
                    continue
                wait = wait_before(error, attempt)
                if attempt >= self._attempts or wait is None or wait >= ends - time.monotonic():
                    raise error from cause
            if stopped.wait(wait):
                raise DeskhandError(grpc.StatusCode.CANCELLED, "the call was cancelled")
            attempt += 1


class Stream(Generic[M], Iterator[M]):
    """The messages of a call. It begins when it is first read, and is cancelled at the end of its `with`, or, as gRPC does with any
    call, when nothing refers to it."""

    def __init__(
        self,
        begin: Callable[[float, list[tuple[str, str]]], Any],
        repeat: Callable[[threading.Event, Callable[[float, list[tuple[str, str]]], M | None]], M | None],
    ) -> None:
        self._begin = begin
        self._repeat = repeat
        self._call: Any = None
        self._stopped = threading.Event()
        self._ended = False

    def __iter__(self) -> Stream[M]:
        return self

    def __next__(self) -> M:
        if self._ended:
            raise StopIteration
        try:
            # What was shown can't be taken back: a call is repeated only until its first message is there.
            message = self._repeat(self._stopped, self._first) if self._call is None else next(self._call, None)
        except grpc.RpcError as cause:
            self._ended = True
            raise DeskhandError.of(cause) from cause
        except BaseException:
            self._ended = True
            raise
        if message is None:
            self._ended = True
            raise StopIteration
        return message

    def _first(self, left: float, metadata: list[tuple[str, str]]) -> M | None:
        self._call = self._begin(left, metadata)
        if self._stopped.is_set():
            self._call.cancel()
        message: M | None = next(self._call, None)
        return message

    def cancel(self) -> None:
        """Cancels the call; from any thread, also while another waits for a message, which then fails with CANCELLED."""
        self._stopped.set()
        if self._call is not None:
            self._call.cancel()

    def __enter__(self) -> Stream[M]:
        return self

    def __exit__(self, *_: object) -> None:
        self.cancel()


def wait_before(error: DeskhandError, attempt: int) -> float | None:
    """How long to wait before a repeat, in seconds; `None`: a repeat makes no sense."""
    if error.code not in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED):
        return None
    backoff = min(FIRST_WAIT * 2 ** (attempt - 1), LONGEST_WAIT)
    # Callers that failed together must not come back together.
    if error.retry_after is not None:
        return error.retry_after + random.random() * backoff
    # Without a delay an exhausted resource stays so: a full chat, a spent quota.
    return backoff * random.uniform(0.5, 1) if error.code is grpc.StatusCode.UNAVAILABLE else None
