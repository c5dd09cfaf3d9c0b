"""A socket and a command, coupled: bytes are spliced from the one to the other, with nothing
between.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import random
import signal
import socket
from typing import Any

from pipetwist.kernel.pipe_pool import PIPE_SIZE
from pipetwist.kernel.reader import TURN_BYTES
from pipetwist.kernel.socket_side import SocketSide
from pipetwist.process.pipe_ends import held_bytes
from pipetwist.testing import RecordingReceiver, RecordingTracker
from tests.kernel.commands import CommandCase
from tests.kernel.coupled import move
from tests.kernel.noted import NotedSplices
from tests.support.loop import take_all

_F_GETPIPE_SZ = getattr(fcntl, "F_GETPIPE_SZ", 1032)
_MUCH = random.Random(1).randbytes(5_000_000)


class StraightTest(CommandCase):
    """A unix socket."""

    family = socket.AF_UNIX

    def setUp(self) -> None:
        """Note the calls of splice."""
        super().setUp()
        self.calls = NotedSplices(self)

    def couple(self, *command: str) -> tuple[SocketSide, Any]:
        """Couple a socket with a command; the test's clean-up ends them."""
        near, self.peer = self.pair(self.family)
        client = SocketSide(self.kernel, near, RecordingTracker())
        self.addCleanup(client.abort)
        self.heard_of_client = RecordingReceiver()
        client.attach(self.heard_of_client)
        server, self.heard_of_server = self.command(*command)
        client.carry_to(server)
        server.carry_to(client)
        client.resume_reading()
        server.resume_reading()
        return client, server

    def test_small(self) -> None:
        """Small messages go back and forth by one splice each way; nothing is copied, no pipe is
        taken from the pool.
        """
        client, server = self.couple("/bin/cat")
        for number in range(20):
            self.assertEqual(
                move(self, b"message %02d" % number, self.peer, self.peer), b"message %02d" % number
            )
        self.assertEqual(
            (client.received, server.delivered, server.received, client.delivered),
            (200, 200, 200, 200),
        )
        self.assertEqual(client.tracker, _tracker(200, 200))
        self.assertEqual(
            set(self.calls.made),
            {
                (client._descriptor, server.writer.descriptor),
                (server.reader.descriptor, client._descriptor),
            },
        )
        self.assertEqual((self.kernel.pool.lent, self.kernel.pool._idle), (0, []))

    def test_much(self) -> None:
        """Much arrives whole, both ways, in larger pipes, and is counted."""
        client, server = self.couple("/bin/cat")
        self.assertTrue(move(self, _MUCH, self.peer, self.peer) == _MUCH)
        self.assertEqual(
            (client.received, server.delivered, server.received, client.delivered),
            (len(_MUCH),) * 4,
        )
        self.assertEqual(client.tracker, _tracker(len(_MUCH), len(_MUCH)))
        self.assertEqual(
            (self.kernel.pool._idle, client.writer.pipe, client.writer.queue, server.writer.queue),
            ([], None, None, None),
        )

    def test_command_that_stalls(self) -> None:
        """The client is stopped while the command does not read; pipetwist itself holds nothing,
        and nothing is lost.
        """
        client, server = self.couple("/bin/sh", "-c", "kill -STOP $$; exec cat")
        sent = self._fill(client)
        self.assertEqual((server.writer.queue, client.received), (None, server.delivered))
        self._go_on(server)
        self.assertTrue(move(self, _MUCH, self.peer, self.peer, sent).endswith(_MUCH))

    def test_client_that_stalls(self) -> None:
        """The command is stopped while the client does not read; pipetwist itself holds nothing,
        and nothing is lost.
        """
        client, server = self.couple("/bin/cat")
        sent = self._fill(client, server)
        self.assertEqual((client.writer.queue, server.writer.queue), (None, None))
        self.assertEqual((client.received, server.received), (server.delivered, client.delivered))
        self.assertTrue(move(self, _MUCH, self.peer, self.peer, sent).endswith(_MUCH))

    def test_output_enlarged(self) -> None:
        """The pipe of a command that fills it is enlarged, once, and counts in the pool until it is
        closed.
        """
        _client, server = self.couple("/bin/sh", "-c", "head -c 3000000 /dev/zero; read x")
        server.pause_reading()
        self.loop.until(
            lambda: held_bytes(server.reader.descriptor) == 1 << 16, "the pipe to be full"
        )
        server.resume_reading()
        self.assertEqual(len(move(self, b"", self.peer, self.peer, 3_000_000)), 3_000_000)
        self.assertEqual(
            (fcntl.fcntl(server.reader.descriptor, _F_GETPIPE_SZ), self.kernel.pool.lent),
            (PIPE_SIZE, 1),
        )
        server.write_eof()
        self.loop.until(self.lost(self.heard_of_server), "its end")
        self.assertEqual(self.kernel.pool.lent, 0)

    def test_half_close(self) -> None:
        """The end of file goes on to the command when the machine says so; the rest comes back,
        then the command's own end.
        """
        _client, server = self.couple("/bin/cat")
        self.peer.sendall(_MUCH[:50_000])
        self.peer.shutdown(socket.SHUT_WR)
        self.loop.until(lambda: self.heard_of_client.heard == ["read_ended"], "the end of file")
        server.write_eof()
        self.loop.until(self.lost(self.heard_of_server), "the command's end")
        self.assertEqual((take_all(self.peer), self.heard_of_server.reason), (_MUCH[:50_000], ""))

    def test_rest(self) -> None:
        """What a command wrote before it exited is spliced, and no more than that though others
        have its output open.
        """
        client, server = self.couple("/bin/sh", "-c", "kill -STOP $$; exec head -c 50000 /dev/zero")
        server.pause_reading()
        os.waitid(os.P_PID, self.number(server), os.WSTOPPED)
        others = os.open(f"/proc/{self.number(server)}/fd/1", os.O_WRONLY)
        self.addCleanup(os.close, others)
        os.kill(self.number(server), signal.SIGCONT)
        self.loop.until(lambda: self.heard_of_server.heard == ["peer_closed"], "its exit")
        os.write(others, b"too late")
        server.resume_reading()
        self.loop.settle()
        self.assertEqual(
            (self.heard_of_server.heard, client.delivered),
            (["peer_closed", "read_ended", "lost"], 50_000),
        )

    def test_no_end(self) -> None:
        """A 0 that splice says though there is no end of file ends nothing: a read decides, and
        loses nothing.
        """
        _client, _server = self.couple("/bin/cat")
        count = [0]

        def lie(source: int, sink: int, most: int, **keywords: Any) -> int:
            count[0] += 1
            return 0 if count[0] % 2 else os.splice(source, sink, most, **keywords)

        self.calls.instead = lie
        self.assertTrue(move(self, _MUCH, self.peer, self.peer) == _MUCH)
        self.assertGreater(count[0], 4)
        self.assertEqual(
            (self.heard_of_client.heard, self.heard_of_server.heard, self.kernel.pool._idle),
            ([], [], []),
        )

    def test_nothing_but_lies(self) -> None:
        """Where splice says nothing but 0 all is copied, and no pipe is taken from the pool."""
        client, _server = self.couple("/bin/cat")
        self.calls.instead = lambda *arguments, **keywords: 0
        self.assertTrue(move(self, _MUCH, self.peer, self.peer) == _MUCH)
        self.assertEqual((self.kernel.pool._idle, client.writer.pipe), ([], None))

    def test_no_memory(self) -> None:
        """If the system has no memory to splice, nothing is lost."""
        self.couple("/bin/cat")
        count = [0]

        def short(source: int, sink: int, most: int, **keywords: Any) -> int:
            count[0] += 1
            if count[0] % 3:
                raise OSError(errno.ENOMEM, os.strerror(errno.ENOMEM))
            return os.splice(source, sink, most, **keywords)

        self.calls.instead = short
        self.assertTrue(move(self, _MUCH, self.peer, self.peer) == _MUCH)
        self.assertEqual((self.heard_of_client.heard, self.heard_of_server.heard), ([], []))

    def test_turn(self) -> None:
        """In one turn no more is moved than a turn allows, however much there is."""
        asked: list[int] = []

        def plenty(source: int, sink: int, most: int, **keywords: Any) -> int:
            asked.append(most)
            return min(most, 300_000)

        client, server = self.couple("/bin/cat")
        self.calls.instead = plenty
        before = client.received
        client.reader.read()
        self.assertEqual((client.received - before, server.delivered), (TURN_BYTES, TURN_BYTES))
        self.assertEqual(asked[-1], TURN_BYTES - 3 * 300_000)

    def test_command_closes_its_input(self) -> None:
        """What is sent to a command that has closed its input is dropped, and its output still
        comes.
        """
        client, server = self.couple(
            "/bin/sh", "-c", "exec <&-; kill -STOP $$; echo more; exec sleep 60"
        )
        os.waitid(os.P_PID, self.number(server), os.WSTOPPED)
        self.peer.send(b"unheard")
        self.loop.until(lambda: not server.ending.delivers, "the input's end")
        self.peer.send(b"unheard")
        self.loop.until(lambda: client.received == 7, "what is dropped")
        os.kill(self.number(server), signal.SIGCONT)
        self.loop.until(self._readable, "its output")
        self.assertEqual(
            (take_all(self.peer), self.heard_of_client.heard, self.heard_of_server.heard),
            (b"more\n", [], []),
        )

    def test_client_goes(self) -> None:
        """A client that goes while the command writes is noticed, and the command, which is read
        on, is not stopped by it.
        """
        client, server = self.couple("/bin/cat", "/dev/zero")
        self.loop.until(lambda: server.reader.held_back, "the client to be full")
        self.peer.close()
        self.loop.until(
            lambda: "peer_closed" in self.heard_of_client.heard or client.ending.over,
            "the client's end",
        )
        self.assertFalse(client.ending.delivers)
        before = server.received
        self.loop.until(lambda: server.received > before, "more from the command")

    def _fill(self, *stopped: Any) -> int:
        """Send until these sides are not read any more; how much that was."""
        sent = 0

        def full() -> bool:
            nonlocal sent
            with contextlib.suppress(BlockingIOError):
                sent += self.peer.send(_MUCH[:100_000])
            return all(side.reader.held_back for side in stopped)

        self.loop.until(full, "everything to be full")
        return sent

    def _go_on(self, server: Any) -> None:
        os.waitid(os.P_PID, self.number(server), os.WSTOPPED)
        os.kill(self.number(server), signal.SIGCONT)

    def _readable(self) -> bool:
        try:
            return bool(self.peer.recv(1, socket.MSG_PEEK))
        except BlockingIOError:
            return False


