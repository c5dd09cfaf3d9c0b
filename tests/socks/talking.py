"""A handshake that is fed what a proxy says, in pieces."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

from pipetwist.socks.handshake import ProxyHandshake

__all__ = ["feed", "feed_pieces", "pieces_of"]


def feed(handshake: ProxyHandshake, said: bytes) -> tuple[bytes, bytes]:
    """Tell a handshake something at once.

    Returns:
        What it sends then, and what it has left of it.
    """
    taken = handshake.receive(said)
    assert 0 <= taken <= len(said)
    assert taken == len(said) or handshake.done
    return handshake.outgoing(), said[taken:]


def feed_pieces(handshake: ProxyHandshake, pieces: Iterable[bytes]) -> tuple[bytes, bytes]:
    """The same, in pieces: what is left is told with the next one, as a socket does where it was
    only looked at.
    """
    sent, left = b"", b""
    for piece in pieces:
        if handshake.done:
            left += piece
            continue
        more, left = feed(handshake, left + piece)
        sent += more
    return sent, left


def pieces_of(said: bytes, cuts: Sequence[int]) -> list[bytes]:
    """Cut at these places, which may be any numbers."""
    places = sorted({0, len(said), *(cut % (len(said) + 1) for cut in cuts)})
    return [said[start:end] for start, end in pairwise(places)]
