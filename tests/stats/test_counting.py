"""Counting around Twisted protocols, factories and endpoints: to the byte, and without an interface
lost.
"""

from __future__ import annotations

import os
import socket
from typing import Any, cast

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet import reactor
from twisted.internet.defer import Deferred, succeed
from twisted.internet.endpoints import UNIXClientEndpoint, UNIXServerEndpoint
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import (
    IAddress,
    IFileDescriptorReceiver,
    IHalfCloseableProtocol,
    IHandshakeListener,
    IPushProducer,
    ISSLTransport,
    IStreamServerEndpoint,
    ITCPTransport,
    ITransport,
    IUNIXTransport,
)
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.testing import StringTransport
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase, TestCase
from zope.interface import alsoProvides, directlyProvides, implementer
from zope.interface.verify import verifyObject

from pipetwist.stats.counting import (
    CountingEndpoint,
    CountingFactory,
    CountingProtocol,
    count_writes,
)
from pipetwist.testing import RecordingTracker
from tests.support.memory_transport import MemoryTransport
from tests.support.scratch import scratch_folder

_reactor: Any = reactor  # the module stands for whichever reactor trial has installed


class _Plain(Protocol):
    """Keeps what it hears."""

    transport: Any

    def __init__(self) -> None:
        self.data = b""
        self.heard: list[object] = []
        self.lost: Deferred[None] = Deferred()

    def dataReceived(self, data: bytes) -> None:
        self.data += data

    def connectionLost(self, reason: Any = None) -> None:
        self.heard.append("connectionLost")
        self.lost.callback(None)


@implementer(IHalfCloseableProtocol, IHandshakeListener, IFileDescriptorReceiver)
class _Full(_Plain):
    """Wants everything that a transport can tell."""

    def readConnectionLost(self) -> None:
        self.heard.append("readConnectionLost")

    def writeConnectionLost(self) -> None:
        self.heard.append("writeConnectionLost")

    def handshakeCompleted(self) -> None:
        self.heard.append("handshakeCompleted")

    def fileDescriptorReceived(self, descriptor: int) -> None:
        self.heard.append(descriptor)


@implementer(IFileDescriptorReceiver)
class _Receives(_Plain):
    """Wants descriptors alone: an endpoint of Twisted's shows a transport only one of the things
    that a client's protocol wants.
    """

    def fileDescriptorReceived(self, descriptor: int) -> None:
        self.heard.append(descriptor)


class _CountingTestCase(SynchronousTestCase):
    """A counted protocol on a transport in memory."""

    def setUp(self) -> None:
        """Connect it."""
        self.tracker = RecordingTracker()
        self.protocol = _Full()
        self.counting = CountingProtocol(None, self.protocol, self.tracker)
        self.transport = MemoryTransport(self.counting)


