"""Every kind of side is held to the same suite."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import sys
import time
from collections.abc import Callable
from typing import Any

from OpenSSL import SSL
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.datagram.association import AssociationSide
from pipetwist.datagram.context import DatagramContext
from pipetwist.datagram.framed import FramedSide, FrameStatistics
from pipetwist.datagram.framing import Deframer, frame
from pipetwist.datagram.socket_side import DatagramSocketSide
from pipetwist.datagram.source import Source
from pipetwist.interfaces import SideLike
from pipetwist.kernel.accepted_side import FirstReader, accepted_side
from pipetwist.kernel.passing_side import PassingSide
from pipetwist.kernel.process_side import KernelProcessSide
from pipetwist.kernel.socket_side import SocketSide
from pipetwist.kernel.tls_side import TlsSide
from pipetwist.plugins.connections import PluginConnections
from pipetwist.plugins.datagram_sides import PluginAssociationSide, PluginDatagramSide
from pipetwist.process.side import ProcessSide
from pipetwist.process.standard_error import StandardErrorLines
from pipetwist.testing import (
    DatagramSideConformance,
    FakeProcess,
    FakeSide,
    FakeSpawner,
    SideConformance,
)
from pipetwist.transfer import adoption
from pipetwist.transfer.adoption import adopted_side
from pipetwist.transfer.loss_reasons import NO_CLOSE_NOTIFY
from tests.support.loop import KernelCase
from tests.support.scratch import scratch_folder
from tests.support.tls_peer import TLS12, TLS13, tls_ends

_LONG = 10.0
_PATIENCE = 60.0


class FakeSideTest(SideConformance, SynchronousTestCase):
    """The fake."""

    def make_side(self) -> FakeSide:
        """Make one."""
        self.side = FakeSide()
        return self.side

    def peer_sends(self, data: bytes) -> None:
        """Deliver it."""
        self.side.deliver(data)

    def peer_received(self) -> list[bytes]:
        """What was written."""
        return [self.side.written]

    def peer_ends(self) -> None:
        """Half-close."""
        self.side.end()

    def peer_got_end(self) -> bool:
        """Whether it was told to finish."""
        return "write_eof" in self.side.asked


class UnixSocketSideTest(SideConformance, KernelCase):
    """A unix socket in the kernel's way, whose peer is a socket of the test's."""

    family = socket.AF_UNIX

    def settle(self) -> None:
        """Turn, and look what the peer has got."""
        self.loop.advance(0)
        self.loop.settle()
        try:
            while data := self.peer.recv(65536):
                self._received.append(data)
            self._got_end = True
        except BlockingIOError:
            pass
        except ConnectionError:
            self._got_end = True

    def make_side(self) -> Any:
        """Connect one."""
        near, self.peer = self.pair(self.family)
        self._received: list[bytes] = []
        self._got_end = False
        side = self.side_of(near)
        self.addCleanup(self._clear, side)
        return side

    def side_of(self, near: socket.socket) -> Any:
        """Make it of its socket."""
        return SocketSide(self.kernel, near)

    def peer_sends(self, data: bytes) -> None:
        """Send it."""
        self.peer.sendall(data)

    def try_to_send(self, data: bytes) -> None:
        """The same, if it is there."""
        with contextlib.suppress(OSError):
            self.peer.sendall(data)

    def peer_received(self) -> list[bytes]:
        """What it got."""
        return self._received

    def peer_ends(self) -> None:
        """Half-close."""
        self.peer.shutdown(socket.SHUT_WR)

    def peer_got_end(self) -> bool:
        """Whether it got one."""
        return self._got_end

    def end(self, side: SideLike, ending: str) -> None:
        """End it; its peer goes, or takes so long that it is not waited for."""
        super().end(side, ending)
        self.settle()
        self.loop.advance(_LONG)

    def _clear(self, side: Any) -> None:
        side.abort()
        self.loop.advance(0)
        self.loop.settle()


class AcceptedSideTest(UnixSocketSideTest):
    """The same of a client, whose first bytes may have descriptors."""

    def side_of(self, near: socket.socket) -> Any:
        """Make it of its socket."""
        return accepted_side(self.kernel, near, None, FirstReader)


class PassingSideTest(UnixSocketSideTest):
    """The same, which passes descriptors on."""

    def side_of(self, near: socket.socket) -> Any:
        """Make it of its socket."""
        return PassingSide(self.kernel, near)


class TcpSocketSideTest(UnixSocketSideTest):
    """A TCP socket in the kernel's way."""

    family = socket.AF_INET


