"""Clients that wait for room after they were accepted."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from pipetwist.inbounds.waiting_room import MOST, WaitingRoom


class _Gate:
    """A gate whose room is the test's."""

    tag = "in"

    def __init__(self) -> None:
        self.room = 0
        self.waiting: list[Callable[[], None]] = []
        self.refused: list[str] = []

    def wait(self, resume: Callable[[], None]) -> None:
        """See `Gate`."""
        self.waiting.append(resume)

    def forget(self, resume: Callable[[], None]) -> None:
        """See `Gate`."""
        if resume in self.waiting:
            self.waiting.remove(resume)

    def refuse(self, text: str) -> None:
        """See `Gate`."""
        self.refused.append(text)


class _Share:
    """A share that counts."""

    def __init__(self) -> None:
        self.lent = 0
        self.free = MOST + 1

    def lend(self, count: int) -> bool:
        """See `Share`."""
        if self.lent + count > self.free:
            return False
        self.lent += count
        return True

    def returned(self, count: int) -> None:
        """See `Share`."""
        self.lent -= count


class WaitingRoomTest(SynchronousTestCase):
    """One, with a gate that is full."""

    def setUp(self) -> None:
        """Make it."""
        self.gate = _Gate()
        self.share = _Share()
        self.entered: list[socket.SocketType] = []
        gate: Any = self.gate
        share: Any = self.share
        self.waiting = WaitingRoom(gate, share, self.enter)

    def enter(self, accepted: socket.SocketType) -> None:
        """Take one, which takes room."""
        self.gate.room -= 1
        self.entered.append(accepted)

    def client(self) -> socket.SocketType:
        """A client's socket."""
        near, far = socket.socketpair()
        for one in (near, far):
            self.addCleanup(one.close)
        return near

    def resume(self) -> None:
        """There is room."""
        waiting, self.gate.waiting = self.gate.waiting, []
        for resume in waiting:
            resume()

    def test_room(self) -> None:
        """Where there is room nobody waits."""
        self.gate.room = 1
        self.waiting.take(self.client())
        self.assertEqual((len(self.entered), self.gate.waiting, self.share.lent), (1, [], 0))

    def test_order(self) -> None:
        """They come in as they have come, as many as there is room for."""
        clients = [self.client() for _ in range(3)]
        for one in clients:
            self.waiting.take(one)
        self.assertEqual((self.entered, len(self.gate.waiting), self.share.lent), ([], 1, 3))
        self.gate.room = 2
        self.resume()
        self.assertEqual((self.entered, self.share.lent), (clients[:2], 1))
        self.gate.room = 1
        self.resume()
        self.assertEqual((self.entered, self.share.lent), (clients, 0))
        self.assertEqual(repr(self.waiting), "<WaitingRoom of in: 0 waiting>")

    def test_full(self) -> None:
        """Only so many wait, and as many as there are descriptors for."""
        last = self.client()
        for _ in range(MOST):
            self.waiting.take(self.client())
        self.waiting.take(last)
        self.assertEqual(last.fileno(), -1)
        self.assertEqual(
            self.gate.refused, [f"refused a client: there is no room, and {MOST} wait"]
        )

    def test_no_descriptors(self) -> None:
        """Without a descriptor nobody waits."""
        self.share.free = 0
        client = self.client()
        self.waiting.take(client)
        self.assertEqual((client.fileno(), len(self.waiting)), (-1, 0))

    def test_stop(self) -> None:
        """A stop closes those that wait."""
        client = self.client()
        self.waiting.take(client)
        self.waiting.stop()
        self.assertEqual((client.fileno(), self.gate.waiting, self.share.lent), (-1, [], 0))
