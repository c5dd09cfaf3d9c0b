"""Counting around factories, endpoints, and transports of several kinds."""

from __future__ import annotations

from typing import Any, cast

from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import (
    IAddress,
    ISSLTransport,
    IStreamServerEndpoint,
    ITransport,
)
from twisted.internet.protocol import Factory
from twisted.internet.testing import StringTransport
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import alsoProvides, implementer
from zope.interface.verify import verifyObject

from pipetwist.stats.counting import (
    CountingEndpoint,
    CountingFactory,
    CountingProtocol,
    count_writes,
)
from pipetwist.testing import RecordingTracker
from tests.stats.counted_protocols import Full, Plain
from tests.support.memory_transport import MemoryTransport


class WritesTest(SynchronousTestCase):
    """Transports that show what the system takes, and those that do not."""

    def test_hidden(self) -> None:
        """If the system is hidden, and over TLS, what the transport takes counts; an iterator's
        chunks count too.
        """
        tls = MemoryTransport(Plain())
        alsoProvides(tls, ISSLTransport)
        for transport in (StringTransport(), tls):
            tracker, protocol = RecordingTracker(), Plain()
            self.assertFalse(count_writes(transport, self.fail))
            CountingProtocol(None, protocol, tracker).makeConnection(transport)
            protocol.transport.write(b"one")
            protocol.transport.writeSequence(iter([b"two", b"three"]))
            self.assertEqual(tracker.down, 11)
        tls.take()
        self.assertEqual(tls.taken, b"onetwothree")

    def test_under_tls(self) -> None:
        """What the system takes under TLS is not the protocol's bytes, and is left alone."""
        wrapper = ProtocolWrapper(WrappingFactory(_Builds()), Plain())
        MemoryTransport(wrapper)
        alsoProvides(wrapper, ISSLTransport)
        self.assertFalse(count_writes(cast("ITransport", wrapper), self.fail))

    def test_through_wrappers(self) -> None:
        """It is found behind wrappers, and several may count."""
        counts: list[int] = []
        inner, outer = RecordingTracker(), RecordingTracker()
        protocol = Plain()
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

        protocol = Plain()
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
        self.built: list[Plain] = []
        self.refuses = False
        self.heard: list[str] = []

    def buildProtocol(self, addr: IAddress | None) -> Any:
        if self.refuses:
            return None
        self.built.append(Full())
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
