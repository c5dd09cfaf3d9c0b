"""The call that tells the history."""

from __future__ import annotations

from typing import Any

from twisted.internet.interfaces import IPushProducer, IReactorTime
from twisted.web.http import BAD_REQUEST, SERVICE_UNAVAILABLE
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request
from zope.interface import implementer

from pipetwist.page.past import Asked, parse_asked
from pipetwist.page.recorder import Recorder
from pipetwist.web.answers import TextAnswer, sized

__all__ = ["MAX_ANSWERS", "MAX_SECONDS", "HistoryCall"]

MAX_ANSWERS = 8
"""How many may be written or read at a time: each has up to some megabytes."""
MAX_SECONDS = 60.0
"""Seconds after which a client that has not read its answer is dropped."""


_PIECE = 1 << 16  # bytes


@implementer(IPushProducer)
class _Body:
    """Writes a body piece by piece, as the transport takes it."""

    def __init__(self, request: Request, body: bytes) -> None:
        self._request: Any = request  # None once it has all, or its reader has left
        self._left = memoryview(body)
        self._paused = False
        request.registerProducer(self, True)
        self.resumeProducing()

    def resumeProducing(self) -> None:
        self._paused = False
        while self._request is not None and not self._paused:
            piece, self._left = self._left[:_PIECE], self._left[_PIECE:]
            if piece:
                self._request.write(bytes(piece))
            else:
                request, self._request = self._request, None
                request.unregisterProducer()
                request.finish()

    def pauseProducing(self) -> None:
        self._paused = True

    def stopProducing(self) -> None:
        self._request = None


class HistoryCall(Resource):
    """The call.

    Args:
        recorder: has the history.
        clock: counts the time.
    """

    isLeaf = True

    def __init__(self, recorder: Recorder, clock: IReactorTime) -> None:
        super().__init__()
        self._recorder = recorder
        self._clock = clock
        self._answers = 0

    def __repr__(self) -> str:
        return f"<HistoryCall: {self._answers} answers>"

    def render_GET(self, request: Request) -> bytes | int:
        """Answer, or report errors in the arguments."""
        request.setHeader(b"Cache-Control", b"no-store")
        try:
            asked = parse_asked(request.args or {})
        except ValueError as error:
            return TextAnswer(BAD_REQUEST, str(error)).render(request)
        if self._answers >= MAX_ANSWERS:
            return _refuse(request, f"{MAX_ANSWERS} others are asking; ask again")
        self._answer(request, asked)
        return NOT_DONE_YET

    def _answer(self, request: Request, asked: Asked) -> None:
        told = self._recorder.tell(asked)
        self._answers += 1
        channel: Any = request.channel  # Twisted does not declare its transport
        too_late = self._clock.callLater(MAX_SECONDS, channel.transport.abortConnection)
        gone: list[object] = []

        def ended(reason: object) -> None:
            gone.append(reason)
            self._answers -= 1
            if too_late.active():
                too_late.cancel()
            told.cancel()

        def send(body: bytes) -> None:
            request.setHeader(b"Content-Type", b"application/json")
            _Body(request, sized(request, body))

        def refuse(_: object) -> None:
            if not gone:
                request.write(_refuse(request, "The history is not available now."))
                request.finish()

        request.notifyFinish().addBoth(ended)
        told.addCallbacks(send, refuse)


def _refuse(request: Request, text: str) -> bytes:
    request.setHeader(b"Retry-After", b"1")
    return TextAnswer(SERVICE_UNAVAILABLE, text).render(request)