class UnixTlsSideTest(UnixSocketSideTest):
    """A unix socket with TLS 1.3 in the kernel's way."""

    version = TLS13
    server = True

    def make_side(self) -> Any:
        """Complete a handshake."""
        near, far = self.pair(self.family)
        tls, self.tls_peer = tls_ends(near, far, self.version, server=self.server)
        self.peer = far
        side = TlsSide(self.kernel, near, tls, half_closes_by_fin=self.server)
        self.addCleanup(self._clear, side)
        return side

    def settle(self) -> None:
        self.loop.advance(0)
        self.loop.settle()
        self.tls_peer.take()

    def peer_sends(self, data: bytes) -> None:
        self.tls_peer.send(data)

    def try_to_send(self, data: bytes) -> None:
        with contextlib.suppress(SSL.Error):
            self.tls_peer.send(data)

    def peer_received(self) -> list[bytes]:
        return [self.tls_peer.received]

    def peer_ends(self) -> None:
        self.tls_peer.say_end()

    def peer_got_end(self) -> bool:
        return self.tls_peer.got_notify


class UnixTls12SideTest(UnixTlsSideTest):
    """The same with TLS 1.2."""

    version = TLS12


class TcpTlsSideTest(UnixTlsSideTest):
    """A TCP socket with TLS 1.3, whose peer is the server."""

    family = socket.AF_INET
    server = False


class TcpTls12SideTest(TcpTlsSideTest):
    """The same with TLS 1.2."""

    version = TLS12


class TlsFinSideTest(UnixTlsSideTest):
    """A client that ends its direction by a FIN alone."""

    family = socket.AF_INET

    def peer_ends(self) -> None:
        self.tls_peer.send_fin()

    def test_both_ends(self) -> None:
        """Once both directions have ended, that the peer's was not in order is told."""
        side, receiver = self.attached()
        self.read_on(side, receiver)
        self.peer_ends()
        self.wait_for(lambda: "read_ended" in receiver.told, "the end of file")
        side.write_eof()
        self.end(side, "close")
        self.wait_for_loss(receiver)
        self.assertEqual(receiver.reason, NO_CLOSE_NOTIFY)


class TlsFin12SideTest(TlsFinSideTest):
    """The same with TLS 1.2."""

    version = TLS12


class StreamSideTest(UnixSocketSideTest):
    """A transport of Twisted's."""

    def side_of(self, near: socket.socket) -> Any:
        """Make it."""
        return adopted_side(self.loop, None, near)


class SocketTransportTest(UnixSocketSideTest):
    """A transport of ours for a family that Twisted does not adopt."""

    def side_of(self, near: socket.socket) -> Any:
        """Make it."""
        self.patch(adoption, "_ADOPTED", ())
        return adopted_side(self.loop, None, near)


class ChildSideTest(SideConformance, SynchronousTestCase):
    """A command in Twisted's way, which is the test's."""

    def setUp(self) -> None:
        """Have a clock."""
        super().setUp()
        self.clock = Clock()
        self.spawner = FakeSpawner()

    def make_side(self) -> ProcessSide:
        """Start one."""
        lines = StandardErrorLines(self.clock, lambda line: None)
        side = ProcessSide(self.clock, self.spawner, 5, lines, lambda one: None)
        self.process: FakeProcess = self.spawner.spawn(side, ["tool"], {})
        return side

    def settle(self) -> None:
        """Let time go on."""
        self.clock.advance(0)

    def peer_sends(self, data: bytes) -> None:
        """Say it."""
        self.process.say(data)

    def peer_received(self) -> list[bytes]:
        """What it was told."""
        return [self.process.stdin]

    def peer_ends(self) -> None:
        """Close its output, after what was said of it is read."""
        self.process.say(b"")

    def peer_got_end(self) -> bool:
        """Whether its input is closed."""
        return 0 not in self.process.open

    def end(self, side: SideLike, ending: str) -> None:
        """End it; the command has all the time that it may have."""
        super().end(side, ending)
        self.clock.advance(_LONG)


# Hands what it says on from a socket, and what it is told to that.
_COMMAND = """
import os, socket, sys, threading
peer = socket.socket(socket.AF_UNIX)
peer.connect(sys.argv[1])
def copy(take, give, end):
    while data := take(65536):
        give(data)
    end()
threading.Thread(target=copy, args=(peer.recv, lambda data: os.write(1, data), lambda: os.close(1))).start()
copy(lambda most: os.read(0, most), peer.sendall, lambda: peer.shutdown(socket.SHUT_WR))
"""  # noqa: E501  # another language's text