class ProtocolTest(_CountingTestCase):
    """What passes, and what is counted of it."""

    def test_read(self) -> None:
        """What is read is counted, and passed on."""
        self.transport.receive(b"one")
        self.transport.receive(b"two")
        self.assertEqual(
            (self.protocol.data, self.tracker.up, self.tracker.down), (b"onetwo", 6, 0)
        )

    def test_written(self) -> None:
        """What the system takes is counted, in the moment when it takes it, however it was
        written.
        """
        self.protocol.transport.write(b"one")
        self.protocol.transport.writeSequence([b"two", b"", b"three"])
        self.assertEqual(self.tracker.down, 0)
        self.transport.take(4)
        self.assertEqual((self.tracker.down, self.transport.taken), (4, b"onet"))
        self.transport.take()
        self.assertEqual(
            (self.tracker.down, self.transport.taken, self.tracker.up), (11, b"onetwothree", 0)
        )

    def test_aborted(self) -> None:
        """What an abort leaves unsent was never counted."""
        self.protocol.transport.write(b"sent, and unsent")
        self.transport.take(4)
        self.protocol.transport.abortConnection()
        self.transport.take()
        self.assertEqual((self.tracker.down, self.protocol.heard), (4, ["connectionLost"]))

    def test_closed(self) -> None:
        """What is sent after the protocol has closed is counted."""
        self.protocol.transport.write(b"answer")
        self.protocol.transport.loseConnection()
        self.transport.take(2)
        self.assertEqual((self.tracker.down, self.protocol.heard), (2, []))
        self.transport.take()
        self.assertEqual((self.tracker.down, self.protocol.heard), (6, ["connectionLost"]))

    def test_half_close(self) -> None:
        """Half-closes pass in both directions."""
        self.transport.receive_end()
        self.protocol.transport.write(b"answer")
        self.protocol.transport.loseWriteConnection()
        self.transport.take()
        self.assertEqual(
            (self.protocol.heard, self.tracker.down),
            (["readConnectionLost", "writeConnectionLost"], 6),
        )

    def test_handshake(self) -> None:
        """A completed handshake passes."""
        self.counting.handshakeCompleted()
        self.assertEqual(self.protocol.heard, ["handshakeCompleted"])

    def test_descriptor(self) -> None:
        """A received descriptor passes."""
        self.counting.fileDescriptorReceived(7)
        self.assertEqual(self.protocol.heard, [7])

    def test_protocol_interfaces(self) -> None:
        """It takes just what the protocol takes: one that does not half-close is closed by an end
        of file.
        """
        for protocol in (_Plain(), _Full()):
            counting = CountingProtocol(None, protocol, self.tracker)
            MemoryTransport(counting)
            for interface in (IHalfCloseableProtocol, IHandshakeListener, IFileDescriptorReceiver):
                self.assertEqual(interface.providedBy(counting), interface.providedBy(protocol))
        plain = _Plain()
        transport = MemoryTransport(CountingProtocol(None, plain, self.tracker))
        transport.receive_end()
        self.assertEqual(plain.heard, ["connectionLost"])

    def test_transport_interfaces(self) -> None:
        """To the protocol it is what the transport is."""
        for kinds in ([ITCPTransport], [IUNIXTransport], [ISSLTransport], []):
            transport = StringTransport()
            directlyProvides(transport, *kinds)
            counting = CountingProtocol(None, _Plain(), self.tracker)
            counting.makeConnection(transport)
            for interface in (ITCPTransport, IUNIXTransport, ISSLTransport, IPushProducer):
                self.assertEqual(interface.providedBy(counting), interface.providedBy(transport))

    def test_producer(self) -> None:
        """The transport is paused and resumed, and pauses and resumes a producer, as without it."""
        asked: list[str] = []

        class Producer:
            def pauseProducing(self) -> None:
                asked.append("pause")

            def resumeProducing(self) -> None:
                asked.append("resume")

            def stopProducing(self) -> None:
                asked.append("stop")

        self.protocol.transport.pauseProducing()
        self.assertFalse(self.transport.reading)
        self.protocol.transport.resumeProducing()
        self.assertTrue(self.transport.reading)
        self.protocol.transport.registerProducer(Producer(), True)
        self.protocol.transport.write(b"x" * 200_000)
        self.assertEqual((asked, self.tracker.down), (["pause"], 0))
        self.transport.take()
        self.assertEqual((asked, self.tracker.down), (["pause", "resume"], 200_000))
        self.protocol.transport.unregisterProducer()
        self.protocol.transport.stopProducing()
        self.transport.take()
        self.assertEqual((asked, self.protocol.heard), (["pause", "resume"], ["connectionLost"]))

    def test_tls_begins(self) -> None:
        """When TLS begins in the middle, what waits counts once, and what is written afterwards
        counts as the protocol writes it.
        """
        asked: list[object] = []
        self.transport.startTLS = lambda *arguments: asked.append(arguments)  # type: ignore[attr-defined]  # as TCP's transports have it
        self.protocol.transport.write(b"plain")
        self.transport.take(2)
        self.protocol.transport.startTLS("context", False)
        self.assertEqual((asked, self.tracker.down), ([("context", False)], 5))
        self.transport.take()
        self.transport.write(b"what TLS makes of it, which the protocol has not written")
        self.transport.take()
        self.assertEqual(self.tracker.down, 5)
        self.protocol.transport.write(b"hidden")
        self.protocol.transport.writeSequence([b"a", b"b"])
        self.transport.take()
        self.assertEqual(self.tracker.down, 13)

    def test_passes_on(self) -> None:
        """Whatever else a transport has is reached through it."""
        self.transport.own_thing = "own"  # type: ignore[attr-defined]  # some transport's own
        self.assertEqual(
            (self.protocol.transport.own_thing, self.protocol.transport.fileno()), ("own", 99)
        )

    def test_lets_go(self) -> None:
        """Once it is lost it refers to the protocol no more."""
        self.transport.connectionLost(Failure(ConnectionDone()))
        self.assertEqual(
            (self.counting.wrappedProtocol, self.protocol.heard), (None, ["connectionLost"])
        )

    def test_disconnecting(self) -> None:
        """An abort shows, as a close does."""
        self.assertFalse(self.counting.disconnecting)
        self.counting.abortConnection()
        self.assertTrue(self.counting.disconnecting)

    @settings(database=None, deadline=None)
    @given(
        st.lists(
            st.binary(max_size=300_000)
            | st.lists(st.binary(max_size=9), max_size=3)
            | st.integers(0, 200_000),
            max_size=12,
        )
    )
    def test_any_writes(self, steps: list[bytes | list[bytes] | int]) -> None:
        """Whatever is written and taken in whatever order, what is counted is what was taken."""
        tracker, protocol = RecordingTracker(), _Plain()
        transport = MemoryTransport(CountingProtocol(None, protocol, tracker))
        written = b""
        for step in steps:
            if isinstance(step, bytes):
                protocol.transport.write(step)
                written += step
            elif isinstance(step, list):
                protocol.transport.writeSequence(step)
                written += b"".join(step)
            else:
                transport.take(step)
            self.assertEqual(tracker.down, len(transport.taken))
        transport.take()
        self.assertEqual((tracker.down, transport.taken), (len(written), written))


