"""The calls of os.splice, noted, and others in their place where a test wants that."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from pipetwist.kernel import reader, writer

__all__ = ["NotedSplices"]


class NotedSplices:
    """Stands in for os.splice in the room under test.

    Args:
        case: the test, which gets the real one back by its end.
    """

    def __init__(self, case: SynchronousTestCase) -> None:
        self.made: list[tuple[int, int]] = []
        """From which descriptor to which, call by call."""
        self.instead: Callable[..., int] = os.splice
        """What is called."""
        for module in (reader, writer):
            case.patch(module, "os", _Os(self))

    def __call__(self, source: int, sink: int, count: int, **keywords: Any) -> int:
        self.made.append((source, sink))
        return self.instead(source, sink, count, **keywords)


class _Os:
    """The module os but for splice."""

    def __init__(self, calls: NotedSplices) -> None:
        self.splice = calls

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)
