"""The producers that a side registers with its transport."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall, IPullProducer, IPushProducer, IReactorTime
from zope.interface import implementer

from pipetwist.interfaces import AnySide, AnyTransport

__all__ = ["AfterNextTurn", "DrainWatch", "WriteFlowControl"]


@implementer(IPushProducer)
class WriteFlowControl:
    """Passes a transport's flow control on to the side's receiver.

    Args:
        side: the side.
    """

    def __init__(self, side: AnySide) -> None:
        self._side = side

    def pauseProducing(self) -> None:
        """The transport's buffer is full."""
        self._side.receiver.pause_writing(self._side)

    def resumeProducing(self) -> None:
        """The transport's buffer is empty."""
        self._side.receiver.resume_writing(self._side)

    def stopProducing(self) -> None:
        """The transport has closed; its protocol is notified of that."""


@implementer(IPullProducer)
class DrainWatch:
    """Notices when a transport's buffer is empty: a pull producer is asked for more then.

    Args:
        emptied: called once.
    """

    def __init__(self, emptied: Callable[[], None]) -> None:
        self._emptied: Callable[[], None] | None = emptied
        self._registered = False

    def watch(self, transport: AnyTransport) -> None:
        """Start. The transport asks immediately, and again when its buffer is empty, which it
        checks when it can write.
        """
        transport.registerProducer(self, False)
        self._registered = True
        transport.startWriting()

    def resumeProducing(self) -> None:
        """The transport asks for more."""
        if self._registered and self._emptied is not None:
            emptied, self._emptied = self._emptied, None
            emptied()

    def stopProducing(self) -> None:
        """The transport has closed; its protocol is notified of that."""


class AfterNextTurn:
    """Calls a function after all that the reactor does in its next turn.

    Twisted's TLS hands small pieces to the transport below only in that turn
    (``_AggregateSmallWrites``), so that a transport with nothing in its buffer may still get some.

    Args:
        clock: the reactor's.
        call: the function.
    """

    def __init__(self, clock: IReactorTime, call: Callable[[], None]) -> None:
        self._clock = clock
        self._call = call
        # Calls that are due at the same time may come in any order.
        self._waits: IDelayedCall | None = clock.callLater(0, self._once_more)

    def __repr__(self) -> str:
        return f"<AfterNextTurn {'over' if self._waits is None else 'waits'}>"

    def _once_more(self) -> None:
        self._waits = self._clock.callLater(0, self._now)

    def _now(self) -> None:
        self._waits = None
        self._call()

    def cancel(self) -> None:
        """Do not call it."""
        if self._waits is not None:
            self._waits.cancel()
            self._waits = None
