"""Two coupled sockets: when bytes are copied, when they are spliced, and what that leaves
behind.
"""

from __future__ import annotations

import contextlib
import errno
import os
import random
import socket
from typing import Any

from pipetwist.kernel.context import BUFFER_SIZE
from pipetwist.kernel.reader import BUSY_BYTES, BUSY_READS, QUIET_BYTES, TURN_BYTES
from tests.kernel.coupled import Coupled, CoupledCase, move
from tests.kernel.noted import NotedSplices
from tests.support.loop import take_all

_MUCH = random.Random(0).randbytes(5_000_000)


class _SplicingCase(CoupledCase):
    """Tests that look at the calls of os.splice."""

    def setUp(self) -> None:
        """Note the calls."""
        super().setUp()
        self.calls = NotedSplices(self)

    def splice_up(self, connection: Coupled) -> int:
        """Send up until the direction is busy, and then until it is stopped, with something in its
        pipe if it got one.

        Returns:
            How many bytes have not come yet.
        """
        underway = 0
        for _ in self.loop.rounds("the direction to be busy"):
            underway -= len(take_all(connection.server_peer))
            if connection.client.reader.busy_reads >= BUSY_READS:
                break
            underway += _send(connection, 4 * BUSY_BYTES)
        for _ in self.loop.rounds("it to be stopped"):
            sent = _send(connection, 4 * BUSY_BYTES)
            if not sent:
                break
            underway += sent
        self.assertTrue(connection.server.writer.waiting)
        return underway


def _send(connection: Coupled, count: int) -> int:
    """Send so many zeros up, or what goes; how many that were."""
    with contextlib.suppress(BlockingIOError):
        return connection.client_peer.send(bytes(count))
    return 0


class CopyingTest(_SplicingCase):
    """Bytes arrive, by whichever way."""

    def test_small(self) -> None:
        """A small message is passed on in the turn in which it comes, and is not spliced."""
        connection = self.couple()
        for number in range(20):
            connection.client_peer.send(b"question %02d" % number)
            self.loop.turn()
            self.assertEqual(connection.server_peer.recv(99), b"question %02d" % number)
            connection.server_peer.send(b"answer %02d" % number)
            self.loop.turn()
            self.assertEqual(connection.client_peer.recv(99), b"answer %02d" % number)
        self.assertEqual(connection.figures, (220, 220, 180, 180))
        self.assertEqual(connection.counted, (220, 180))
        self.assertEqual((self.calls.made, self.kernel.pool._idle), ([], []))

    def test_much(self) -> None:
        """Much arrives whole, both ways, and is counted."""
        connection = self.couple()
        self.assertTrue(move(self, _MUCH, connection.client_peer, connection.server_peer) == _MUCH)
        self.assertTrue(
            move(self, _MUCH[::-1], connection.server_peer, connection.client_peer) == _MUCH[::-1]
        )
        self.assertEqual(connection.figures, (len(_MUCH),) * 4)
        self.assertEqual(connection.counted, (len(_MUCH),) * 2)

    def test_reader_that_stalls(self) -> None:
        """The sender is stopped while its reader does not read: no more than a turn's bytes are
        held, and nothing is lost.
        """
        connection = self.couple()
        sent = 0
        with contextlib.suppress(BlockingIOError):
            for _ in self.loop.rounds("the sender to be stopped"):
                sent += connection.client_peer.send(_MUCH[sent : sent + 100_000])
        self.assertLess(sent, len(_MUCH))
        self.assertLessEqual(connection.client.received - connection.server.delivered, TURN_BYTES)
        self.assertTrue(connection.client.reader.held_back)
        came = move(
            self, _MUCH[sent : sent + 300_000], connection.client_peer, connection.server_peer, sent
        )
        self.assertTrue(came == _MUCH[: sent + 300_000])

    def test_written_before(self) -> None:
        """What was written to a side before it is coupled arrives first."""
        connection = self.couple(reading=False)
        connection.server.writer.source = None
        connection.server.write(_MUCH)
        self.assertTrue(connection.server.writer.waiting)
        connection.client.carry_to(connection.server)
        connection.client.resume_reading()
        came = move(self, b"last", connection.client_peer, connection.server_peer, len(_MUCH))
        self.assertTrue(came == _MUCH + b"last")