class CommandSideTest(UnixSocketSideTest):
    """A command in the kernel's way: what it is told and says passes on to a socket of the
    test's.
    """

    def setUp(self) -> None:
        """Listen for them."""
        super().setUp()
        self.path = str(scratch_folder(self) / "peer")
        self.listening = socket.socket(socket.AF_UNIX)
        self.addCleanup(self.listening.close)
        self.listening.bind(self.path)
        self.listening.listen()

    def make_side(self) -> Any:
        """Start one."""
        self._received: list[bytes] = []
        self._got_end = False
        ended: list[object] = []
        command = [sys.executable, "-c", _COMMAND, self.path]
        side = KernelProcessSide(
            self.kernel,
            command,
            {"PATH": os.environ["PATH"]},
            5,
            lambda one, line: None,
            ended.append,
        )
        self.peer = self.listening.accept()[0]
        self.addCleanup(self.peer.close)
        self.peer.setblocking(False)
        self.addCleanup(self.loop.until, lambda: ended, "the command's end")
        self.addCleanup(side.abort)
        return side

    def end(self, side: SideLike, ending: str) -> None:
        """End it, and let it get there by itself, however long that takes on this machine, before
        any of its time goes by.
        """
        getattr(side, ending)()
        end = time.monotonic() + _PATIENCE
        while not self._got_end and time.monotonic() < end:
            select.select([self.peer], [], [], 0.05)
            self.settle()
        with contextlib.suppress(OSError):
            self.peer.shutdown(socket.SHUT_WR)

    def wait_for(self, condition: Callable[[], object], what: str) -> None:
        """Wait for the command as well."""

        def holds() -> bool:
            self.settle()
            return bool(condition())

        self.loop.until(holds, what, _PATIENCE)


class FramedSideTest(DatagramSideConformance, SynchronousTestCase):
    """Datagrams on a stream."""

    def make_side(self) -> FramedSide:
        """Make one."""
        self.stream = FakeSide()
        return FramedSide(self.stream, FrameStatistics())

    def peer_sends(self, data: bytes) -> None:
        """Send it in its frame."""
        self.stream.deliver(frame(data))

    def peer_received(self) -> list[bytes]:
        """What is in the frames that were written."""
        return list(Deframer().feed(self.stream.written))


class DatagramSideTest(DatagramSideConformance, KernelCase):
    """A datagram socket."""

    def make_side(self) -> DatagramSocketSide:
        """Make one."""
        near, self.peer = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(self.peer.close)
        self.peer.setblocking(False)
        near.setblocking(False)
        self._received: list[bytes] = []
        side = self.side_of(DatagramContext(self.loop, self.kernel.poller), near)
        self.addCleanup(side.abort)
        return side

    def side_of(self, context: DatagramContext, near: socket.socket) -> DatagramSocketSide:
        """Make the side of a socket."""
        return DatagramSocketSide(context, near)

    def settle(self) -> None:
        """Turn."""
        self.loop.settle()

    def peer_sends(self, data: bytes) -> None:
        """Send it."""
        self.peer.send(data)

    def try_to_send(self, data: bytes) -> None:
        """The same, if it is there."""
        with contextlib.suppress(OSError):
            self.peer.send(data)

    def peer_received(self) -> list[bytes]:
        """What it got."""
        with contextlib.suppress(BlockingIOError, ConnectionError):
            while True:
                self._received.append(self.peer.recv(65536))
        return self._received


class PluginDatagramSideTest(DatagramSideTest):
    """One that is connected to a plug-in."""

    def side_of(self, context: DatagramContext, near: socket.socket) -> PluginDatagramSide:
        """Make it."""
        return PluginDatagramSide(context, near, PluginConnections(lambda: False))


class _Batch:
    """One datagram that has come."""

    def __init__(self, data: bytes) -> None:
        self.lengths = [len(data)]
        self._data = data

    def data(self, place: int) -> bytes:
        return self._data


class AssociationSideTest(DatagramSideConformance, SynchronousTestCase):
    """One source of an inbound, which is the test."""

    def make_side(self) -> AssociationSide:
        """Make one."""
        self._received: list[bytes] = []
        self.side = self.side_of(Source("192.0.2.1", 53, True, None, "name"), self)
        return self.side

    def side_of(self, source: Source, answering: Any) -> AssociationSide:
        """Make the side of a source."""
        return AssociationSide(Clock(), "key", source, answering)

    def peer_sends(self, data: bytes) -> None:
        """Have it come."""
        batch: Any = _Batch(data)
        self.side.arrived(batch, 0, 1)

    def peer_received(self) -> list[bytes]:
        """What was answered."""
        return self._received

    # Answering.

    def answer(self, datagram: bytes, target: Source) -> None:
        self._received.append(datagram)

    def active(self, association: AssociationSide) -> None:
        pass

    def left(self, association: AssociationSide) -> None:
        pass


class PluginAssociationSideTest(AssociationSideTest):
    """A port of a plug-in's."""

    def side_of(self, source: Source, answering: Any) -> AssociationSide:
        """Make it."""
        connections = PluginConnections(lambda: False)
        return PluginAssociationSide(Clock(), "key", source, answering, None, connections)
