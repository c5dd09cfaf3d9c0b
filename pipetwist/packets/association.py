"""A client of a datagram inbound, as a side of a packet connection."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from twisted.internet.interfaces import IReactorTime
from zope.interface import implementer

from pipetwist.interfaces import IDatagramSide, IDescriptorSide, ITracker
from pipetwist.packets.batch import Batch
from pipetwist.packets.side import PacketSide
from pipetwist.packets.source import Source

__all__ = ["Answering", "AssociationSide"]


class Answering(Protocol):
    """What sends an association's answers."""

    def answer_batch(self, batch: Batch, start: int, stop: int, target: Source) -> int:
        """Send some of a batch; as `Batch.send`."""

    def answer(self, datagram: bytes, target: Source) -> None:
        """Send one datagram; raises OSError where the system has not taken it."""

    def await_room(self, association: AssociationSide) -> None:
        """Flush this association once the system may take more."""


@implementer(IDescriptorSide, IDatagramSide)
class AssociationSide(PacketSide):
    """Everything that one source sends to an inbound, and the answers.

    Args:
        clock: bounds the wait for what is not delivered.
        source: who it is.
        answering: sends the answers.
        left: called once, when nothing more is to be read for it.
        tracker: counts it; None to leave it uncounted.
    """

    __slots__ = ("_answering", "_left", "_source")

    def __init__(
        self,
        clock: IReactorTime,
        source: Source,
        answering: Answering,
        left: Callable[[AssociationSide], None],
        tracker: ITracker | None = None,
    ) -> None:
        super().__init__(clock, tracker)
        self._source = source
        self._answering = answering
        self._left: Any = left

    def make_room(self, most: int) -> None:
        """End, for another to come in."""
        self.lose(f"the oldest of max_associations ({most}) made room for another")

    # PacketSide. A source without a name gets no answer: it has no address that one could be sent to.

    def send_batch(self, batch: Batch, start: int, stop: int) -> int:
        """See `PacketSide`."""
        return self._answering.answer_batch(batch, start, stop, self._source)

    def send_one(self, datagram: bytes) -> None:
        """See `PacketSide`."""
        self._answering.answer(datagram, self._source)

    def take(self, batch: Batch, start: int, stop: int) -> None:
        """See `PacketSide`."""
        if self._source.named:
            super().take(batch, start, stop)
        else:
            self.dropped += stop - start

    def write(self, data: bytes) -> None:
        """See `IDatagramSide`."""
        if self._source.named:
            super().write(data)
        else:
            self.dropped += 1

    def await_room(self) -> None:
        """See `PacketSide`."""
        self._answering.await_room(self)

    def leave(self) -> None:
        """See `PacketSide`."""
        left, self._left = self._left, None
        if left is not None:
            left(self)

    def release(self) -> None:
        """See `PacketSide`: the socket is everybody's."""