class TcpCopyingTest(CopyingTest):
    """The same from TCP to TCP."""

    families = (socket.AF_INET, socket.AF_INET)

    def test_spliced(self) -> None:
        """A busy direction is spliced between TCP sockets too, which takes half of the processor
        time, and nothing is lost.
        """
        connection = self.couple()
        underway = self.splice_up(connection)
        self.assertTrue(self.calls.made)
        came = move(self, _MUCH, connection.client_peer, connection.server_peer, underway)
        self.assertTrue(came == bytes(underway) + _MUCH)
        self.assertEqual(connection.counted, (connection.server.delivered, 0))
        self.assertEqual(self.kernel.pool.lent, 0)


class TcpToUnixCopyingTest(CopyingTest):
    """The same from TCP to a unix socket."""

    families = (socket.AF_INET, socket.AF_UNIX)


class PipesTest(_SplicingCase):
    """Who has pipes, and how long."""

    def test_busy_and_quiet(self) -> None:
        """A direction that stays busy is spliced; when it goes quiet it is copied again."""
        connection = self.couple()
        move(self, _MUCH, connection.client_peer, connection.server_peer)
        self.assertTrue(self.calls.made)
        self.calls.made.clear()
        self._say(connection, bytes(100))
        self.calls.made.clear()
        for _ in range(10):
            self._say(connection, bytes(100))
        self.assertEqual(self.calls.made, [])

    def test_idle(self) -> None:
        """A connection that is idle after a burst, of whatever size and both ways, has no pipe and
        no buffer.
        """
        for size in (
            1,
            QUIET_BYTES,
            BUSY_BYTES,
            2 * BUSY_BYTES,
            3 * BUSY_BYTES,
            BUFFER_SIZE,
            4 * BUFFER_SIZE,
            TURN_BYTES,
            len(_MUCH),
        ):
            connection = self.couple()
            move(self, _MUCH[:size], connection.client_peer, connection.server_peer)
            move(self, _MUCH[:size], connection.server_peer, connection.client_peer)
            for one in (connection.client, connection.server):
                self.assertEqual(
                    (one.writer.pipe, one.writer.queue, one.writer.waiting),
                    (None, None, False),
                    size,
                )
            self.assertEqual(self.kernel.pool.lent, 0, size)

    def test_stalled(self) -> None:
        """A direction that is stopped has one pipe; it is given back when it is empty, whether or
        not more comes.
        """
        connection = self.couple()
        underway = self.splice_up(connection)
        self.assertEqual(self.kernel.pool.lent, 1)
        came = self.take_until(
            connection.server_peer, lambda: not connection.server.writer.waiting, "all of it"
        )
        # What the client has sent in the meantime may go on, in a turn of its own.
        while more := self.take_until(connection.server_peer, lambda: True, "more"):
            came += more
        self.assertEqual(len(came), underway)
        self.assertEqual((connection.server.writer.pipe, self.kernel.pool.lent), (None, 0))

    def test_turn(self) -> None:
        """In one turn no more is moved than a turn allows, however much there is, and however large
        the pipe is.
        """
        connection = self.couple()
        asked: list[int] = []

        def plenty(source: int, sink: int, most: int, **keywords: Any) -> int:
            asked.append(most)
            return min(most, 300_000)

        self.calls.instead = plenty
        connection.client.reader.busy_reads = BUSY_READS
        connection.client.reader.read()
        self.assertEqual(
            (connection.client.received, connection.server.delivered), (TURN_BYTES, TURN_BYTES)
        )
        self.assertEqual(asked[-2:], [TURN_BYTES - 3 * 300_000] * 2)

    def test_pool_is_empty(self) -> None:
        """More busy directions than there are pipes all go on, some of them by copying, and none
        gets more than one pipe.
        """
        connections = [
            (connection, self.splice_up(connection))
            for connection in [self.couple() for _ in range(self.pipes + 3)]
        ]
        self.assertEqual(self.kernel.pool.lent, self.pipes)
        self.assertEqual(
            sum(connection.server.writer.pipe is not None for connection, _ in connections),
            self.pipes,
        )
        for connection, underway in connections:
            came = move(self, _MUCH, connection.client_peer, connection.server_peer, underway)
            self.assertEqual(len(came), underway + len(_MUCH))
            self.assertTrue(came.endswith(_MUCH))
        self.assertEqual(self.kernel.pool.lent, 0)

    def test_no_descriptors_for_a_pipe(self) -> None:
        """If the system has no descriptors for a pipe bytes are copied; it is not asked again each
        time.
        """
        asked = []

        def none(flags: int) -> tuple[int, int]:
            asked.append(flags)
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

        self.patch(os, "pipe2", none)
        connection = self.couple()
        self.assertTrue(move(self, _MUCH, connection.client_peer, connection.server_peer) == _MUCH)
        self.assertEqual(self.calls.made, [])
        self.assertEqual(len(asked), 1)

    def _say(self, connection: Coupled, data: bytes) -> None:
        connection.client_peer.send(data)
        self.loop.settle()
        self.assertEqual(connection.server_peer.recv(BUFFER_SIZE), data)


