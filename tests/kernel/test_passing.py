"""Descriptors that are passed on: with which byte they come, and that none is left."""

from __future__ import annotations

import contextlib
import fcntl
import os
import resource
import socket
from collections.abc import Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SkipTest

from pipetwist.descriptors import DescriptorShares, Share
from pipetwist.kernel import passing_side
from pipetwist.kernel.accepted_side import accepted_side, first_reader
from pipetwist.kernel.ancillary import MAX_DESCRIPTORS, send_descriptors
from pipetwist.kernel.passing_side import MAX_WAITING, PassingSide
from pipetwist.kernel.socket_side import SocketReader, SocketSide
from pipetwist.testing import RecordingReceiver, RecordingTracker
from tests.kernel.coupled import Coupled
from tests.support.loop import KernelCase, open_descriptors

_SO_PASSRIGHTS = 83  # Linux 6.16


class _PassingCase(KernelCase):
    """Two coupled sides that pass descriptors on."""

    def setUp(self) -> None:
        """Have files to pass: a descriptor is known by what it is of."""
        super().setUp()
        self.share: Share = DescriptorShares().share("in")
        self.files = [os.memfd_create(f"file-{number}") for number in range(8)]
        for file in self.files:
            self.addCleanup(os.close, file)
        self.numbers = {os.fstat(file).st_ino: at for at, file in enumerate(self.files)}

    def couple(self, server_type: type[SocketSide] = PassingSide) -> Coupled:
        """Couple two sockets; the test's clean-up ends them."""
        near, client_peer = self.pair()
        far, server_peer = self.pair()
        client = PassingSide(self.kernel, near, RecordingTracker(), self.share)
        server = server_type(self.kernel, far)
        coupled = Coupled(
            client, client_peer, server, server_peer, RecordingReceiver(), RecordingReceiver()
        )
        for side, heard in ((client, coupled.client_heard), (server, coupled.server_heard)):
            side.attach(heard)
            self.addCleanup(side.abort)
        client.carry_to(server)
        server.carry_to(client)
        client.resume_reading()
        server.resume_reading()
        return coupled

    def send(self, end: socket.socket, data: bytes, files: Sequence[int] = ()) -> int:
        """Send bytes, with files by their numbers; how many bytes the system takes."""
        try:
            if files:
                return send_descriptors(end, bytearray(data), [self.files[at] for at in files])
            return end.send(data)
        except BlockingIOError:
            return 0

    def take(self, end: socket.socket, size: int = 1 << 20) -> tuple[bytes, list[int]]:
        """What one read gets: bytes, and files by their numbers."""
        try:
            data, descriptors, _, _ = socket.recv_fds(end, size, MAX_DESCRIPTORS)
        except BlockingIOError:
            return b"", []
        files = []
        for descriptor in descriptors:
            files.append(self.numbers[os.fstat(descriptor).st_ino])
            os.close(descriptor)
        return data, files


