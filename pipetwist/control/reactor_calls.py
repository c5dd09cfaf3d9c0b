"""Calls from gRPC's threads into the reactor's."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from twisted.internet.defer import Deferred, execute

from pipetwist.interfaces import AnyReactor

__all__ = ["ReactorCalls"]

T = TypeVar("T")


class ReactorCalls:
    """Calls functions in the reactor's thread, and waits for what they return. May be used from any
    other thread.

    Args:
        reactor: the reactor.
        seconds: the longest time that a call may take.
    """

    def __init__(self, reactor: AnyReactor, seconds: float = 60.0) -> None:
        self._reactor = reactor
        self._seconds = seconds

    def call(self, function: Callable[[], T]) -> T:
        """Call a function.

        Returns:
            What it returns.

        Raises:
            TimeoutError: it took too long.
            Exception: what the function raised.
        """
        return self.wait_for(lambda: execute(function))

    def wait_for(self, function: Callable[[], Deferred[T]]) -> T:
        """Call a function that returns a Deferred, and wait for that; see `call`."""
        future: Future[T] = Future()

        def run() -> None:
            function().addCallbacks(
                future.set_result, lambda failure: future.set_exception(failure.value)
            )

        self._reactor.callFromThread(run)
        return future.result(self._seconds)
