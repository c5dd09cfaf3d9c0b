"""Base class of the two kinds of side on datagram sockets: what they count, keep and drop, and how
they end.
"""

from __future__ import annotations

import errno
from typing import cast

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from zope.interface import implementer

from pipetwist.datagram.batch import Batch
from pipetwist.datagram.plain import EitherBatch
from pipetwist.datagram.throttle import LimitableSide
from pipetwist.datagram.waiting import WaitingDatagrams
from pipetwist.interfaces import IDatagramSide, IDescriptorSide, IProcess, ITracker, Medium
from pipetwist.transfer import lingering
from pipetwist.transfer.ending import BEGINNING, CLOSE, DRAINED, LOST, PEER_ENDED
from pipetwist.transfer.loss_reasons import NOT_NOW, describe_error

__all__ = ["BaseDatagramSide"]


@implementer(IDescriptorSide, IDatagramSide)
class BaseDatagramSide(LimitableSide):
    """A side for datagrams. Subclasses have the methods that raise NotImplementedError.

    If it is coupled with another of its kind, it passes on whole batches; otherwise datagram by
    datagram.

    Args:
        clock: counts the time for which undelivered datagrams are kept.
        tracker: counts what is read from here and delivered here; None for a side that is not
            counted.
    """

    process: IProcess | None = None
    medium = Medium.DATAGRAMS
    carrier: object = Batch  # parts of it are passed on
    half_closes = notices_loss = False

    __slots__ = (
        "_clock",
        "_linger",
        "delivered",
        "dropped",
        "early",
        "from_stream",
        "moved",
        "outgoing",
        "paused",
        "received",
        "sink",
        "tracker",
    )

    def __init__(self, clock: IReactorTime, tracker: ITracker | None = None) -> None:
        self._clock = clock
        self._linger: IDelayedCall | None = None
        self.tracker = tracker
        self.receiver = None
        self.ending = BEGINNING
        self.sink: BaseDatagramSide | None = None
        # Whether what is written here comes from a stream, and not from another of this kind.
        self.from_stream = True
        self.received = 0
        self.delivered = 0
        self.moved = 0  # every datagram, since one may be empty
        self.dropped = 0
        self.paused = True
        self.reason = ""
        self.early: WaitingDatagrams | None = None  # read before reading was resumed
        self.outgoing: WaitingDatagrams | None = None  # not accepted by the system yet

    # For subclasses.

    def send_batch(self, batch: EitherBatch, start: int, stop: int) -> int:
        """Send some of a batch; as `Batch.send`."""
        raise NotImplementedError

    def send_one(self, datagram: bytes) -> None:
        """Send one datagram; raises OSError where the system has not taken it."""
        raise NotImplementedError

    def await_room(self) -> None:
        """Call `flush` when the system may accept more."""
        raise NotImplementedError

    def leave(self) -> None:
        """Stop reading for this side."""
        raise NotImplementedError

    def release(self) -> None:
        """This side has closed: release everything."""
        raise NotImplementedError

    # Reading.

    def arrived(self, batch: EitherBatch, start: int, stop: int) -> None:
        """A part of a batch was received for this side."""
        if self.ending.closing:
            self.dropped += stop - start
            return
        datagrams = stop - start
        count = batch.lengths[start] if datagrams == 1 else sum(batch.lengths[start:stop])
        self.received += count
        self.moved += datagrams
        if self.tracker is not None and count:
            self.tracker.uplink(count)
        if not self.paused and self.sink is not None:
            self.sink.take(batch, start, stop)
        else:
            for index in range(start, stop):
                self.hand_on(batch.data(index))

    def hand_on(self, datagram: bytes) -> None:
        """Pass one datagram on, or keep it until reading is resumed."""
        if not self.paused and self.sink is not None:
            self.sink.write(datagram)
        elif not self.paused and self.receiver is not None:
            self.receiver.data_received(self, datagram)
        else:
            if self.early is None:
                self.early = WaitingDatagrams()
            self.dropped += not self.early.keep(datagram)

    def resume_reading(self) -> None:
        self.paused = False
        early = self.early
        while early and not self.paused and not self.ending.over:
            datagram = early.first()
            early.remove_first()
            self.hand_on(datagram)
        if not early:
            self.early = None

    def pause_reading(self) -> None:
        self.paused = True

    # Writing.

    def take(self, batch: EitherBatch, start: int, stop: int) -> None:
        """Send a part of a batch, and keep what the system does not accept."""
        while start < stop and not self.ending.closing:
            if self.outgoing is not None:
                self._keep(batch, start, stop)
                return
            try:
                sent = self.send_batch(batch, start, stop)
            except OSError as error:
                if error.errno in NOT_NOW:
                    self._keep(batch, start, stop)
                    self.await_room()
                    return
                if error.errno != errno.EMSGSIZE:
                    self.dropped += stop - start
                    self.lose(describe_error(error))
                    return
                if not self._deliver(batch.data(start)):
                    self._keep(batch, start, stop)
                    self.await_room()
                    return
                start += 1
                continue
            self._count(
                batch.lengths[start] if sent == 1 else sum(batch.lengths[start : start + sent]),
                sent,
            )
            start += sent
        self.dropped += stop - start

    def write(self, data: bytes) -> None:
        if self.ending.closing:
            self.dropped += 1
        elif self.outgoing is not None:
            self.dropped += not self.outgoing.keep(data)
        elif not self._deliver(data):
            self.outgoing = WaitingDatagrams()
            self.outgoing.keep(data)
            self.await_room()

    def flush(self) -> None:
        """The system may accept more: send the waiting datagrams."""
        while self.outgoing and not self.ending.over:
            if not self._deliver(self.outgoing.first()):
                self.await_room()
                return
            if self.outgoing is not None:
                self.outgoing.remove_first()
        self.outgoing = None
        if self.hear(DRAINED).leaves:
            self.lose("")

    def _deliver(self, datagram: bytes) -> bool:
        """Send one; False if it must wait."""
        try:
            try:
                self.send_one(datagram)
            except OSError as error:
                if error.errno != errno.EMSGSIZE:
                    raise
                # That may be an error of an earlier datagram (ICMP), because of which this one was
                # not sent.
                self.send_one(datagram)
        except OSError as error:
            if error.errno in NOT_NOW:
                return False
            if error.errno == errno.EMSGSIZE and not self.from_stream:
                # Its sender is not notified, as in a network.
                self.dropped += 1
                return True
            # If others are waiting, it is dropped together with them.
            self.dropped += self.outgoing is None
            if error.errno == errno.EMSGSIZE:
                self.lose(f"a datagram of {len(datagram)} bytes is larger than this socket carries")
            else:
                self.lose(describe_error(error))
            return True
        self._count(len(datagram), 1)
        return True

    def _count(self, count: int, datagrams: int) -> None:
        self.delivered += count
        self.moved += datagrams
        if self.tracker is not None and count:
            self.tracker.downlink(count)

    def _keep(self, batch: EitherBatch, start: int, stop: int) -> None:
        if self.outgoing is None:
            self.outgoing = WaitingDatagrams()
        for index in range(start, stop):
            self.dropped += not self.outgoing.keep(batch.data(index))

    # ISide.

    def carry_to(self, sink: IDescriptorSide) -> None:
        self.sink = one_of_us = cast("BaseDatagramSide", sink)  # since it has the same carrier
        one_of_us.coupled()

    def coupled(self) -> None:
        """The other side is of this kind too."""
        self.from_stream = False

    def write_eof(self) -> None:
        """See `ISide`: a datagram socket has no end of file to send."""

    def close(self) -> None:
        if self.ending.closing:
            return
        if self.outgoing is None:
            self.lose("")
            return
        self.hear(CLOSE)
        # A peer that sends datagrams has no end of file to wait for.
        self.hear(PEER_ENDED)
        self.leave()
        self._linger = self._clock.callLater(lingering.LINGER_SECONDS, self._lingered)

    def disconnect(self) -> None:
        self.close()

    def close_with_error(self) -> None:
        """See `ISide`: each datagram is complete by itself, so there is nothing to cut off."""
        self.close()

    def abort(self) -> None:
        self.lose("")

    def failed(self) -> None:
        self.lose("internal error")

    def lose(self, reason: str) -> None:
        """Close this side."""
        if self.ending.over:
            return
        self.hear(LOST)
        self.reason = reason
        if self._linger is not None:
            self._linger.cancel()
            self._linger = None
        for waiting in (self.early, self.outgoing):
            self.dropped += len(waiting or ())
        self.early = self.outgoing = None
        self.leave()
        self.release()
        self.sink = None
        receiver, self.receiver = self.receiver, None
        if receiver is not None:
            receiver.lost(self, reason)

    def _lingered(self) -> None:
        self._linger = None
        self.lose("")

    @property
    def waits(self) -> str:
        return f"{len(self.outgoing)} queued" if self.outgoing else ""
