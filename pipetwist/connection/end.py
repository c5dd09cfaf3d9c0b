"""The two ends of a connection."""

from __future__ import annotations

from enum import Enum

__all__ = ["End"]


class End(Enum):
    """An end of a connection, as seen from the relay."""

    CLIENT = "client"
    SERVER = "server"

    other: End
    """The opposite end."""

    # Members are looked up by identity; Enum's own hash is a call of Python's for each.
    __hash__ = object.__hash__


End.CLIENT.other, End.SERVER.other = End.SERVER, End.CLIENT
