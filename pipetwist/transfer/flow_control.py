"""What a side registers with its transport as the producer of what is written there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IPullProducer, IPushProducer
from zope.interface import implementer

__all__ = ["DrainWatch", "WriteFlowControl"]


@implementer(IPushProducer)
class WriteFlowControl:
    """Turns a transport's wish for fewer bytes into the side's words.

    Args:
        side: the side, whose receiver is told.
    """

    def __init__(self, side: Any) -> None:
        self._side = side

    def pauseProducing(self) -> None:
        """More than the transport's buffer waits."""
        self._side.receiver.pause_writing(self._side)

    def resumeProducing(self) -> None:
        """Everything was handed over."""
        self._side.receiver.resume_writing(self._side)

    def stopProducing(self) -> None:
        """The transport has ended, of which its protocol is told."""


@implementer(IPullProducer)
class DrainWatch:
    """Hears when a transport has handed everything over, as what produces only when it is asked for
    more does.

    Args:
        emptied: called once.
    """

    def __init__(self, emptied: Callable[[], None]) -> None:
        self._emptied: Callable[[], None] | None = emptied
        self._registered = False

    def watch(self, transport: Any) -> None:
        """Begin. The transport asks at once, and again when it is empty, of which it thinks when it
        is to write.
        """
        transport.registerProducer(self, False)
        self._registered = True
        transport.startWriting()

    def resumeProducing(self) -> None:
        """The transport wants more."""
        if self._registered and self._emptied is not None:
            emptied, self._emptied = self._emptied, None
            emptied()

    def stopProducing(self) -> None:
        """The transport has ended, of which its protocol is told."""