class TcpStraightTest(StraightTest):
    """A TCP socket, which has resets."""

    family = socket.AF_INET

    def test_urgent(self) -> None:
        """Urgent data, which no splice gets past, stops nobody and costs nothing: as by a read it
        is left out, and the rest arrives.
        """
        client, _server = self.couple("/bin/cat")
        self.assertEqual(move(self, b"before", self.peer, self.peer), b"before")
        self.peer.send(b"!", socket.MSG_OOB)
        self.loop.settle()
        self.calls.made.clear()
        self.loop.settle()
        self.assertEqual(self.calls.made, [])
        self.assertEqual(move(self, b"after", self.peer, self.peer), b"after")
        self.assertEqual(client.received, 11)

    def test_reset(self) -> None:
        """A reset that splice is the first to say is a reset, not an end of file."""
        client, server = self.couple("/bin/cat")
        self.peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.peer.close()
        self.loop.until(self.lost(self.heard_of_client), "the reset")
        self.assertEqual(
            (self.heard_of_client.heard, self.heard_of_client.reason),
            (["lost"], "the connection was reset"),
        )
        self.assertEqual((client.ending.over, server.ending.over), (True, False))


def _tracker(up: int, down: int) -> object:
    """Equal to a tracker that has counted this."""

    class Equal:
        def __eq__(self, other: object) -> bool:
            return isinstance(other, RecordingTracker) and (other.up, other.down) == (up, down)

        def __hash__(self) -> int:
            return 0

    return Equal()
