"""What a header says."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

__all__ = ["BY_PLUGIN", "Header", "HeaderError", "Named", "NoHeaderError"]

BY_PLUGIN = 0
"""The version of what is no header, but a plug-in has said in its own way."""

Named: TypeAlias = tuple[str, int] | bytes | None
"""An address in a header: that of IPv4 or IPv6 and its port, the path of a unix socket, which may
be empty, or None where it says nothing of it.
"""


class HeaderError(Exception):
    """This is not a header. The text says what is wrong, for people."""


class NoHeaderError(HeaderError):
    """No header begins so."""


class Header(NamedTuple):
    """A header.

    Attributes:
        version: 1 or 2, or `BY_PLUGIN`.
        source: who the client is; None for LOCAL and UNKNOWN, where the client is the peer itself.
        destination: where the client connected to.
        tlvs: the types and values of version 2 in their order, also those that nobody knows.
    """

    version: int
    source: Named = None
    destination: Named = None
    tlvs: tuple[tuple[int, bytes], ...] = ()
