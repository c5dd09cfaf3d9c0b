"""One reader of server-sent events, and what becomes of one that reads too slowly."""

from __future__ import annotations

from typing import Any

from twisted.internet.interfaces import IPushProducer, IReactorTime
from twisted.web.server import Request
from zope.interface import implementer

from pipetwist.page.view import View

__all__ = ["MAX_PAUSE", "Stream"]

MAX_PAUSE = 30.0
"""Seconds that a reader may take nothing before it is dropped."""


@implementer(IPushProducer)
class Stream:
    """A request that is answered with events until its reader leaves.

    What a reader does not take at once waits in its transport, which says so; then it gets nothing
    more until the transport is empty, and goes on with a whole snapshot. So one event waits for it
    at most.

    Args:
        request: is answered; its headers are set.
        view: what it wants to see.
        clock: counts the time.
    """

    def __init__(self, request: Request, view: View, clock: IReactorTime) -> None:
        self.view = view
        self.behind = True
        """Whether it has not had the event before, and needs a whole snapshot."""
        self._request: Any = request  # a Request; None once its reader has left
        self._clock = clock
        self._full_since: float | None = None
        request.registerProducer(self, True)
        request.write(b"retry: 3000\n\n")

    @property
    def ready(self) -> bool:
        """Whether it takes an event now."""
        return self._full_since is None and self._request is not None

    @property
    def stuck(self) -> bool:
        """Whether it has taken nothing for too long."""
        return self._full_since is not None and self._clock.seconds() - self._full_since > MAX_PAUSE

    def send(self, kind: bytes, data: bytes) -> None:
        """Send an event of one line."""
        self.behind = False
        self._request.write(b"event: %b\ndata: %b\n\n" % (kind, data))

    def finish(self) -> None:
        """End the answer in order, and the HTTP connection with it; where something waits for the
        reader already, at once.
        """
        if self._full_since is not None:
            self.drop()
            return
        request = self._leave()
        if request is not None:
            channel = request.channel
            request.unregisterProducer()
            request.finish()
            channel.loseConnection()

    def drop(self) -> None:
        """End the HTTP connection now, whatever waits in it."""
        request = self._leave()
        if request is not None:
            request.channel.transport.abortConnection()

    def _leave(self) -> Any:  # a Request, whose channel has no type
        request, self._request = self._request, None
        return request

    def pauseProducing(self) -> None:
        self._full_since = self._clock.seconds()

    def resumeProducing(self) -> None:
        self._full_since = None

    def stopProducing(self) -> None:
        self._leave()
