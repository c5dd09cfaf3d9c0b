"""An association, which is one source of a datagram inbound, as a side of a datagram connection."""

from __future__ import annotations

from typing import Protocol

from twisted.internet.interfaces import IReactorTime
from zope.interface import implementer

from pipetwist.datagram.plain import EitherBatch
from pipetwist.datagram.side import BaseDatagramSide
from pipetwist.datagram.source import Source
from pipetwist.datagram.throttle import DatagramThrottle, LimitableSide
from pipetwist.datagram.waiting import Room, SharingDatagrams
from pipetwist.interfaces import IDatagramSide, IDescriptorSide, ITracker
from pipetwist.values.addresses import SocketAddress

__all__ = ["Answering", "AssociationSide", "LimitedAssociationSide"]


class Answering(Protocol):
    """The listener of associations, which sends their answers.

    Attributes:
        room: for what they may not pass on yet.
    """

    room: Room

    @property
    def local_address(self) -> SocketAddress:
        """Where it listens."""

    def answer_batch(self, batch: EitherBatch, start: int, stop: int, target: Source) -> int:
        """Send some of a batch; as `Batch.send`."""

    def answer(self, datagram: bytes, target: Source) -> None:
        """Send one datagram; raises OSError if the system has not accepted it."""

    def await_room(self, association: AssociationSide) -> None:
        """Flush this association when the system may accept more."""

    def active(self, association: AssociationSide) -> None:
        """An answer was sent to this association."""

    def left(self, association: AssociationSide) -> None:
        """Stop reading for this association. Called once."""


@implementer(IDescriptorSide, IDatagramSide)
class AssociationSide(BaseDatagramSide):
    """Everything that one source sends to an inbound, and the answers.

    Args:
        clock: counts the time for which undelivered datagrams are kept.
        key: the inbound's key for it.
        source: the source.
        answering: sends the answers.
        tracker: counts it; None to leave it uncounted.
    """

    __slots__ = ("_answering", "_left", "_source", "key")

    def __init__(
        self,
        clock: IReactorTime,
        key: object,
        source: Source,
        answering: Answering,
        tracker: ITracker | None = None,
    ) -> None:
        super().__init__(clock, tracker)
        self.key = key
        self._source = source
        self._answering = answering
        self._left = False

    @classmethod
    def limited(cls) -> type[LimitableSide]:
        return LimitedAssociationSide

    @property
    def local_address(self) -> SocketAddress:
        """Where its inbound listens."""
        return self._answering.local_address

    def make_room(self, maximum: str) -> None:
        """Close, to make room for another one.

        Args:
            maximum: the limit and its origin, as a text.
        """
        self.lose(f"the oldest of {maximum} made room for another")

    @property
    def descriptor_text(self) -> str:
        source = self._source
        return "of a unix socket" if source.host is None else f"of {source.host} port {source.port}"

    # BaseDatagramSide. A source without a name gets no answers, since it has no address.

    def send_batch(self, batch: EitherBatch, start: int, stop: int) -> int:
        return self._answering.answer_batch(batch, start, stop, self._source)

    def send_one(self, datagram: bytes) -> None:
        self._answering.answer(datagram, self._source)

    def take(self, batch: EitherBatch, start: int, stop: int) -> None:
        if self._source.named:
            self._answering.active(self)
            super().take(batch, start, stop)
        else:
            self.dropped += stop - start

    def write(self, data: bytes) -> None:
        if self._source.named:
            self._answering.active(self)
            super().write(data)
        else:
            self.dropped += 1

    def await_room(self) -> None:
        self._answering.await_room(self)

    def leave(self) -> None:
        if not self._left:
            self._left = True
            self._answering.left(self)

    def release(self) -> None:
        """See `BaseDatagramSide`: the socket is shared."""


class LimitedAssociationSide(AssociationSide):
    """One whose datagrams wait for their turn. The socket is others' too and is read on: a few are
    held here, and what is too much is dropped, and counted as dropped alone.
    """

    __slots__ = ()
    throttle: DatagramThrottle

    def arrived(self, batch: EitherBatch, start: int, stop: int) -> None:
        throttle = self.throttle
        flow = throttle.flow
        if not (flow.waits or self.ending.closing):
            granted = flow.take()
            if granted:
                passed, index = 0, start
                while index < stop and passed < granted:
                    passed += batch.lengths[index]
                    index += 1
                flow.settle(granted, passed)
                super().arrived(batch, start, index)
                start = index
                if start < stop and not (self.ending.over or flow.waits):
                    flow.wait()
        if self.ending.closing:
            self.dropped += stop - start
        elif start < stop:
            self._hold(batch, start, stop)

    def _hold(self, batch: EitherBatch, start: int, stop: int) -> None:
        held = self.throttle.held
        if held is None:
            held = self.throttle.held = SharingDatagrams(self._answering.room)
        for index in range(start, stop):
            self.dropped += not held.keep(batch.data(index))

    def turn(self, granted: int) -> None:
        """See `Bearer`: pass on what is held."""
        throttle, passed = self.throttle, 0
        while throttle.held and passed < granted and not self.ending.closing:
            datagram = throttle.held.first()
            throttle.held.remove_first()
            passed += len(datagram)
            _pass_on(self, datagram)
        throttle.flow.settle(granted, passed)
        if not throttle.held:
            throttle.held = None
        elif not self.ending.closing:
            throttle.flow.wait()

    def limited_anew(self) -> None:
        """See `LimitableSide`: what is held waits for its turn there."""
        if self.throttle.held and not self.ending.closing:
            self.throttle.flow.wait()

    def unlimit(self) -> None:
        """Pass on all that is held, and hold nothing any more."""
        self.throttle.flow.leave()
        while self.throttle.held and not self.ending.closing:
            datagram = self.throttle.held.first()
            self.throttle.held.remove_first()
            _pass_on(self, datagram)
        _drop_held(self, self.throttle)

    def lose(self, reason: str) -> None:
        if not self.ending.over:
            self.throttle.flow.leave()
            _drop_held(self, self.throttle)
        super().lose(reason)


def _drop_held(side: AssociationSide, throttle: DatagramThrottle) -> None:
    """Nothing of what is held can go on any more."""
    held, throttle.held = throttle.held, None
    if held is not None:
        side.dropped += len(held)
        held.clear()


def _pass_on(side: AssociationSide, datagram: bytes) -> None:
    """Count one that was held, and hand it on."""
    side.received += len(datagram)
    side.moved += 1
    if side.tracker is not None and datagram:
        side.tracker.uplink(len(datagram))
    side.hand_on(datagram)
