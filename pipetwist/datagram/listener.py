"""A listening datagram socket: distinguishes its sources, and makes a connection for each."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any, TypeAlias

from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger

from pipetwist.datagram.association import AssociationSide
from pipetwist.datagram.association_table import AssociationTable
from pipetwist.datagram.context import DatagramContext
from pipetwist.datagram.plain import EitherBatch
from pipetwist.datagram.segments import segments_work
from pipetwist.datagram.socket_side import dropped_by_kernel, hand_to
from pipetwist.datagram.source import Source
from pipetwist.datagram.waiting import Room
from pipetwist.interfaces import IOutbound, ITracker
from pipetwist.kernel.poller import IN
from pipetwist.transfer.loss_reasons import describe_error
from pipetwist.values.addresses import SocketAddress

__all__ = ["Associate", "DatagramListener"]

# Batches that are read in one turn at most.
_ROUNDS = 4
# Datagrams that are received at once after a new source was among them: admitting one takes as long
# as relaying a hundred datagrams.
_FEW = 8
# A socket that sends answers to many does not say which of them has room: waiting answers are tried
# again at this interval.
_RETRY_SECONDS = 0.01

# What its associations may not pass on yet, by their limits, takes no more: anybody may send as
# thousands of sources.
MAX_HELD_BYTES = 1 << 25

Associate: TypeAlias = Callable[[Any, IOutbound, "ITracker | None"], AssociationSide]
"""Makes the side of a client that is let in: a `Source`, or what a subclass has in its place."""


class DatagramListener:
    """Reads a datagram inbound's socket.

    Args:
        datagram_context: what it works with.
        opened: the socket.
        batch: what it is read into.
        association_table: the associations of the whole inbound.
        let_in: admits a source: makes its side with ``associate``, and passes it to the relay; does
            neither if it refuses it.
        log: gets errors.
    """

    def __init__(
        self,
        datagram_context: DatagramContext,
        opened: socket.socket,
        batch: EitherBatch,
        association_table: AssociationTable,
        let_in: Callable[[Any, Associate], object],  # a subclass lets something else in
        log: Logger,
    ) -> None:
        opened.setblocking(False)
        self.dropped = 0
        """Datagrams that belong to no association: refused, or cut."""
        self.datagram_context = datagram_context
        self._socket = opened
        self._segments = opened.family != getattr(socket, "AF_UNIX", None) and segments_work()
        self.batch = batch
        self.room = Room(MAX_HELD_BYTES)
        self._association_table = association_table
        self._let_in = let_in
        self._log = log
        self.associations: dict[object, AssociationSide] = {}
        self._waiting: dict[AssociationSide, None] = {}
        self._retry: IDelayedCall | None = None
        self._listening = False
        self._at_once = _FEW
        self._asked_in = 0

    @property
    def local_address(self) -> SocketAddress:
        """Where it listens."""
        return self._socket.getsockname()

    def __repr__(self) -> str:
        state = f"fd={self._socket.fileno()}" if self._listening else "not listening"
        return (
            f"<DatagramListener {state}, {len(self.associations)} associations, "
            f"{len(self._waiting)} waiting>"
        )

    @property
    def dropped_by_kernel(self) -> int:
        """Datagrams that the system has dropped because they arrived faster than they were read."""
        return dropped_by_kernel(self._socket) if self._listening else 0

    def start(self) -> None:
        """Start to read."""
        self.datagram_context.watcher.add(self._socket.fileno(), self, IN)
        self._listening = True

    def stop(self) -> None:
        """Close the socket, and every association, since answers could not be sent any more."""
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None
        if self._listening:
            self._listening = False
            self.datagram_context.watcher.remove(self._socket.fileno())
        for association in list(self.associations.values()):
            association.lose("the inbound has stopped listening")
        self._socket.close()

    def ready(self, events: int) -> None:
        batch, associations, active = (
            self.batch,
            self.associations,
            self._association_table.active,
        )
        for _ in range(_ROUNDS):
            at_once = self._at_once
            try:
                count = batch.receive(self._socket, connected=False, most=at_once)
            except OSError as error:
                # The error of some answer; the socket is still usable.
                self._log.debug("a datagram socket reports: {error}", error=describe_error(error))
                continue
            cut = batch.cut
            for start, stop, key in batch.runs():
                association = associations.get(key)
                if association is None or cut:
                    self.arrived(start, stop, key)
                else:
                    active(association)
                    association.arrived(batch, start, stop)
            if self._asked_in:
                self._asked_in, self._at_once = 0, _FEW
                return
            self._at_once = min(batch.count, 2 * at_once)
            if count < at_once or not self._listening:
                return

    def failed(self) -> None:
        """See `pipetwist.kernel.poller.Pollable`: continues to read."""
        if self._listening:
            self.datagram_context.watcher.remove(self._socket.fileno())
            self.datagram_context.watcher.add(self._socket.fileno(), self, IN)

    def arrived(self, start: int, stop: int, key: SocketAddress) -> None:
        """Some of the batch are of a sender that has no association, or were cut."""
        association = self.associations.get(key)
        if association is not None:
            self._association_table.active(association)
        else:
            source = self.batch.source(key)
            association = self.open(key, source, source, self.batch, start)
            if association is not None:
                start += 1
            if association is None or association.ending.over:
                self.dropped += stop - start
                return
        if start < stop:
            hand_to(association, self.batch, start, stop)

    def open(
        self, key: object, client: object, source: Source, batch: EitherBatch, index: int
    ) -> AssociationSide | None:
        """Admit a source, with its first datagram. If that is dropped, the association's log line
        says so.

        Args:
            key: what its association is known by.
            client: what is let in.
            source: who is answered.
            batch: the datagram is in it.
            index: the datagram's.
        """
        self._asked_in += 1
        if not self._association_table.make_room():
            return None
        made: list[AssociationSide] = []

        def associate(_: object, outbound: IOutbound, tracker: ITracker | None) -> AssociationSide:
            association = self.associations[key] = self.make_side(key, source, tracker)
            self._association_table.add(association)
            made.append(association)
            hand_to(association, batch, index, index + 1)
            return association

        try:
            self._let_in(client, associate)
        except Exception:  # noqa: BLE001 - one source's mistake does not end the listening
            self._log.failure("A datagram's source could not be accepted")
            for association in made:
                association.failed()
        return made[0] if made else None

    def make_side(self, key: object, source: Source, tracker: ITracker | None) -> AssociationSide:
        """Make the side of an association.

        Args:
            key: what it is known by.
            source: who is answered.
            tracker: counts it; None to leave it uncounted.
        """
        return AssociationSide(self.datagram_context.reactor, key, source, self, tracker)

    # For the answers of associations.

    def answer_batch(self, batch: EitherBatch, start: int, stop: int, target: Source) -> int:
        return batch.send(self._socket, start, stop, target, segments=self._segments)

    def answer(self, datagram: bytes, target: Source) -> None:
        self.batch.send_one(self._socket, datagram, target)

    def await_room(self, association: AssociationSide) -> None:
        self._waiting[association] = None
        if self._retry is None:
            self._retry = self.datagram_context.reactor.callLater(_RETRY_SECONDS, self._try_again)

    def active(self, association: AssociationSide) -> None:
        if association in self._association_table:
            self._association_table.active(association)

    def left(self, association: AssociationSide) -> None:
        self._association_table.discard(association)
        if self.associations.get(association.key) is association:
            del self.associations[association.key]

    def _try_again(self) -> None:
        self._retry = None
        waiting, self._waiting = self._waiting, {}
        for association in waiting:
            if not association.ending.over:
                association.flush()
