"""Ten thousand sources of datagrams come and go, and leave nothing behind."""

from __future__ import annotations

import contextlib
import gc
import socket
import sys

from pipetwist.datagram.framing import frame
from tests.support.datagram_case import DatagramCase
from tests.support.loop import open_descriptors

_AT_ONCE = 250  # two descriptors each, of the 1024 that a process mostly may have
# What the interpreter itself keeps and frees between two looks is a hundred blocks or so; one for
# each source would be ten times this.
_BLOCKS_FOR_EACH = 0.1
_QUESTION = b"question"
_ANSWER = b"answer"


class SourcesTest(DatagramCase):
    """Each sends one datagram and is answered; in the next batch's place, or after a while without
    a datagram, its association ends.
    """

    inbound_options = {"max_associations": _AT_ONCE}  # noqa: RUF012 - see DatagramCase
    sources = 10_000
    _batches = 0
    _answered = 0

    def test_nothing_left(self) -> None:
        """No association, descriptor, timer or memory is left of them, and each has had its answer
        and was counted.
        """
        # The lines are tried elsewhere, and a test that keeps them keeps memory.
        self.service.log.set_level("warn")
        before = self._come_and_go(1)
        after = self._come_and_go(self.sources // _AT_ONCE)
        self.assertEqual(after[1:], before[1:])
        self.assertLess(after[0] - before[0], _BLOCKS_FOR_EACH * self.sources)
        came = self.sources + _AT_ONCE
        self.assertEqual(self.counted(), (came * len(_QUESTION), came * len(_ANSWER)))
        self.assertEqual(self.service.relay.connection_table.total, came)

    def _come_and_go(self, batches: int) -> tuple[int, ...]:
        """Let so many batches come, and the last one go.

        Returns:
            What there is then: blocks of memory, descriptors, timers, and connections on the
            connection table.
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
            len(open_descriptors() - self.before),
            len(self.loop.getDelayedCalls()),
            len(self.service.relay.connection_table),
        )

    def _one_batch(self) -> None:
        address = ("127.0.0.1", self.inbound.port)
        clients = [socket.socket(type=socket.SOCK_DGRAM) for _ in range(_AT_ONCE)]
        self._batches += 1
        for client in clients:
            client.setblocking(False)
            # A port of the batch before may be had again, and is another source here.
            client.bind((f"127.0.1.{self._batches}", 0))
            client.connect(address)
            client.send(_QUESTION)
        answered = self._answered + _AT_ONCE

        def answer() -> bool:
            with contextlib.suppress(BlockingIOError):
                self.answer()
            return self._answered == answered

        self.loop.until(answer, "the questions")
        self.loop.settle()
        for client in clients:
            self.assertEqual(client.recv(100), _ANSWER)
            client.close()

    def answer(self) -> None:
        """Answer every question until there is none; raises BlockingIOError then."""
        while True:
            datagram, source = self.server.socket.recvfrom(100)
            self.assertEqual(datagram, _QUESTION)
            self.server.socket.sendto(_ANSWER, source)
            self._answered += 1


class PlainSourcesTest(SourcesTest):
    """The same with what every system has, and fewer."""

    plain = True
    sources = 2_000


class FramedSourcesTest(SourcesTest):
    """The same where each source has a stream of its own to the server, on which its datagrams are
    framed.
    """

    servers = "framed"
    sources = 2_000

    def setUp(self) -> None:
        """Let the server have as many waiting as come at once."""
        super().setUp()
        self.server.listen(_AT_ONCE)
        self.server.setblocking(False)
        self._streams: set[socket.socket] = set()
        self.addCleanup(self._close_streams)

    def _close_streams(self) -> None:
        for stream in self._streams:
            stream.close()

    def answer(self) -> None:
        """See `SourcesTest`; a stream that has ended is closed."""
        for stream in list(self._streams):
            with contextlib.suppress(BlockingIOError):
                datagram = stream.recv(100)
                if datagram:
                    self.assertEqual(datagram, frame(_QUESTION))
                    stream.send(frame(_ANSWER))
                    self._answered += 1
                else:
                    self._streams.remove(stream)
                    stream.close()
        while True:
            stream = self.server.accept()[0]
            stream.setblocking(False)
            self._streams.add(stream)


class StreamSourcesTest(FramedSourcesTest):
    """The same with streams whose bytes Twisted's transports move."""

    transfer = "stream"