class PassingTest(_PassingCase):
    """What arrives."""

    def test_passed(self) -> None:
        """They arrive with their byte, both ways, and nobody has them here any more."""
        coupled = self.couple()
        for sender, reader in (
            (coupled.client_peer, coupled.server_peer),
            (coupled.server_peer, coupled.client_peer),
        ):
            self.send(sender, b"before")
            self.send(sender, b"hello", [2, 0])
            self.send(sender, b"after")
            before = open_descriptors()
            self.loop.settle()
            self.assertEqual(open_descriptors(), before)
            self.assertEqual(self.take(reader, 3), (b"bef", []))
            self.assertEqual(self.take(reader, 3), (b"ore", []))
            self.assertEqual(self.take(reader, 1), (b"h", [2, 0]))
            self.assertEqual(self.take(reader), (b"elloafter", []))
        self.assertEqual((self.share.used, coupled.figures), (0, (16, 16, 16, 16)))
        self.assertEqual(coupled.counted, (16, 16))

    def test_most(self) -> None:
        """As many as one message may have come in one, though no more than that wait."""
        coupled = self.couple()
        self.send(coupled.client_peer, b"x", [1] * MAX_DESCRIPTORS)
        self.loop.settle()
        self.assertEqual(self.take(coupled.server_peer), (b"x", [1] * MAX_DESCRIPTORS))

    def test_credentials(self) -> None:
        """Where credentials come with everything, since systemd's socket has brought that along,
        bytes and descriptors arrive nevertheless.
        """
        coupled = self.couple()
        coupled.client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self.send(coupled.client_peer, b"before")
        self.send(coupled.client_peer, b"hello", [1] * MAX_DESCRIPTORS)
        self.send(coupled.client_peer, b"after")
        self.loop.settle()
        self.assertEqual(self.take(coupled.server_peer, 6), (b"before", []))
        self.assertEqual(self.take(coupled.server_peer), (b"hello", [1] * MAX_DESCRIPTORS))
        self.assertEqual(self.take(coupled.server_peer), (b"after", []))

    def test_bytes(self) -> None:
        """Bytes go on as ever, however many, and their end."""
        coupled = self.couple()
        data = os.urandom(3_000_000)
        rest, came = memoryview(data), bytearray()
        for _ in self.loop.rounds("all of it to come"):
            with contextlib.suppress(BlockingIOError):
                rest = rest[coupled.client_peer.send(rest) :]
            came += self.take(coupled.server_peer)[0]
            if len(came) == len(data):
                break
        self.assertEqual(bytes(came), data)
        coupled.client_peer.shutdown(socket.SHUT_WR)
        self.loop.settle()
        self.assertIn("read_ended", coupled.client_heard.heard)

    def test_close_on_exec(self) -> None:
        """While they are here a command that is started does not inherit them."""
        coupled = self.couple()
        flags: list[int] = []

        def look(connected: Any, data: Any, descriptors: Sequence[int]) -> int:
            flags.extend(fcntl.fcntl(one, fcntl.F_GETFD) for one in descriptors)
            return send_descriptors(connected, data, descriptors)

        self.patch(passing_side, "send_descriptors", look)
        self.send(coupled.client_peer, b"x", [1, 2])
        self.loop.settle()
        self.assertEqual(flags, [fcntl.FD_CLOEXEC] * 2)
        self.take(coupled.server_peer)


