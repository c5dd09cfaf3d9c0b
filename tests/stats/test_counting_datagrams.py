"""The counting wrapper for Twisted's datagram ports."""

from __future__ import annotations

import socket
from typing import Any

from twisted.internet import reactor as global_reactor
from twisted.internet.interfaces import IUDPTransport
from twisted.internet.protocol import ConnectedDatagramProtocol, DatagramProtocol
from twisted.trial.unittest import TestCase

from pipetwist.stats.counting_datagrams import CountingDatagramProtocol
from pipetwist.testing import RecordingTracker
from tests.support.scratch import scratch_folder
from tests.support.waiting import until

reactor: Any = global_reactor


class _Echo(DatagramProtocol):
    """Sends each datagram back, without its first byte, unless it is small."""

    noisy = False
    started = stopped = 0

    def startProtocol(self) -> None:
        self.started += 1

    def stopProtocol(self) -> None:
        self.stopped += 1

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:
        if len(datagram) > 2:
            transport: Any = self.transport
            transport.write(datagram[1:], addr)


class _Peer(ConnectedDatagramProtocol):
    """Keeps what comes from its one peer."""

    noisy = False

    def __init__(self) -> None:
        self.came: list[bytes] = []
        self.refusals = 0

    def datagramReceived(self, datagram: bytes, *addr: Any) -> None:
        self.came.append(datagram)

    def connectionRefused(self) -> None:
        self.refusals += 1


class UdpTest(TestCase):
    """UDP."""

    timeout = 300

    async def test_counts(self) -> None:
        """What each peer sends and is sent counts for that peer; one that is not to be counted is
        served the same.
        """
        trackers = {"127.0.0.1": RecordingTracker()}
        echo = _Echo()
        port = reactor.listenUDP(
            0,
            CountingDatagramProtocol(echo, lambda address: trackers.get(address[0])),
            interface="127.0.0.1",
        )
        self.addCleanup(port.stopListening)
        for host in ("127.0.0.1", "127.0.0.2"):
            client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.addCleanup(client.close)
            client.bind((host, 0))
            client.setblocking(False)
            for datagram in (b"hello", b"", b"xy"):
                client.sendto(datagram, ("127.0.0.1", port.getHost().port))
            came: list[bytes] = []

            def answered(client: socket.socket = client, came: list[bytes] = came) -> bool:
                try:
                    came.append(client.recv(99))
                except BlockingIOError:
                    return False
                return True

            await until(answered, "the answer")
            self.assertEqual(came, [b"ello"])
        await until(lambda: trackers["127.0.0.1"].up == 7, "the last datagram")
        self.assertEqual((trackers["127.0.0.1"].up, trackers["127.0.0.1"].down), (7, 4))
        self.assertTrue(IUDPTransport.providedBy(echo.transport))
        transport: Any = echo.transport
        self.assertEqual(transport.getHost(), port.getHost())
        await port.stopListening()
        self.assertEqual((echo.started, echo.stopped), (1, 1))

    async def test_refused(self) -> None:
        """A peer's refusal is passed on; the datagram that it was told of instead of being sent
        does not count.
        """
        nobody = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        nobody.bind(("127.0.0.1", 0))
        tracker, peer = RecordingTracker(), _Peer()
        wrapper = CountingDatagramProtocol(peer, lambda address: tracker)
        port = reactor.listenUDP(0, wrapper, interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        transport: Any = peer.transport
        transport.connect(*nobody.getsockname())
        nobody.close()
        for _ in range(2):
            transport.write(b"anybody?")
        self.assertEqual((peer.refusals, tracker.up, tracker.down), (1, 0, 8))


class UnixTest(TestCase):
    """Unix datagram sockets with one peer."""

    timeout = 300

    async def test_counts(self) -> None:
        """What passes counts, though there is not an address to ask with; what the system drops for
        want of room does not.
        """
        folder = scratch_folder(self)
        other = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(other.close)
        other.bind(str(folder / "other"))
        tracker, peer = RecordingTracker(), _Peer()
        port = reactor.connectUNIXDatagram(
            str(folder / "other"),
            CountingDatagramProtocol(peer, lambda address: tracker),
            bindAddress=str(folder / "own"),
        )
        self.addCleanup(port.stopListening)
        other.sendto(b"hello", str(folder / "own"))
        await until(lambda: peer.came, "a datagram")
        transport: Any = peer.transport
        for _ in range(2000):
            transport.write(b"1234")
        other.setblocking(False)
        taken = 0
        try:
            while True:
                taken += len(other.recv(99))
        except BlockingIOError:
            pass
        self.assertLess(taken, 8000)
        self.assertEqual((tracker.up, tracker.down), (5, taken))
