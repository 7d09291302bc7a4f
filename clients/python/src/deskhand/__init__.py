"""A typed client of Deskhand. The messages are in `deskhand.v1`."""

from .calls import Stream
from .client import DeskhandClient
from .error import BadField, DeskhandError

__all__ = ["BadField", "DeskhandClient", "DeskhandError", "Stream"]
