"""The port that a plug-in sends datagrams to: what waits until its source is known."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from typing import Any

from twisted.logger import Logger
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.datagram.association_table import AssociationTable
from pipetwist.datagram.context import DatagramContext
from pipetwist.datagram.sockets import open_udp
from pipetwist.plugins import datagram_listener
from pipetwist.plugins.connections import PluginConnections
from pipetwist.plugins.datagram_listener import PluginDatagramListener
from pipetwist.plugins.owners import PluginProcess
from pipetwist.testing import FakeOutbound
from tests.support.loop import Loop


class _Receiver:
    """Keeps the datagrams of an association, and why it was lost."""

    def __init__(self) -> None:
        self.came: list[bytes] = []
        self.reason: str | None = None

    def data_received(self, side: object, data: bytes) -> None:
        self.came.append(data)

    def lost(self, side: object, reason: str, *, whole: bool = False) -> None:
        self.reason = reason


class _ThreadedLoop(Loop):
    """Is called from threads, of which there is none."""

    def callFromThread(self, call: Callable[..., Any], *arguments: object) -> None:
        """See ``IReactorFromThreads``."""
        call(*arguments)


class _Plugin:
    """A plug-in's process; what a thread is to do waits for the test."""

    def __init__(self) -> None:
        self.threads = self
        self.process = PluginProcess(1)
        self.ending = False
        self.connections = PluginConnections(lambda: self.ending)
        self.asking: list[Callable[[], None]] = []

    def start(self, call: Callable[[], None]) -> None:
        """See `UnawaitedThreads`."""
        self.asking.append(call)

    def answer(self) -> None:
        """Have the thread look."""
        self.asking.pop(0)()


class ListenerTest(SynchronousTestCase):
    """One listener, whose sources are whoever the test says."""

    def setUp(self) -> None:
        """Listen."""
        self.loop = _ThreadedLoop()
        self.plugin = _Plugin()
        plugin: Any = self.plugin
        self.theirs: set[int] = set()
        self.asked: list[list[int]] = []
        self.refused = 0
        self.receivers: list[_Receiver] = []
        self.patch(datagram_listener, "are_senders", self._are_senders)
        context = DatagramContext(self.loop)
        opened = open_udp(socket.AF_INET, ("127.0.0.1", 0))
        self.address = opened.getsockname()
        self.listener = PluginDatagramListener(
            context,
            opened,
            context.from_network(socket.AF_INET, anywhere=False),
            AssociationTable(100),
            self._let_in,
            Logger(),
            plugin,
            self._refuse,
        )
        self.listener.start()
        self.addCleanup(self.listener.stop)

    def _are_senders(self, process: PluginProcess, ports: Sequence[int]) -> list[bool]:
        self.assertEqual(process, self.plugin.process)
        self.asked.append(list(ports))
        return [port not in self.theirs for port in ports]

    def _let_in(self, source: object, associate: Any) -> None:
        side = associate(source, FakeOutbound(), None)
        receiver = _Receiver()
        side.attach(receiver)
        side.resume_reading()
        self.receivers.append(receiver)

    def _refuse(self) -> None:
        self.refused += 1

    def source(self, *, is_theirs: bool = False) -> socket.socket:
        """Somebody who sends."""
        source = socket.socket(type=socket.SOCK_DGRAM)
        self.addCleanup(source.close)
        source.connect(self.address)
        if is_theirs:
            self.theirs.add(source.getsockname()[1])
        return source

    def send(self, source: socket.socket, *datagrams: bytes) -> None:
        """Send these, and let them come."""
        for datagram in datagrams:
            source.send(datagram)
        self.loop.settle()

    def came(self) -> list[list[bytes]]:
        """What each association has got."""
        return [receiver.came for receiver in self.receivers]

    def test_waits(self) -> None:
        """What a new source sends waits until it is known, and comes in order; what it sends then
        does not wait. It is asked about once.
        """
        source = self.source()
        self.send(source, b"one", b"")
        self.send(source, b"three")
        self.assertEqual(self.came(), [])
        self.plugin.answer()
        self.assertEqual(self.came(), [[b"one", b"", b"three"]])
        self.send(source, b"four")
        self.assertEqual(self.came(), [[b"one", b"", b"three", b"four"]])
        self.assertEqual((self.asked, self.plugin.asking), ([[source.getsockname()[1]]], []))
        self.assertEqual((self.listener.dropped, len(self.plugin.connections)), (0, 1))

    def test_together(self) -> None:
        """Sources that come while one is asked about are asked about together."""
        first, *others = sources = [self.source() for _ in range(3)]
        for source in sources:
            self.send(source, b"x")
        self.plugin.answer()
        self.plugin.answer()
        ports = [source.getsockname()[1] for source in others]
        self.assertEqual(self.asked, [[first.getsockname()[1]], ports])
        self.assertEqual(self.came(), [[b"x"]] * 3)

    def test_stranger(self) -> None:
        """A stranger's are dropped, and it is refused each time; the plug-in's go on."""
        mine, theirs = self.source(), self.source(is_theirs=True)
        self.send(mine, b"x")
        self.plugin.answer()
        for expected in (2, 4):
            self.send(theirs, b"let", b"me")
            self.plugin.answer()
            self.assertEqual((self.listener.dropped, self.refused), (expected, expected // 2))
        self.send(mine, b"y")
        self.assertEqual(self.came(), [[b"x", b"y"]])

    def test_bounds(self) -> None:
        """No more is kept than so many sources, and so many bytes."""
        self.patch(datagram_listener, "MAX_UNKNOWN", 2)
        self.patch(datagram_listener, "MAX_UNKNOWN_BYTES", 10)
        sources = [self.source() for _ in range(3)]
        for source in sources:
            self.send(source, b"1234")
        self.send(sources[0], b"123", b"12")
        self.assertEqual(self.listener.dropped, 2)
        self.plugin.answer()
        self.plugin.answer()
        self.assertEqual(self.came(), [[b"1234", b"12"], [b"1234"]])
        self.send(sources[2], b"1234567890")
        self.plugin.answer()
        self.assertEqual(self.came()[2:], [[b"1234567890"]])

    def test_stopped(self) -> None:
        """After a stop nothing is let in any more, whatever the kernel says."""
        source, other = self.source(), self.source()
        self.send(source, b"x")
        self.send(other, b"y")
        self.listener.stop()
        self.plugin.answer()
        self.assertEqual((self.came(), self.plugin.asking, self.listener.dropped), ([], [], 2))

    def test_ended(self) -> None:
        """When the plug-in ends, its associations are lost for that reason."""
        source = self.source()
        self.send(source, b"x")
        self.plugin.answer()
        self.plugin.connections.end("the plug-in failed")
        self.assertEqual(self.receivers[0].reason, "the plug-in failed")
        self.assertEqual((len(self.plugin.connections), self.listener.associations), (0, {}))
        self.send(source, b"y")
        self.plugin.answer()
        self.assertEqual(self.came(), [[b"x"], [b"y"]])