class NotPassedTest(_PassingCase):
    """What does not arrive."""

    def test_other_side(self) -> None:
        """To a side that passes none on they do not go, nor do they stay; its bytes are
        spliced.
        """
        coupled = self.couple(SocketSide)
        before = open_descriptors()
        self.send(coupled.client_peer, b"hello", [1])
        self.loop.settle()
        self.assertEqual(self.take(coupled.server_peer), (b"hello", []))
        self.send(coupled.server_peer, b"hello", [1])
        self.loop.settle()
        self.assertEqual(self.take(coupled.client_peer), (b"hello", []))
        self.assertEqual(open_descriptors(), before)
        self.assertIs(type(coupled.client.reader), SocketReader)

    def test_after_the_end(self) -> None:
        """What comes for a side that has gone is dropped, with its descriptors."""
        coupled = self.couple()
        coupled.client.write(b"bye")  # whom nothing was sent is not waited for
        coupled.client.close()
        before = open_descriptors()
        self.send(coupled.client_peer, b"hello", [1])
        self.loop.settle()
        self.assertLessEqual(open_descriptors(), before)
        self.assertEqual((coupled.client.received, coupled.server.delivered), (5, 0))

    def wait_with(self, coupled: Coupled, count: int) -> None:
        """Have so many wait on the way to the server, which takes nothing."""
        self.fill_server(coupled)
        self.send(coupled.client_peer, b"x", [1] * count)
        self.loop.settle()

    def fill_server(self, coupled: Coupled) -> None:
        """Fill the server's buffer with what is not the relay's, so that nothing waits yet."""
        with contextlib.suppress(BlockingIOError):
            while True:
                coupled.server.socket.send(bytes(4096), socket.MSG_DONTWAIT)

    def empty(self, end: socket.socket) -> list[int]:
        """Take all that there is and comes; the files."""
        files: list[int] = []
        while True:
            self.loop.settle()
            data, more = self.take(end)
            files += more
            if not data:
                return files

    def test_waiting(self) -> None:
        """Up to so many wait, as the inbound's own; they go on with their byte once there is
        room.
        """
        coupled = self.couple()
        self.wait_with(coupled, MAX_WAITING)
        self.assertEqual((self.share.used, self.share.entering), (MAX_WAITING, MAX_WAITING))
        self.assertEqual(self.empty(coupled.server_peer), [1] * MAX_WAITING)
        self.assertEqual((self.share.used, self.share.entering), (0, 0))

    def test_both_ways(self) -> None:
        """Those of both ways are counted together."""
        coupled = self.couple()
        self.wait_with(coupled, MAX_WAITING)
        with contextlib.suppress(BlockingIOError):
            while True:
                coupled.client.socket.send(bytes(4096), socket.MSG_DONTWAIT)
        self.send(coupled.server_peer, b"x", [1])
        self.loop.settle()
        self.assertIn("more than 64 descriptors", str(coupled.server_heard.reason))
        coupled.server.abort()
        coupled.client.abort()
        self.assertEqual((self.share.used, self.share.entering), (0, 0))

    def test_too_many(self) -> None:
        """With more the connection ends, and nothing is left."""
        coupled = self.couple()
        before = open_descriptors()
        self.wait_with(coupled, MAX_WAITING + 1)
        self.assertIn("more than 64 descriptors", str(coupled.client_heard.reason))
        self.assertLessEqual(open_descriptors(), before)
        self.assertEqual(self.share.used, 0)

    def test_no_share(self) -> None:
        """So it does where its inbound has no descriptors left."""
        coupled = self.couple()
        self.patch(Share, "lend", lambda *_: False)
        self.wait_with(coupled, 1)
        self.assertIn("no file descriptor is left", str(coupled.client_heard.reason))
        self.assertEqual(self.share.used, 0)

    def test_lost(self) -> None:
        """So it does where the process may have no more, and some were lost."""
        coupled = self.couple()
        self.send(coupled.client_peer, b"x", [1, 2])
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        free = os.dup(0)
        os.close(free)
        before = open_descriptors()
        resource.setrlimit(resource.RLIMIT_NOFILE, (free + 1, hard))
        try:
            self.loop.settle()
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        self.assertIn("may have no more", str(coupled.client_heard.reason))
        self.assertLessEqual(open_descriptors(), before)

    def test_ended_while_waiting(self) -> None:
        """What waits when the connection ends is closed, and not counted any more."""
        coupled = self.couple()
        before = open_descriptors()
        self.wait_with(coupled, 3)
        coupled.server.abort()
        self.assertLessEqual(open_descriptors(), before)
        self.assertEqual(self.share.used, 0)

    def test_refused(self) -> None:
        """A server that takes none (SO_PASSRIGHTS), or a user who has too many underway, ends the
        connection.
        """
        for number, text in passing_side._REFUSALS.items():
            coupled = self.couple()

            def refuse(*_: object, number: int = number) -> int:
                raise OSError(number, os.strerror(number))

            self.patch(passing_side, "send_descriptors", refuse)
            before = open_descriptors()
            self.send(coupled.client_peer, b"x", [1])
            self.loop.settle()
            self.assertEqual(coupled.server_heard.reason, text)
            self.assertLessEqual(open_descriptors(), before)

    def test_really_refused(self) -> None:
        """So it does with a server that the kernel knows this of."""
        coupled = self.couple()
        try:
            coupled.server_peer.setsockopt(socket.SOL_SOCKET, _SO_PASSRIGHTS, 0)
        except OSError:
            message = "this kernel has no SO_PASSRIGHTS (Linux 6.16)"
            raise SkipTest(message) from None
        self.send(coupled.client_peer, b"bytes")
        self.loop.settle()
        self.assertEqual(self.take(coupled.server_peer), (b"bytes", []))
        self.send(coupled.client_peer, b"x", [1])
        self.loop.settle()
        self.assertEqual(coupled.server_heard.reason, "it takes no descriptors")

    def test_broken(self) -> None:
        """A server that has gone is told of as ever."""
        coupled = self.couple()
        coupled.server_peer.close()
        before = open_descriptors()
        self.send(coupled.client_peer, b"x", [1])
        self.loop.settle()
        self.assertLessEqual(open_descriptors(), before)
        self.assertEqual(coupled.server_heard.data, b"")


