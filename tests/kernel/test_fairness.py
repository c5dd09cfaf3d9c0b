"""Busy directions beside a connection that says only a little: it waits for no longer than the
turns of the others.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable

from zope.interface import implementer

from pipetwist.interfaces import ITracker
from pipetwist.kernel.reader import TURN_BYTES
from pipetwist.kernel.socket_side import SocketSide
from pipetwist.testing import RecordingReceiver
from tests.kernel.commands import CommandCase
from tests.kernel.coupled import CoupledCase
from tests.support.loop import take_all

_BUSY = 16
_TRIPS = 25
_BLOCK = bytes(1 << 17)


@implementer(ITracker)
class _Busy:
    """Counts one direction, and keeps it as busy as can be: at each count its sender sends more and
    its reader takes what there is.

    Args:
        sender: the peer that sends.
        reader: the peer that reads; None where that is a command.
    """

    def __init__(self, sender: socket.socket, reader: socket.socket | None) -> None:
        self._sender = sender
        self._reader = reader
        self.moved = 0

    def uplink(self, count: int) -> None:
        """So much was read from the sender."""
        self.moved += count
        self.fill()

    def downlink(self, count: int) -> None:
        """Nothing is sent back."""

    def fill(self) -> None:
        """Let both ends do what they can."""
        if self._reader is not None:
            take_all(self._reader)
        with contextlib.suppress(BlockingIOError):
            while True:
                self._sender.send(_BLOCK)


@implementer(ITracker)
class _Delivered:
    """Calls somebody whenever something is delivered to the side that it counts for.

    Args:
        then: whom.
    """

    def __init__(self, then: Callable[[int], None]) -> None:
        self.downlink = then

    def uplink(self, count: int) -> None:
        """What is read is not looked at."""


class BesideSocketsTest(CoupledCase):
    """Busy unix sockets."""

    def test_turns(self) -> None:
        """Between two turns of the little one each busy direction has two at most, of at most so
        many bytes, and all of them go on.
        """
        busy = [self.busy() for _ in range(_BUSY)]
        self.trips(busy, whole_turns=True)

    def busy(self) -> _Busy:
        """One busy direction."""
        connection = self.couple()
        busy = _Busy(connection.client_peer, connection.server_peer)
        connection.client.tracker = busy
        return busy

    def trips(self, busy: list[_Busy], *, whole_turns: bool) -> None:
        """Send a message there and back so often, each as soon as the one before is there, and look
        at what is moved between.

        Args:
            busy: the busy directions.
            whole_turns: whether there is always more to move.
        """
        talk = self.couple()
        waits: list[int] = []
        trips = 0

        def note() -> None:
            waits.extend(one.moved for one in busy)
            for one in busy:
                one.moved = 0
                one.fill()

        def asked(count: int) -> None:
            note()
            talk.server_peer.send(talk.server_peer.recv(count))

        def answered(count: int) -> None:
            nonlocal trips
            note()
            trips += 1
            talk.client_peer.send(talk.client_peer.recv(count))

        talk.client.tracker = _Delivered(answered)
        talk.server.tracker = _Delivered(asked)
        for one in busy:
            one.fill()
        talk.client_peer.send(b"a little")
        self.loop.until(lambda: trips >= _TRIPS, "the little ones' trips")
        self.assertLessEqual(max(waits), 2 * TURN_BYTES)
        totals = [sum(waits[number :: len(busy)]) for number in range(len(busy))]
        self.assertGreaterEqual(min(totals), _TRIPS * TURN_BYTES if whole_turns else 1)


class BesideTcpTest(BesideSocketsTest):
    """Busy TCP sockets, which are copied."""

    families = (socket.AF_INET, socket.AF_INET)

    def test_turns(self) -> None:
        """Between two turns of the little one each busy direction has two at most, of at most so
        many bytes, and all of them go on.
        """
        self.trips([self.busy() for _ in range(_BUSY)], whole_turns=False)


class BesideCommandsTest(BesideSocketsTest, CommandCase):
    """Busy commands."""

    def test_turns(self) -> None:
        """Between two turns of the little one each busy direction has two at most, of at most so
        many bytes, and all of them go on.
        """
        self.trips([self.busy() for _ in range(_BUSY // 4)], whole_turns=False)

    def busy(self) -> _Busy:
        """One busy direction, to a command."""
        near, peer = self.pair()
        busy = _Busy(peer, None)
        client = SocketSide(self.kernel, near, busy)
        self.addCleanup(client.abort)
        client.attach(RecordingReceiver())
        server, _ = self.shell("exec cat > /dev/null")
        client.carry_to(server)
        server.carry_to(client)
        client.resume_reading()
        server.resume_reading()
        return busy