class EndOfFileTest(_SplicingCase):
    """What splice says of an end, and what is made of it."""

    def test_end_while_splicing(self) -> None:
        """The end of file of a direction that is spliced is reported once, after everything, and
        the pipe is given back.
        """
        connection = self.couple()
        underway = self.splice_up(connection)
        connection.client_peer.shutdown(socket.SHUT_WR)
        total = len(
            self.take_until(
                connection.server_peer, lambda: connection.client_heard.heard, "the end of file"
            )
        )
        connection.server.write_eof()
        total += len(
            self.take_until(
                connection.server_peer, lambda: not connection.server.ending.delivers, "all of it"
            )
        )
        self.assertEqual(
            (connection.client_heard.heard, self.kernel.pool.lent), (["read_ended"], 0)
        )
        self.assertEqual(
            (total, connection.server.delivered), (underway, connection.client.received)
        )
        self.assertEqual(connection.server_peer.recv(1), b"")

    def test_no_end(self) -> None:
        """A 0 that splice says though there is no end of file ends nothing: a read decides, and
        loses nothing.
        """
        connection = self.couple()
        lies = [0]

        def lie(source: int, sink: int, count: int, **keywords: Any) -> int:
            # The first splice of each turn from the socket moves something, the second says 0.
            if source == connection.client._descriptor:
                lies[0] += 1
                if lies[0] % 2 == 0:
                    return 0
            return os.splice(source, sink, count, **keywords)

        self.calls.instead = lie
        self.assertTrue(move(self, _MUCH, connection.client_peer, connection.server_peer) == _MUCH)
        self.assertGreater(lies[0], 2)
        self.assertEqual(
            (
                connection.client_heard.heard,
                not connection.client.ending.reads,
                self.kernel.pool.lent,
            ),
            ([], False, 0),
        )

    def test_nothing_but_lies(self) -> None:
        """Where splice says nothing but 0 all is copied."""
        connection = self.couple()

        def lie(source: int, sink: int, count: int, **keywords: Any) -> int:
            return 0

        self.calls.instead = lie
        self.assertTrue(move(self, _MUCH, connection.client_peer, connection.server_peer) == _MUCH)
        self.assertEqual(connection.client_heard.heard, [])
        self.assertTrue(self.calls.made)

    def test_no_memory(self) -> None:
        """If the system has no memory to splice, nothing is lost."""
        connection = self.couple()
        turn = [0]

        def short(source: int, sink: int, count: int, **keywords: Any) -> int:
            turn[0] += 1
            if turn[0] % 3:
                raise OSError(errno.ENOMEM, os.strerror(errno.ENOMEM))
            return os.splice(source, sink, count, **keywords)

        self.calls.instead = short
        self.assertTrue(move(self, _MUCH, connection.client_peer, connection.server_peer) == _MUCH)
        self.assertEqual((connection.client_heard.heard, connection.server_heard.heard), ([], []))


