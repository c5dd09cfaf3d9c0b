"""Many datagrams at once, by system calls for many and by one for each."""

from __future__ import annotations

import errno
import os
import socket
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.datagram.batch import Batch
from pipetwist.datagram.calls import batches_work
from pipetwist.datagram.context import DatagramContext, max_unix_bytes
from pipetwist.datagram.plain import PlainBatch
from tests.support.datagram_ends import abstract, datagram_socket
from tests.support.examples import examples
from tests.support.loop import open_descriptors
from tests.support.memory_transport import TurningReactor
from tests.support.scratch import scratch_folder, wait_until

_LOOPBACK = ("127.0.0.1", 0)


class PlainBatchTest(SynchronousTestCase):
    """One call for each datagram."""

    batch: Any = PlainBatch

    def setUp(self) -> None:
        """Open a socket that everybody sends to."""
        self.listening = self.open(socket.AF_INET, _LOOPBACK)
        self.listening.setblocking(False)
        self.address = self.listening.getsockname()

    def open(self, family: int, address: Any) -> socket.socket:
        """Open a socket for the test."""
        opened = datagram_socket(family, address)
        self.addCleanup(opened.close)
        opened.settimeout(60)
        return opened

    def test_nothing(self) -> None:
        """If nothing waits, nothing is received, and nothing raised."""
        batch = self.batch(4, 100)
        for _ in range(2):
            self.assertEqual(
                (batch.receive(self.listening, connected=False), list(batch.runs())), (0, [])
            )
            self.listening.sendto(b"x", self.address)
            self.assertEqual(
                (batch.receive(self.listening, connected=False), len(list(batch.runs()))), (1, 1)
            )

    def test_runs(self) -> None:
        """What was received is cut where the sender changes; whoever sent again is known again."""
        senders = [self.open(socket.AF_INET, _LOOPBACK) for _ in range(2)]
        for sender, data in ((0, b"a"), (0, b""), (1, b"b"), (0, b"c")):
            senders[sender].sendto(data, self.address)
        batch = self.batch(8, 100)
        self.assertEqual(batch.receive(self.listening, connected=False), 4)
        runs = list(batch.runs())
        self.assertEqual([run[:2] for run in runs], [(0, 2), (2, 3), (3, 4)])
        self.assertEqual(runs[0][2], runs[2][2])
        self.assertNotEqual(runs[0][2], runs[1][2])
        sources = [batch.source(run[2]) for run in runs]
        self.assertEqual(
            [(one.host, one.port) for one in sources],
            [senders[index].getsockname() for index in (0, 1, 0)],
        )
        self.assertEqual(
            ([batch.data(index) for index in range(4)], batch.lengths),
            ([b"a", b"", b"b", b"c"], [1, 0, 1, 1]),
        )

    def test_count(self) -> None:
        """No more than its count are received at once; the others with the next."""
        sender = self.open(socket.AF_INET, _LOOPBACK)
        for number in range(5):
            sender.sendto(bytes([number]), self.address)
        batch = self.batch(3, 100)
        found = []
        while count := batch.receive(self.listening, connected=False):
            found.append([batch.data(index)[0] for index in range(count)])
        self.assertEqual(found, [[0, 1, 2], [3, 4]])

    def test_cut(self) -> None:
        """A datagram longer than there is room for is named; one that just fits is not."""
        sender = self.open(socket.AF_INET, _LOOPBACK)
        for size in (10, 11, 3):
            sender.sendto(bytes(size), self.address)
        batch = self.batch(8, 10)
        batch.receive(self.listening, connected=False)
        self.assertEqual(batch.cut, {1})
        sender.sendto(b"", self.address)
        batch.receive(self.listening, connected=False)
        self.assertEqual(batch.cut, set())

    def test_send(self) -> None:
        """What was received is sent on, all of it or a part, to a peer or to whom it came from; and
        so is what was not received.
        """
        client, server = (self.open(socket.AF_INET, _LOOPBACK) for _ in range(2))
        outgoing = self.open(socket.AF_INET, _LOOPBACK)
        outgoing.connect(server.getsockname())
        for data in (b"one", b"", b"three"):
            client.sendto(data, self.address)
        batch = self.batch(8, 100)
        batch.receive(self.listening, connected=False)
        ((_, _, key),) = batch.runs()
        source = batch.source(key)
        self.assertEqual(
            (batch.send(outgoing, 0, 3), batch.send(self.listening, 1, 3, source)), (3, 2)
        )
        batch.send_one(self.listening, b"alone", source)
        self.assertEqual([server.recv(100) for _ in range(3)], [b"one", b"", b"three"])
        self.assertEqual([client.recv(100) for _ in range(3)], [b"", b"three", b"alone"])

    def test_targets(self) -> None:
        """Targets may change from call to call, and between kinds of address."""
        folder = scratch_folder(self)
        unix = self.open(socket.AF_UNIX, abstract(folder / "in"))
        unix.setblocking(False)
        peers = [self.open(socket.AF_UNIX, abstract(folder / ("x" * length))) for length in (1, 20)]
        batch = self.batch(4, 100, 0)
        sources = []
        for peer in peers:
            peer.sendto(b"?", abstract(folder / "in"))
            batch.receive(unix, connected=False)
            sources += [batch.source(key) for _, _, key in batch.runs()]
        for index in (0, 1, 0, 0, 1):
            batch.send_one(unix, b"!%d" % index, sources[index])
        self.assertEqual(
            [peer.recv(9) for peer in (peers[0],) * 3 + (peers[1],) * 2], [b"!0"] * 3 + [b"!1"] * 2
        )

    def test_refused(self) -> None:
        """What a socket has to report is raised, with its number."""
        nobody = self.open(socket.AF_INET, _LOOPBACK)
        outgoing = self.open(socket.AF_INET, _LOOPBACK)
        outgoing.connect(nobody.getsockname())
        nobody.close()
        outgoing.send(b"x")
        batch = self.batch(4, 100)
        with self.assertRaises(ConnectionRefusedError):
            wait_until(lambda: batch.receive(outgoing, connected=True) > 0, "the refusal")

    def test_too_large(self) -> None:
        """A datagram that is too large for the system, or for its room here, is an error that says
        so.
        """
        self.listening.sendto(b"x", self.address)
        batch = self.batch(4, 70_000)
        batch.receive(self.listening, connected=False)
        ((_, _, key),) = batch.runs()
        for size in (65_508, 70_001):
            with self.assertRaises(OSError) as raised:
                batch.send_one(self.listening, bytes(size), batch.source(key))
            self.assertEqual(raised.exception.errno, errno.EMSGSIZE)

    def test_anything(self) -> None:
        """Whoever sends how much, each datagram comes from where and as it was sent."""
        senders = [self.open(socket.AF_INET, _LOOPBACK) for _ in range(3)]
        ports = [sender.getsockname()[1] for sender in senders]
        batch = self.batch(8, 65_536)

        @settings(max_examples=examples(100), deadline=None, database=None)
        @given(
            st.lists(
                st.tuples(st.integers(0, 2), st.one_of(st.integers(0, 9), st.integers(0, 30_000))),
                max_size=6,
            ),
            st.integers(0, 255),
        )
        def one(sent: list[tuple[int, int]], fill: int) -> None:
            for sender, size in sent:
                senders[sender].sendto(bytes([fill]) * size, self.address)
            found = []
            while batch.receive(self.listening, connected=False):
                for start, stop, key in batch.runs():
                    port = batch.source(key).port
                    found += [
                        (ports.index(port), batch.data(index)) for index in range(start, stop)
                    ]
            self.assertEqual(found, [(sender, bytes([fill]) * size) for sender, size in sent])

        one()


