"""Why a call failed."""

from __future__ import annotations

import dataclasses

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status


@dataclasses.dataclass(frozen=True)
class BadField:
    """A field that the server refused."""

    #: Its path, such as `events[0].event_id`.
    field: str
    #: What is wrong with it.
    problem: str


class DeskhandError(Exception):
    """Why a call failed. `str()` of it is for the operator, in English; `text` may be shown to the agent."""

    #: The gRPC status.
    code: grpc.StatusCode
    #: The server's stable reason, such as `CHAT_NOT_FOUND`; empty if the error is not the server's.
    reason: str
    #: What happened and what the agent can do, in the agent's language; empty if the error is not the server's.
    text: str
    #: The language of `text`, as a BCP 47 tag.
    locale: str
    #: Every bad field of the request.
    fields: list[BadField]
    #: Whether a part of the text was streamed before the error.
    partial: bool
    #: After how many seconds a repeat makes sense; `None`: the server does not say.
    retry_after: float | None

    def __init__(self, code: grpc.StatusCode, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.reason = self.text = self.locale = ""
        self.fields = []
        self.partial = False
        self.retry_after = None

    @classmethod
    def of(cls, error: grpc.RpcError) -> DeskhandError:
        """The error of a call, with the server's details."""
        made = cls(error.code(), error.details() or "")
        status = rpc_status.from_call(error)
        for detail in status.details if status else ():
            info = error_details_pb2.ErrorInfo()
            localized = error_details_pb2.LocalizedMessage()
            retry = error_details_pb2.RetryInfo()
            request = error_details_pb2.BadRequest()
            if detail.Unpack(info):
                made.reason = info.reason
                made.partial = info.metadata.get("partial") == "true"
            elif detail.Unpack(localized):
                made.text, made.locale = localized.message, localized.locale
            elif detail.Unpack(retry):
                made.retry_after = retry.retry_delay.ToTimedelta().total_seconds()
            elif detail.Unpack(request):
                made.fields += [BadField(bad.field, bad.description) for bad in request.field_violations]
        return made
