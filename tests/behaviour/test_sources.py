"""Ten thousand sources of datagrams come and go, and leave nothing behind."""

from __future__ import annotations

import gc
import socket
import sys

from tests.kernel.loop import open_descriptors
from tests.packets.case import PacketCase

__all__ = ["PlainSourcesTest", "SourcesTest"]

_AT_ONCE = 250  # two descriptors each, of the 1024 that a process mostly may have
# What the interpreter itself keeps and frees between two looks; one block for each source would be thousands.
_FEW_BLOCKS = 100


class SourcesTest(PacketCase):
    """Each sends one datagram and is answered; in the next batch's place, or after a while without a datagram, its association ends."""

    inbound_options = {"max_associations": _AT_ONCE}  # noqa: RUF012 - see PacketCase
    sources = 10_000
    batches = 0

    def test_nothing_left(self) -> None:
        """No association, descriptor, timer or memory is left of them, and each has had its answer and was counted."""
        self.service.log.set_level("warn")  # the lines are tried elsewhere, and a test that keeps them keeps memory
        before = self._come_and_go(1)
        after = self._come_and_go(self.sources // _AT_ONCE)
        self.assertEqual(after[1:], before[1:])
        self.assertLess(after[0] - before[0], _FEW_BLOCKS)
        came = self.sources + _AT_ONCE
        self.assertEqual(self.counted(), (came * len(b"question"), came * len(b"answer")))
        self.assertEqual(self.service.relay.ledger.total, came)

    def _come_and_go(self, batches: int) -> tuple[int, ...]:
        """Let so many batches come, and the last one go.

        Returns:
            What there is then: blocks of memory, descriptors, timers, and connections on the ledger.
        """
        for _ in range(batches):
            self._one_batch()
            self.assertEqual((self.inbound.associations, self.open), (_AT_ONCE, _AT_ONCE))
        for _ in range(12):
            self.loop.advance(30)
        self.assertEqual((self.inbound.associations, self.open), (0, 0))
        gc.collect()
        return (
            sys.getallocatedblocks(),
            len(open_descriptors()),
            len(self.loop.getDelayedCalls()),
            len(self.service.relay.ledger),
        )

    def _one_batch(self) -> None:
        address = ("127.0.0.1", self.inbound.port)
        clients = [socket.socket(type=socket.SOCK_DGRAM) for _ in range(_AT_ONCE)]
        self.batches += 1
        for client in clients:
            client.setblocking(False)
            client.bind((f"127.0.1.{self.batches}", 0))  # a port of the batch before may be had again, and is another source here
            client.connect(address)
            client.send(b"question")
        answered = 0

        def answer() -> bool:
            nonlocal answered
            try:
                while True:
                    datagram, source = self.server.socket.recvfrom(100)
                    self.assertEqual(datagram, b"question")
                    self.server.socket.sendto(b"answer", source)
                    answered += 1
            except BlockingIOError:
                return answered == _AT_ONCE

        self.loop.until(answer, "the questions")
        self.loop.settle()
        for client in clients:
            self.assertEqual(client.recv(100), b"answer")
            client.close()


class PlainSourcesTest(SourcesTest):
    """The same with what every system has, and fewer."""

    plain = True
    sources = 2_000