class LossTest(_SplicingCase):
    """An end is lost while its direction is spliced."""

    def test_sink(self) -> None:
        """If the one who is sent to has gone what is in the pipe is dropped with the pipe, and the
        sender is read on.
        """
        connection = self.couple()
        self.splice_up(connection)
        writer = connection.server.writer
        connection.server_peer.close()
        self.loop.settle()
        self.assertEqual(
            (self.kernel.pool.lent, writer.pipe, self.kernel.pool._idle), (0, None, [])
        )
        self.assertFalse(connection.client.reader.held_back)
        received = connection.client.received
        connection.client_peer.send(b"dropped")
        self.loop.settle()
        self.assertEqual(connection.client.received, received + 7)
        self.assertNotIn("lost", connection.client_heard.heard)

    def test_sink_that_reads_no_more(self) -> None:
        """The pipe of a side whose peer reads no more is given back, with what is in it, though the
        peer is there and may send.
        """
        connection = self.couple()
        self.splice_up(connection)
        connection.server_peer.shutdown(socket.SHUT_RD)
        self.take_until(
            connection.server_peer,
            lambda: not connection.server.ending.delivers,
            "the end of writing",
        )
        self.assertEqual(
            (self.kernel.pool.lent, self.kernel.pool._idle, connection.server.ending.over),
            (0, [], False),
        )
        connection.server_peer.send(b"last words")
        self.loop.settle()
        self.assertEqual(connection.client_peer.recv(99), b"last words")

    def test_aborted_sink(self) -> None:
        """A side that is aborted gives its pipe back, and what is read for it afterwards is
        dropped.
        """
        connection = self.couple()
        self.splice_up(connection)
        connection.server.abort()
        self.assertEqual(self.kernel.pool.lent, 0)
        self.loop.settle()
        connection.client_peer.send(b"dropped")
        self.loop.settle()
        self.assertNotIn("lost", connection.client_heard.heard)

    def test_closed_while_held_back(self) -> None:
        """A side that is closed while it is not read, for the other has no room, is read on, and
        what comes is dropped.
        """
        connection = self.couple()
        self.splice_up(connection)
        connection.client.write(b"answer")
        self.assertTrue(connection.client.reader.held_back)
        delivered, received = connection.server.delivered, connection.client.received
        connection.client.close()
        self.loop.settle()
        self.assertGreater(connection.client.received, received)
        connection.client_peer.close()
        self.loop.settle()
        self.assertEqual(
            (connection.client_heard.heard, connection.server.delivered), (["lost"], delivered)
        )

    def test_aborted_source(self) -> None:
        """A side that is aborted has what was read from it delivered all the same."""
        connection = self.couple()
        self.splice_up(connection)
        before = connection.server.delivered
        connection.client.abort()
        connection.server.close()
        self.assertGreater(connection.client.received, before)
        self.take_until(
            connection.server_peer, lambda: not connection.server.ending.delivers, "all of it"
        )
        self.assertEqual(connection.server.delivered, connection.client.received)
        self.assertEqual(self.kernel.pool.lent, 0)

    def test_number_reused(self) -> None:
        """What becomes of the number of a descriptor that is closed while spliced is no concern of
        the connection: nobody writes to it.
        """
        connection = self.couple()
        self.splice_up(connection)
        number = connection.server._descriptor
        newcomer, its_peer = self.pair()
        connection.server.abort()
        os.dup2(newcomer.fileno(), number)
        self.addCleanup(os.close, number)
        self.calls.made.clear()
        self.loop.settle()
        for _ in range(20):
            connection.client_peer.send(bytes(BUSY_BYTES))
            self.loop.settle()
        self.assertEqual(take_all(its_peer), b"")
        self.assertNotIn(number, {sink for _, sink in self.calls.made})

    def test_reset_while_splicing(self) -> None:
        """A reset that splice is the first to say is a reset."""
        self.families = (socket.AF_INET, socket.AF_UNIX)
        connection = self.couple()
        self.splice_up(connection)
        connection.client_peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        connection.client_peer.close()
        self.loop.until(lambda: "peer_closed" in connection.client_heard.heard, "the reset")
        self.take_until(
            connection.server_peer, lambda: "lost" in connection.client_heard.heard, "the loss"
        )
        self.assertEqual(connection.client_heard.reason, "the connection was reset")