class WritesTest(SynchronousTestCase):
    """Transports that show what the system takes, and those that do not."""

    def test_hidden(self) -> None:
        """Where the system is hidden, and over TLS, what the transport takes counts; an iterator's
        chunks count too.
        """
        tls = MemoryTransport(_Plain())
        alsoProvides(tls, ISSLTransport)
        for transport in (StringTransport(), tls):
            tracker, protocol = RecordingTracker(), _Plain()
            self.assertFalse(count_writes(transport, self.fail))
            CountingProtocol(None, protocol, tracker).makeConnection(transport)
            protocol.transport.write(b"one")
            protocol.transport.writeSequence(iter([b"two", b"three"]))
            self.assertEqual(tracker.down, 11)
        tls.take()
        self.assertEqual(tls.taken, b"onetwothree")

    def test_under_tls(self) -> None:
        """What the system takes under TLS is not the protocol's bytes, and is left alone."""
        wrapper = ProtocolWrapper(WrappingFactory(_Builds()), _Plain())
        MemoryTransport(wrapper)
        alsoProvides(wrapper, ISSLTransport)
        self.assertFalse(count_writes(cast("ITransport", wrapper), self.fail))

    def test_through_wrappers(self) -> None:
        """It is found behind wrappers, and several may count."""
        counts: list[int] = []
        inner, outer = RecordingTracker(), RecordingTracker()
        protocol = _Plain()
        counting = CountingProtocol(None, CountingProtocol(None, protocol, inner), outer)
        transport = MemoryTransport(counting)
        self.assertTrue(count_writes(protocol.transport, counts.append))
        protocol.transport.write(b"hello")
        transport.take(3)
        transport.take()
        transport.receive(b"read")
        self.assertEqual((inner.down, outer.down, counts, inner.up, outer.up), (5, 5, [3, 2], 4, 4))

    def test_failures(self) -> None:
        """A write that fails, or that takes nothing, is not counted, and fails as without it."""
        counts: list[int] = []

        class Failing(MemoryTransport):
            def writeSomeData(self, data: bytes) -> int | BaseException:
                return ConnectionDone() if self.room else 0

        protocol = _Plain()
        transport = Failing(protocol)
        count_writes(transport, counts.append)
        transport.write(b"hello")
        transport.take(0)
        self.assertEqual(protocol.heard, [])
        transport.take(1)
        self.assertEqual((counts, protocol.heard), ([], ["connectionLost"]))


class _Builds(Factory):
    """Builds a protocol, or refuses."""

    noisy = False

    def __init__(self) -> None:
        self.built: list[_Plain] = []
        self.refuses = False
        self.heard: list[str] = []

    def buildProtocol(self, addr: IAddress | None) -> Any:
        if self.refuses:
            return None
        self.built.append(_Full())
        return self.built[-1]

    def startFactory(self) -> None:
        self.heard.append("start")

    def stopFactory(self) -> None:
        self.heard.append("stop")


class FactoryTest(SynchronousTestCase):
    """One's own factory, counted."""

    def setUp(self) -> None:
        """Count by address: none for None."""
        self.inner = _Builds()
        self.trackers: dict[Any, RecordingTracker] = {}
        self.factory = CountingFactory(self.inner, self.track)

    def track(self, address: IAddress | None) -> RecordingTracker | None:
        """A tracker for each address, and none for None."""
        return None if address is None else self.trackers.setdefault(address, RecordingTracker())

    def test_counted(self) -> None:
        """A connection is counted by the tracker of its address."""
        for address in ("a", "b"):
            MemoryTransport(self.factory.buildProtocol(address)).receive(address.encode() * 3)  # type: ignore[arg-type]  # any key does
        self.assertEqual(
            {address: tracker.up for address, tracker in self.trackers.items()}, {"a": 3, "b": 3}
        )
        self.assertEqual([protocol.data for protocol in self.inner.built], [b"aaa", b"bbb"])

    def test_untracked(self) -> None:
        """A connection without a tracker passes unwrapped."""
        self.assertIs(self.factory.buildProtocol(None), self.inner.built[0])

    def test_refused(self) -> None:
        """A connection that the factory refuses is refused."""
        self.inner.refuses = True
        self.assertIsNone(self.factory.buildProtocol("a"))  # type: ignore[arg-type]  # any key does
        self.assertEqual(self.trackers, {})

    def test_start_and_stop(self) -> None:
        """The factory hears of its start and its stop."""
        self.factory.doStart()
        self.factory.doStop()
        self.assertEqual(self.inner.heard, ["start", "stop"])

    def test_open_connections(self) -> None:
        """The factory lists the connections that are open."""
        counting = self.factory.buildProtocol("a")  # type: ignore[arg-type]  # any key does
        transport = MemoryTransport(counting)
        self.assertEqual(list(self.factory.protocols), [counting])
        transport.connectionLost(Failure(ConnectionDone()))
        self.assertEqual(list(self.factory.protocols), [])


