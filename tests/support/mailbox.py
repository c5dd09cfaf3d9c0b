"""A reactor as threads see it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred

__all__ = ["Mailbox"]

_WAIT = 60.0


class Mailbox:
    """A reactor to which threads give what is to be done in the test's."""

    def __init__(self) -> None:
        self._arrived = threading.Condition()
        self._calls: list[Callable[[], Any]] = []

    def callFromThread(self, function: Callable[..., Any], *arguments: Any) -> None:
        with self._arrived:
            self._calls.append(lambda: function(*arguments))
            self._arrived.notify()

    def do_one(self) -> None:
        """Wait for something to be done, and do it."""
        with self._arrived:
            assert self._arrived.wait_for(lambda: self._calls, _WAIT), (
                "no thread had anything to say"
            )
            call = self._calls.pop(0)
        call()

    def wait_for(self, done: Deferred[Any]) -> None:
        """Do what is to be done until this has fired."""
        while not done.called:
            self.do_one()
