"""How many calls that stay open there may be, as the server asks before each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import grpc
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.api.streams import StreamLimit


class _AbortedError(Exception):
    """What gRPC's ``abort`` raises."""


class _Call:
    """A call that has ended already or is open until the test ends it; see
    ``grpc.ServicerContext``.
    """

    def __init__(self, *, ended: bool = False) -> None:
        self.code: grpc.StatusCode | None = None
        self._ended = ended
        self._callbacks: list[Callable[[], None]] = []

    def add_callback(self, callback: Callable[[], None]) -> bool:
        """Call this at the end, which is yet to come where it is True."""
        if not self._ended:
            self._callbacks.append(callback)
        return not self._ended

    def abort(self, code: grpc.StatusCode, _: str) -> None:
        """Refuse."""
        self.code = code
        raise _AbortedError

    def end(self) -> None:
        """It is over."""
        self._ended = True
        for callback in self._callbacks:
            callback()


class StreamLimitTest(SynchronousTestCase):
    """One call of each method."""

    def setUp(self) -> None:
        """Allow one."""
        self.limit = StreamLimit(1)

    def call(
        self,
        call: _Call,
        method: str = "/s/Watch",
        handler: Any = grpc.unary_stream_rpc_method_handler,
    ) -> bool:
        """Make a call of a method; whether it was answered."""
        limited: Any = self.limit.intercept_service(lambda _: handler(_answer), _Details(method))  # type: ignore[arg-type]  # of these it asks for the method alone
        try:
            return list((limited.unary_stream or limited.stream_stream)(None, call)) == ["answer"]
        except _AbortedError:
            self.assertIs(call.code, grpc.StatusCode.RESOURCE_EXHAUSTED)
            return False

    def test_ended_before(self) -> None:
        """A call that has ended before it is admitted, as where its client has gone, takes nobody's
        place.
        """
        for handler in (
            grpc.unary_stream_rpc_method_handler,
            grpc.stream_stream_rpc_method_handler,
        ):
            for _ in range(3):
                self.call(_Call(ended=True), handler=handler)
            last = _Call()
            self.assertTrue(self.call(last, handler=handler))
            self.assertFalse(self.call(_Call(), handler=handler))
            last.end()

    def test_ended_later(self) -> None:
        """One that ends makes room for one more, and its method alone is full."""
        first = _Call()
        self.assertTrue(self.call(first))
        self.assertEqual([self.call(_Call()), self.call(_Call(), "/s/Other")], [False, True])
        first.end()
        self.assertEqual([self.call(_Call()), self.call(_Call())], [True, False])


class _Details:
    """See ``grpc.HandlerCallDetails``."""

    def __init__(self, method: str) -> None:
        self.method = method


def _answer(request: object, context: object) -> Iterator[str]:
    yield "answer"
