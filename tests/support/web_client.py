"""Asks a site in memory, as a client would over a socket."""

from __future__ import annotations

from typing import Any, NamedTuple

from twisted.internet.interfaces import IAddress
from twisted.internet.testing import StringTransport

__all__ = ["Answer", "Client", "parse_answer"]


class Answer(NamedTuple):
    """What came back.

    Attributes:
        status: of HTTP.
        headers: by their names in small letters.
        body: what followed.
    """

    status: int
    headers: dict[str, str]
    body: bytes


def parse_answer(raw: bytes) -> Answer:
    """Take one answer apart."""
    head, _, body = raw.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    pairs = [line.partition(": ") for line in lines]
    return Answer(int(first.split()[1]), {name.lower(): value for name, _, value in pairs}, body)


class _Transport(StringTransport):
    def abortConnection(self) -> None:
        """Forget what is unsent, too."""
        self.clear()
        super().abortConnection()


class Client:
    """One connection to a site.

    Args:
        factory: makes the site's protocols, on a `Clock`; the connection must not be refused.
        address: where the client is.
    """

    def __init__(self, factory: Any, address: IAddress | None = None) -> None:
        self._site = getattr(factory, "wrappedFactory", factory)
        self.transport = _Transport()
        self.protocol = factory.buildProtocol(address)
        """The site's end."""
        self.protocol.makeConnection(self.transport)

    def send(self, data: bytes) -> bytes:
        """Send bytes, and take what was answered to them, in as many turns as that takes."""
        self.transport.clear()
        self._turn()
        self.protocol.dataReceived(data)
        self._turn()
        answered: bytes = self.transport.value()
        return answered

    def _turn(self) -> None:
        """Let the requests that wait have their turns, and nothing else."""
        turns = self._site.turns
        calls: list[Any] = [
            call
            for call in self._site.reactor.getDelayedCalls()
            if getattr(call.func, "__self__", None) is turns
        ]
        for call in calls:
            function = call.func
            call.cancel()
            function()
        if calls:
            self._turn()

    def ask(
        self, path: str = "/", method: str = "GET", host: str | None = "localhost", **headers: str
    ) -> Answer:
        """Make a request, and take its answer."""
        named = {} if host is None else {"Host": host}
        lines = [
            f"{method} {path} HTTP/1.1",
            *(f"{name}: {value}" for name, value in {**named, **headers}.items()),
            "",
            "",
        ]
        return parse_answer(self.send("\r\n".join(lines).encode()))