class BatchTest(PlainBatchTest):
    """One call for many."""

    batch = Batch
    if not batches_work():
        skip = "this system has no recvmmsg"

    def test_credentials(self) -> None:
        """Who sends to a unix socket is known; a sender without a name has credentials too, and
        can't be answered.
        """
        folder = scratch_folder(self)
        context = DatagramContext(TurningReactor())
        batch = context.from_unix
        unix = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(unix.close)
        unix.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        unix.bind(abstract(folder / "in"))
        nameless = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(nameless.close)
        for sender in (self.open(socket.AF_UNIX, abstract(folder / "named")), nameless):
            sender.sendto(b"x", abstract(folder / "in"))
        batch.receive(unix, connected=False)
        sources = [batch.source(key) for _, _, key in batch.runs()]
        self.assertEqual([source.named for source in sources], [True, False])
        self.assertEqual(
            [source.credentials for source in sources],
            [(os.getpid(), os.getuid(), os.getgid())] * 2,
        )

    def test_no_descriptors(self) -> None:
        """Descriptors that a sender passes along don't come in."""
        folder = scratch_folder(self)
        batch = DatagramContext(TurningReactor()).from_unix
        unix = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(unix.close)
        unix.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        unix.bind(abstract(folder / "in"))
        sender = self.open(socket.AF_UNIX, abstract(folder / "named"))
        sender.connect(abstract(folder / "in"))
        socket.send_fds(sender, [b"x"], [0, 1])
        before = open_descriptors()
        self.assertEqual(batch.receive(unix, connected=False), 1)
        self.assertEqual(open_descriptors() - before, set())
        self.assertEqual(batch.data(0), b"x")
        for _ in range(2):
            socket.send_fds(sender, [b"xy"], [0, 1])
        self.assertEqual(
            (batch.receive(unix, connected=False), batch.lengths, set(batch.cut)),
            (2, [2, 2], set()),
        )

    def test_address(self) -> None:
        """A socket of every address knows which was sent to, and answers from it, on either
        protocol.
        """
        for family, every, chosen in (
            (socket.AF_INET, "0.0.0.0", "127.0.0.9"),
            (socket.AF_INET6, "::", "::1"),
        ):
            option = (
                (socket.IPPROTO_IP, 8)
                if family == socket.AF_INET
                else (socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO)
            )
            anywhere = self.open(family, (every, 0))
            anywhere.setsockopt(*option, 1)
            client = self.open(family, (every, 0))
            client.connect((chosen, anywhere.getsockname()[1]))
            client.send(b"?")
            batch = DatagramContext(TurningReactor()).from_network(family, anywhere=True)
            batch.receive(anywhere, connected=False)
            ((_, _, key),) = batch.runs()
            batch.send(anywhere, 0, 1, batch.source(key))
            batch.send_one(anywhere, b"!", batch.source(key))
            self.assertEqual([client.recv(9), client.recv(9)], [b"?", b"!"])

    def test_address_of_some(self) -> None:
        """Whether an answer is sent from the address that was sent to, or from the route's, does
        not depend on earlier answers.
        """
        anywhere = self.open(socket.AF_INET, ("0.0.0.0", 0))
        anywhere.setsockopt(socket.IPPROTO_IP, 8, 1)
        client = self.open(socket.AF_INET, ("127.0.0.1", 0))
        client.sendto(b"?", ("127.0.0.9", anywhere.getsockname()[1]))
        batch = DatagramContext(TurningReactor()).from_network(socket.AF_INET, anywhere=True)
        batch.receive(anywhere, connected=False)
        ((_, _, key),) = batch.runs()
        source = batch.source(key)
        for target in (source, source._replace(control=b""), source):
            batch.send_one(anywhere, b"!", target)
        self.assertEqual(
            [client.recvfrom(9)[1][0] for _ in range(3)], ["127.0.0.9", "127.0.0.1", "127.0.0.9"]
        )

    def test_largest_unix(self) -> None:
        """As much as a sender's buffer can be made to hold comes in whole."""
        folder = scratch_folder(self)
        unix = self.open(socket.AF_UNIX, abstract(folder / "in"))
        sender = self.open(socket.AF_UNIX, abstract(folder / "named"))
        sender.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 30)
        size = sender.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) - 4096
        while True:
            try:
                sender.sendto(bytes(size), abstract(folder / "in"))
                break
            except OSError as error:  # the kernel has not got so much in one piece
                self.assertEqual(error.errno, errno.ENOBUFS)
                size //= 2
        batch = Batch(2, max_unix_bytes())
        batch.receive(unix, connected=False)
        self.assertEqual((batch.lengths, batch.cut), ([size], set()))