class SeenTest(_PassingCase):
    """An inbound that passes none on."""

    def accept(self) -> tuple[SocketSide, socket.socket, RecordingReceiver, list[int]]:
        """A client's side; its peer, who hears of it, and how often descriptors were seen."""
        near, peer = self.pair()
        seen: list[int] = []
        reader = first_reader(lambda: seen.append(1))
        side = accepted_side(self.kernel, near, RecordingTracker(), reader)
        self.addCleanup(side.abort)
        receiver = RecordingReceiver()
        side.attach(receiver)
        side.resume_reading()
        return side, peer, receiver, seen

    def test_seen(self) -> None:
        """They are seen with the first bytes, which arrive, and closed."""
        side, peer, receiver, seen = self.accept()
        before = open_descriptors()
        self.send(peer, b"hello", [1])
        self.loop.settle()
        self.assertEqual((receiver.data, seen), (b"hello", [1]))
        self.assertEqual(open_descriptors(), before)
        self.assertIs(type(side.reader), SocketReader)

    def test_credentials(self) -> None:
        """Credentials, which a socket may bring that systemd has opened, are not taken for some."""
        side, peer, receiver, seen = self.accept()
        side.socket.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self.send(peer, b"hello")
        self.loop.settle()
        self.assertEqual((receiver.data, seen), (b"hello", []))

    def test_later(self) -> None:
        """Later ones are closed and not seen: no read but the first costs anything for it."""
        _, peer, receiver, seen = self.accept()
        self.send(peer, b"hello ")
        self.loop.settle()
        self.send(peer, b"yourself", [1])
        self.loop.settle()
        self.assertEqual((receiver.data, seen), (b"hello yourself", []))


_MESSAGES = st.lists(
    st.tuples(
        st.one_of(st.integers(1, 20), st.integers(1, 70_000)),
        st.lists(st.integers(0, 7), max_size=3),
        st.sampled_from([0, 0, 1, 2]),
    ),
    max_size=12,
)
_SHORT = st.lists(
    st.tuples(
        st.integers(1, 20), st.lists(st.integers(0, 7), max_size=3), st.sampled_from([0, 0, 1, 2])
    ),
    max_size=12,
)
_READS = st.lists(st.one_of(st.integers(1, 20), st.integers(1, 100_000)), min_size=1, max_size=8)


class FuzzTest(_PassingCase):
    """Messages with and without descriptors, in chunks of any size, read in others."""

    def test_anything(self) -> None:
        """Each descriptor arrives with the byte that it was sent with, and nothing is left."""

        @settings(max_examples=200, deadline=None, database=None)
        @given(_MESSAGES, _READS)
        def one(messages: list[tuple[int, list[int], int]], reads: list[int]) -> None:
            self.anything(messages, reads)

        self.couple()  # opens what all of them share
        one()

    def test_single_bytes(self) -> None:
        """So it does where the server reads single bytes: it is exactly that one."""

        @settings(max_examples=100, deadline=None, database=None)
        @given(_SHORT)
        def one(messages: list[tuple[int, list[int], int]]) -> None:
            self.anything(messages, [1])

        self.couple()
        one()

    def anything(self, messages: list[tuple[int, list[int], int]], reads: list[int]) -> None:
        """Try one example."""
        before = open_descriptors()
        coupled = self.couple()
        sent = bytearray()
        expected: list[tuple[int, list[int]]] = []
        came, turn = bytearray(), 0

        def read() -> None:
            nonlocal turn
            data, files = self.take(coupled.server_peer, reads[turn % len(reads)])
            turn += 1
            if files:
                # With what is read up to their byte, and as few more as their message has.
                byte, theirs = expected.pop(0)
                self.assertEqual(files, theirs)
                self.assertLessEqual(len(came), byte)
                self.assertLess(byte, len(came) + len(data))
            came.extend(data)

        for size, files, turns in messages:
            data = bytes(len(sent) + at & 0xFF for at in range(size))
            if files:
                expected.append((len(sent), files))
            while not (taken := self.send(coupled.client_peer, data, files)):
                self.loop.settle()
                read()
            sent += data[:taken]
            for _ in range(turns):
                self.loop.turn()
        for _ in self.loop.rounds("all of it to come"):
            read()
            if len(came) == len(sent):
                break
        self.assertEqual((came, expected, self.share.used), (sent, [], 0))
        for side in (coupled.client, coupled.server):
            side.abort()
        for end in (coupled.client_peer, coupled.server_peer):
            end.close()
        self.assertEqual(open_descriptors() - before, set())
