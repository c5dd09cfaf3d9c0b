"""What all handshakes with proxies have in common: the bytes that are sent, and those that are
awaited.

A handshake does no I/O. Its user sends what `ProxyHandshake.outgoing` returns, and passes on what
comes. It takes no byte more than the proxy's reply has, since those that follow are the server's.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Protocol

__all__ = ["ExactHandshake", "ProxyHandshake"]


class ProxyHandshake(Protocol):
    """A client's handshake with a proxy."""

    @property
    def done(self) -> bool:
        """Whether the proxy has connected the server."""

    def outgoing(self) -> bytes:
        """What is to be sent now, each byte once; there may be more after `receive`."""

    def receive(self, data: bytes) -> int:
        """Process what the proxy has sent.

        Args:
            data: what follows the bytes that were taken before.

        Returns:
            How many of these bytes belong to the handshake: all of them until it is done.

        Raises:
            pipetwist.errors.ConnectError: the proxy refuses, or does not speak the protocol. It is
                not to be called again.
            pipetwist.errors.NobodyListensError: nobody listens where the proxy should connect.
        """


class ExactHandshake:
    """Base class of a handshake in which every part of the reply tells how long the next one is.

    A subclass defines `exchange`.
    """

    def __init__(self) -> None:
        self.done = False
        self._awaited = ""
        self._outgoing = b""
        self._part = b""
        self._exchange = self.exchange()
        self._missing = next(self._exchange)

    def __repr__(self) -> str:
        state = "done" if self.done else f"awaits {self._awaited}, {self._missing} bytes of it"
        return f"<{type(self).__name__} {state}>"

    def exchange(self) -> Generator[int, bytes, None]:
        """The handshake from the beginning to the end.

        Yields:
            How many bytes are awaited, at least one; it is sent exactly these.

        Raises:
            pipetwist.errors.ConnectError: see `ProxyHandshake.receive`.
        """
        raise NotImplementedError

    def send(self, data: bytes, awaited: str) -> None:
        """Send bytes, and say what is awaited then, for the ``repr``."""
        self._outgoing += data
        self._awaited = awaited

    def outgoing(self) -> bytes:
        """See `ProxyHandshake`."""
        outgoing, self._outgoing = self._outgoing, b""
        return outgoing

    def receive(self, data: bytes) -> int:
        """See `ProxyHandshake`."""
        taken = 0
        while taken < len(data) and not self.done:
            piece = data[taken : taken + self._missing]
            taken += len(piece)
            self._part += piece
            self._missing -= len(piece)
            if not self._missing:
                self._next()
        return taken

    def _next(self) -> None:
        part, self._part = self._part, b""
        try:
            self._missing = self._exchange.send(part)
        except StopIteration:
            self.done = True
