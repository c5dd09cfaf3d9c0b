"""One stream of server-sent events, and what happens if its client reads too slowly."""

from __future__ import annotations

from typing import Any

from twisted.internet.interfaces import IPushProducer, IReactorTime
from twisted.web.server import Request
from zope.interface import implementer

from pipetwist.page.view import View

__all__ = ["MAX_PAUSE", "Stream"]

MAX_PAUSE = 30.0
"""Seconds after which a client that reads nothing is dropped."""


@implementer(IPushProducer)
class Stream:
    """A request that is answered with events until the client closes it.

    If the transport's buffer is not empty, the client gets no more events until it is, and then a
    whole snapshot. So at most one event is buffered.

    Args:
        request: the request, whose headers are set.
        view: the view of the figures.
        clock: counts the time.
    """

    def __init__(self, request: Request, view: View, clock: IReactorTime) -> None:
        self.view = view
        self.behind = True
        """Whether it missed the previous event, and needs a whole snapshot."""
        self._request: Any = request  # a Request, or None once its reader has left
        self._clock = clock
        self._full_since: float | None = None
        request.registerProducer(self, True)
        request.write(b"retry: 3000\n\n")

    @property
    def ready(self) -> bool:
        """Whether it can take an event now."""
        return self._full_since is None and self._request is not None

    @property
    def stuck(self) -> bool:
        """Whether it has read nothing for too long."""
        return self._full_since is not None and self._clock.seconds() - self._full_since > MAX_PAUSE

    def send(self, kind: bytes, data: bytes) -> None:
        """Send an event of one line."""
        self.behind = False
        self._request.write(b"event: %b\ndata: %b\n\n" % (kind, data))

    def finish(self) -> None:
        """End the response in order, and close the HTTP connection; if something is buffered, close
        it now.
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
        """Close the HTTP connection now, and drop what is buffered."""
        request = self._leave()
        if request is not None:
            request.channel.transport.abortConnection()

    def _leave(self) -> Any:  # a Request, whose channel Twisted does not declare
        request, self._request = self._request, None
        return request

    def pauseProducing(self) -> None:
        self._full_since = self._clock.seconds()

    def resumeProducing(self) -> None:
        self._full_since = None

    def stopProducing(self) -> None:
        self._leave()
