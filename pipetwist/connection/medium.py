"""What a connection is made of."""

from __future__ import annotations

from enum import Enum

__all__ = ["Medium"]


class Medium(Enum):
    """What is carried between two sides; only equal ones can be joined."""

    STREAM = "stream"
    """Bytes, which may be cut anywhere."""
    DATAGRAMS = "datagrams"
    """Datagrams, each of which arrives whole or not at all."""
