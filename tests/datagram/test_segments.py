"""Datagrams of one size, sent as one message that the kernel cuts."""

from __future__ import annotations

import errno
import socket

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.datagram import segments
from pipetwist.datagram.context import DatagramContext, enlarge_buffers
from pipetwist.datagram.segments import Segments, segments_work
from pipetwist.datagram.source import Source
from tests.support.datagram_case import DatagramCase
from tests.support.datagram_ends import datagram_socket
from tests.support.examples import examples
from tests.support.memory_transport import TurningReactor

_LOOPBACK = ("127.0.0.1", 0)


class SegmentsTest(SynchronousTestCase):
    """A batch that is sent with segments."""

    if not segments_work():
        skip = "this system cuts no messages"

    def setUp(self) -> None:
        """Open a client, a socket that it sends to, a server, and a socket towards it."""
        self.client, self.listening, self.server, self.outgoing = (self.open() for _ in range(4))
        self.client.connect(self.listening.getsockname())
        self.outgoing.connect(self.server.getsockname())
        self.batch = DatagramContext(TurningReactor()).from_network(socket.AF_INET, anywhere=False)

    def open(self, address: tuple[str, int] = _LOOPBACK) -> socket.socket:
        """Open a socket for the test."""
        opened = datagram_socket(socket.AF_INET, address)
        self.addCleanup(opened.close)
        opened.settimeout(60)
        enlarge_buffers(opened)
        return opened

    def receive(self, datagrams: list[bytes]) -> Source:
        """Have the batch receive them; says who sent them."""
        for datagram in datagrams:
            self.client.send(datagram)
        self.assertEqual(self.batch.receive(self.listening, connected=False), len(datagrams))
        ((_, _, key),) = self.batch.runs()
        source: Source = self.batch.source(key)
        return source

    def send(self, count: int, opened: socket.socket, target: Source | None = None) -> list[int]:
        """Send all that was received on; how many each call took."""
        taken: list[int] = []
        while sum(taken) < count:
            taken.append(self.batch.send(opened, sum(taken), count, target, segments=True))
        return taken

    def assert_arrived(self, receiver: socket.socket, datagrams: list[bytes]) -> None:
        """Just these have come."""
        self.assertEqual([receiver.recv(1 << 16) for _ in datagrams], datagrams)
        receiver.setblocking(False)
        self.assertRaises(BlockingIOError, receiver.recv, 1)
        receiver.settimeout(60)

    def test_anything(self) -> None:
        """Whatever the sizes are, each datagram arrives as it was and in its turn, at a peer and at
        whom they came from.
        """
        sizes = st.one_of(st.integers(0, 3), st.sampled_from([1200, 1400, 9000, 65_507]))
        runs = st.lists(st.tuples(sizes, st.integers(1, 8)), min_size=1, max_size=8)

        @settings(max_examples=examples(60), deadline=None, database=None)
        @given(runs)
        def one(runs: list[tuple[int, int]]) -> None:
            lengths = [size for size, count in runs for _ in range(count)]
            datagrams = [bytes([index]) * size for index, size in enumerate(lengths)]
            source = self.receive(datagrams)
            self.send(len(datagrams), self.outgoing)
            self.assert_arrived(self.server, datagrams)
            self.send(len(datagrams), self.listening, source)
            self.assert_arrived(self.client, datagrams)

        one()

    def test_as_many_as_a_message_holds(self) -> None:
        """A run that is too long for one message goes in several."""
        datagrams = [bytes([index]) * 1400 for index in range(64)]
        self.receive(datagrams)
        self.assertEqual(self.send(64, self.outgoing), [46, 18])
        self.assert_arrived(self.server, datagrams)

    def test_as_many_as_the_system_cuts(self) -> None:
        """Small ones go in one message, as many as a batch has."""
        datagrams = [bytes([index]) * 100 for index in range(64)]
        self.receive(datagrams)
        self.assertEqual(self.send(64, self.outgoing), [64])
        self.assert_arrived(self.server, datagrams)

    def test_from_the_address_that_was_sent_to(self) -> None:
        """Answers of a socket of every address leave from the one that was sent to."""
        anywhere = self.open(("0.0.0.0", 0))
        anywhere.setsockopt(socket.IPPROTO_IP, 8, 1)
        self.client.connect(("127.0.0.9", anywhere.getsockname()[1]))
        self.listening, self.batch = (
            anywhere,
            DatagramContext(TurningReactor()).from_network(socket.AF_INET, anywhere=True),
        )
        datagrams = [bytes([index]) * 1400 for index in range(64)]
        self.assertEqual(self.send(64, anywhere, self.receive(datagrams)), [46, 18])
        self.assert_arrived(self.client, datagrams)

    def test_refused_by_the_system(self) -> None:
        """If the system can't cut, they are sent one by one, then and from then on, and none is
        lost.
        """
        # SO_NO_CHECK: without checksums there is no cutting, EINVAL.
        self.outgoing.setsockopt(socket.SOL_SOCKET, 11, 1)
        for size in (100, 100, 200, 50):
            datagrams = [bytes([index]) * size for index in range(5)]
            self.receive(datagrams)
            self.send(5, self.outgoing)
            self.assert_arrived(self.server, datagrams)

    def test_refused_by_the_peer(self) -> None:
        """What the socket has to report is raised, and is no reason to send otherwise."""
        self.receive([b"x"] * 5)
        self.server.close()
        self.outgoing.send(b"?")
        with self.assertRaises(OSError) as raised:
            self.send(5, self.outgoing)
        self.assertEqual(raised.exception.errno, errno.ECONNREFUSED)


class InUseTest(DatagramCase):
    """UDP to UDP, through all of the services."""

    if not segments_work():
        skip = "this system cuts no messages"

    def test_both_ways(self) -> None:
        """What is received at once goes on as one message, to the server and to the client."""
        messages: list[tuple[bool, int]] = []
        send = Segments.send

        def noted(
            self: Segments,
            opened: socket.socket,
            start: int,
            lengths: list[int],
            target: Source | None,
        ) -> int:
            messages.append((target is None, send(self, opened, start, lengths, target)))
            return messages[-1][1]

        client = self.client()
        for _ in range(3):  # after that it is known for long enough
            client.send(b"?")
            self.came(self.server, b"?")
        self.patch(Segments, "send", noted)
        datagrams = [bytes([index]) * 100 for index in range(20)]
        for end, other in ((client, self.server), (self.server, client)):
            for datagram in datagrams:
                end.send(datagram)
            self.came(other, *datagrams)
        self.assertEqual(messages, [(True, 20), (False, 20)])


class AvailabilityTest(SynchronousTestCase):
    """Systems that cut no messages."""

    def test_old_kernel(self) -> None:
        """A kernel that does not know the option cuts none."""
        self.patch(segments, "_UDP_SEGMENT", -1)
        self.assertFalse(segments_work.__wrapped__())

    def test_no_batches(self) -> None:
        """Where many datagrams can't be sent at once, many can't be as one either."""
        self.patch(segments, "batches_work", lambda: False)
        self.assertFalse(segments_work.__wrapped__())
