"""The client."""

from __future__ import annotations

import grpc

from .calls import KeptKey, Key
from .services import ChatService, KeyService, KnowledgeService, ReplyService


class DeskhandClient:
    """A client of one server; safe to share between threads. Close it, or use it in a `with`."""

    def __init__(
        self,
        address: str,
        *,
        key: Key | None = None,
        credentials: grpc.ChannelCredentials | None = None,
        timeout: float = 30.0,
        attempts: int = 4,
    ) -> None:
        """`address`: such as `127.0.0.1:50051`. `credentials`: of TLS, such as `grpc.ssl_channel_credentials()`; without them nothing is
        encrypted. `timeout`: how long a call may take, repeats included, in seconds. `attempts`: how often a call is sent at most."""
        self._channel = grpc.secure_channel(address, credentials) if credentials else grpc.insecure_channel(address)
        kept = KeptKey(key)
        self.replies = ReplyService(self._channel, kept, timeout, attempts)
        self.chats = ChatService(self._channel, kept, timeout, attempts)
        self.knowledge = KnowledgeService(self._channel, kept, timeout, attempts)
        self.keys = KeyService(self._channel, kept, timeout, attempts)

    def close(self) -> None:
        """Ends all calls and closes the connection."""
        self._channel.close()

    def __enter__(self) -> DeskhandClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