@implementer(IStreamServerEndpoint)
class _Endpoint:
    """Keeps the factory that it listens for."""

    def listen(self, protocolFactory: Any) -> Deferred[Any]:
        self.factory = protocolFactory
        return succeed("port")


class EndpointTest(SynchronousTestCase):
    """One's own endpoint, counted."""

    def test_listen(self) -> None:
        """It listens as the endpoint does, with the factory counted."""
        inner, endpoint, tracker = _Builds(), _Endpoint(), RecordingTracker()
        counting = CountingEndpoint(endpoint, lambda _: tracker)
        verifyObject(IStreamServerEndpoint, counting)
        self.assertEqual(self.successResultOf(counting.listen(inner)), "port")
        MemoryTransport(endpoint.factory.buildProtocol(None)).receive(b"hello")
        self.assertEqual((tracker.up, inner.built[0].data), (5, b"hello"))


class SocketTest(TestCase):
    """Real unix sockets."""

    timeout = 300

    async def connect(self) -> tuple[_Full, RecordingTracker, _Receives]:
        """Connect a client to a counted server: the server's protocol, its tracker, the client's
        protocol.
        """
        path = str(scratch_folder(self) / "s")
        accepted: Deferred[_Full] = Deferred()

        class Server(_Full):
            def connectionMade(self) -> None:
                accepted.callback(self)

        tracker, client = RecordingTracker(), _Receives()
        port = await CountingEndpoint(UNIXServerEndpoint(_reactor, path), lambda _: tracker).listen(
            Factory.forProtocol(Server)
        )
        self.addCleanup(port.stopListening)
        await UNIXClientEndpoint(_reactor, path).connect(_given(client))
        server = await accepted
        self.addCleanup(self._close, server, client)
        return server, tracker, client

    def _close(self, *protocols: _Plain) -> Deferred[Any]:
        for protocol in protocols:
            if protocol.transport.connected:
                protocol.transport.abortConnection()
        return protocols[0].lost.addCallback(lambda _: protocols[1].lost)

    async def test_descriptor(self) -> None:
        """A descriptor goes through in both directions, and its byte is counted."""
        server, tracker, client = await self.connect()
        reading, writing = os.pipe()
        pairs: list[tuple[_Plain, _Plain]] = [(client, server), (server, client)]
        for protocol, peer in pairs:
            protocol.transport.sendFileDescriptor(writing)
            protocol.transport.write(b"!")
            while not peer.data:
                await _moment()
            (received,) = [heard for heard in peer.heard if isinstance(heard, int)]
            os.write(received, b"through")
            os.close(received)
            self.assertEqual(os.read(reading, 99), b"through")
        os.close(reading)
        os.close(writing)
        self.assertEqual((tracker.up, tracker.down), (1, 1))

    async def test_unread(self) -> None:
        """What a client does not read is not counted, however much was written, when the connection
        is aborted.
        """
        server, tracker, client = await self.connect()
        client.transport.pauseProducing()
        server.transport.write(b"x" * 5_000_000)
        last = -1
        while tracker.down != last:
            last = tracker.down
            await _moment()
        self.assertTrue(0 < tracker.down < 5_000_000)
        taken = tracker.down
        server.transport.abortConnection()
        await server.lost
        self.assertEqual(tracker.down, taken)
        client.transport.resumeProducing()
        await client.lost
        self.assertEqual(len(client.data), taken)

    async def test_peer_credentials(self) -> None:
        """The socket behind it can be asked for."""
        server, _, _ = await self.connect()
        self.assertEqual(server.transport.getHandle().family, socket.AF_UNIX)


def _given(protocol: Protocol) -> Any:
    """A factory of this one protocol."""

    class Given(Factory):
        noisy = False

        def buildProtocol(self, addr: IAddress | None) -> Protocol:
            return protocol

    return Given()


async def _moment() -> None:
    """Let the reactor run a little."""
    from twisted.internet.task import deferLater

    await deferLater(_reactor, 0.005)
