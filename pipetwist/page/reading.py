"""Calls that tell something, at once or written in steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.http import BAD_REQUEST, SERVICE_UNAVAILABLE
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request

from pipetwist.page.document import Steps, encoded
from pipetwist.page.view import parse_view
from pipetwist.steps import in_turns
from pipetwist.web.answers import TextAnswer, sized

__all__ = ["DocumentCall", "SteppedCall"]

_Words: TypeAlias = tuple[str, ...]


class DocumentCall(Resource):
    """Answers with a JSON object that is small.

    Args:
        document: makes it.
    """

    isLeaf = True

    def __init__(self, document: Callable[[], Mapping[str, object]]) -> None:
        super().__init__()
        self._document = document

    def render_GET(self, request: Request) -> bytes:
        """Answer."""
        request.setHeader(b"Content-Type", b"application/json")
        request.setHeader(b"Cache-Control", b"no-store")
        return sized(request, encoded(self._document()))


class SteppedCall(Resource):
    """Answers with JSON. One answer is written at a time, for all who have asked for it until then.

    Args:
        clock: the reactor, in whose turns the steps are taken.
        log: gets errors.
        write: writes the answer, given the words, case-folded, that a name must have in it.
        filters: whether words may be given; what is given is ignored where they may not.
    """

    isLeaf = True

    def __init__(
        self,
        clock: IReactorTime,
        log: Logger,
        write: Callable[[_Words], Steps],
        *,
        filters: bool = False,
    ) -> None:
        super().__init__()
        self._clock = clock
        self._log = log
        self._write = write
        self._filters = filters
        self._asking: dict[_Words, list[Request]] = {}
        self._writing: _Words | None = None  # which of them

    def __repr__(self) -> str:
        waiting = sum(map(len, self._asking.values()))
        return f"<SteppedCall: {waiting} wait for {len(self._asking)} answers>"

    def render_GET(self, request: Request) -> bytes | int:
        """Answer, or report errors in the argument."""
        request.setHeader(b"Cache-Control", b"no-store")
        try:
            words = self._words(request)
        except ValueError as error:
            return TextAnswer(BAD_REQUEST, str(error)).render(request)
        asking = self._asking.setdefault(words, [])
        asking.append(request)

        def left(_: Failure) -> None:
            if request in asking:
                asking.remove(request)
            if not asking and words != self._writing:
                self._asking.pop(words, None)

        request.notifyFinish().addErrback(left)
        if self._writing is None:
            self._go_on()
        return NOT_DONE_YET

    def _words(self, request: Request) -> _Words:
        arguments = request.args or {}
        if not self._filters:
            return ()
        if arguments.keys() - {b"filter"}:
            message = "there is no argument but filter"
            raise ValueError(message)
        return parse_view(arguments).words

    def _go_on(self) -> None:
        self._writing = words = next(iter(self._asking), None)
        if words is None:
            return
        in_turns(self._clock, self._write(words)).addCallbacks(
            lambda body: self._told(self._asking.pop(words), body),
            lambda failure: self._failed(self._asking.pop(words), failure),
        ).addBoth(lambda _: self._clock.callLater(0, self._go_on))

    def _told(self, asking: Sequence[Request], body: bytes) -> None:
        for request in list(asking):
            request.setHeader(b"Content-Type", b"application/json")
            request.write(sized(request, body))
            request.finish()

    def _failed(self, asking: Sequence[Request], failure: Failure) -> None:
        self._log.failure("A call of the page could not be answered", failure)
        for request in list(asking):
            unavailable = TextAnswer(SERVICE_UNAVAILABLE, "It is not available now.")
            request.write(unavailable.render(request))
            request.finish()
