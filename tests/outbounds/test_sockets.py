"""The outbounds to sockets and endpoints."""

from __future__ import annotations

import errno
import os
import socket
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import ConnectError as TwistedConnectError
from twisted.internet.interfaces import IReactorFDSet
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import directlyProvidedBy, directlyProvides
from zope.interface.verify import verifyObject

from pipetwist.errors import ConnectError, StartError
from pipetwist.interfaces import IDatagramSide, IDescriptorSide, IOutbound, ISide
from pipetwist.kernel.context import kernel_context
from pipetwist.kinds.outbound_options import TlsClientOptions
from pipetwist.network.lookups import Lookups
from pipetwist.outbounds.context import OutboundContext
from pipetwist.outbounds.endpoint import EndpointOutbound, EndpointOutboundOptions
from pipetwist.outbounds.registry import OUTBOUNDS
from pipetwist.outbounds.tcp import TcpOutbound, TcpOutboundOptions
from pipetwist.outbounds.unix import UnixOutbound, UnixOutboundOptions
from pipetwist.testing import RecordingReceiver
from pipetwist.transfer.stream import StreamSide
from pipetwist.values import unix_sockaddr
from tests.support.loop import open_descriptors
from tests.support.memory_transport import TurningReactor
from tests.support.scratch import free_port, scratch_folder


class RegistryTest(SynchronousTestCase):
    """The types there are."""

    def test_types(self) -> None:
        """Each type has a name of its own, and options of its own that say it."""
        names = [kind.Options.__dataclass_fields__["type"].default for kind in OUTBOUNDS]
        self.assertEqual(names, ["endpoint", "fork", "tcp", "udp", "unix", "unixgram"])
        for kind in OUTBOUNDS:
            self.assertTrue(IOutbound.implementedBy(kind))


class _SocketTestCase(SynchronousTestCase):
    """Outbounds on a reactor that turns when the test says so."""

    in_kernel = False

    def setUp(self) -> None:
        """Prepare what they work with."""
        self.reactor = TurningReactor()
        self.kernel = kernel_context(self.reactor) if self.in_kernel else None
        if self.kernel is not None:
            self.addCleanup(self.kernel.close)
        self.context = OutboundContext(self.reactor, None, None, self.kernel)

    def side(self, connecting: Any) -> ISide:
        """The side of what is connected; the test's clean-up aborts it."""
        for _ in range(3):
            self.reactor.turn()
        side: ISide = (
            self.successResultOf(connecting) if isinstance(connecting, Deferred) else connecting
        )
        self.addCleanup(side.abort)
        self.assertEqual(IDescriptorSide.providedBy(side), self.in_kernel)
        return side

    def error(self, connecting: Any) -> str:
        """Why it can't be connected."""
        for _ in range(3):
            self.reactor.turn()
        return str(self.failureResultOf(connecting, ConnectError).value)

    def listen(self, family: int, address: Any, backlog: int = 10) -> socket.socket:
        """Listen there; the test's clean-up closes it."""
        listening = socket.socket(family)
        self.addCleanup(listening.close)
        listening.bind(address)
        listening.listen(backlog)
        listening.settimeout(60)
        return listening

    def assertCarries(self, side: ISide, listening: socket.socket) -> None:
        """Bytes go both ways between the side and who listens."""
        accepted, _ = listening.accept()
        with accepted:
            accepted.sendall(b"banner")
            receiver = RecordingReceiver()
            side.attach(receiver)
            for _ in range(3):
                self.reactor.turn()
            self.assertEqual(receiver.data, b"")
            side.resume_reading()
            side.write(b"hello")
            for _ in range(3):
                self.reactor.turn()
            accepted.settimeout(60)
            self.assertEqual((accepted.recv(99), receiver.data), (b"hello", b"banner"))


class UnixTest(_SocketTestCase):
    """To a unix socket."""

    def setUp(self) -> None:
        """Choose the path."""
        super().setUp()
        self.path = str(scratch_folder(self) / "out.sock")

    def make(self, path: str | None = None) -> UnixOutbound:
        """Make the outbound."""
        return UnixOutbound(
            UnixOutboundOptions(tag="out", path=path or self.path, connect_timeout=3), self.context
        )

    def test_interface(self) -> None:
        """It is an outbound, which has its tag and its time-out from its options."""
        outbound = self.make()
        verifyObject(IOutbound, outbound)
        self.assertEqual(
            (outbound.tag, outbound.connect_timeout, outbound.in_kernel), ("out", 3, self.in_kernel)
        )

    def test_connects(self) -> None:
        """It connects to the path or the abstract name, and reads nothing before it is asked
        for.
        """
        name = f"pipetwist-test-{os.getpid()}-{self.in_kernel}"
        for path in (self.path, f"@{name}", f"@@{name}"):
            listening = self.listen(socket.AF_UNIX, unix_sockaddr(path))
            self.assertCarries(self.side(self.make(path).connect()), listening)
            listening.close()

    def test_replaced(self) -> None:
        """A server that has made its socket anew at the path is the one that the next connection
        leads to.
        """
        outbound = self.make()
        listening = self.listen(socket.AF_UNIX, self.path)
        self.assertCarries(self.side(outbound.connect()), listening)
        Path(self.path).unlink()
        again = self.listen(socket.AF_UNIX, self.path)
        self.assertCarries(self.side(outbound.connect()), again)

    def test_fails(self) -> None:
        """Where it can't it is said where and why, and no descriptor is left."""
        before = open_descriptors()
        self.assertEqual(
            self.error(self.make().connect()), f"{self.path}: No such file or directory"
        )
        stale = self.listen(socket.AF_UNIX, self.path)
        stale.close()
        self.assertEqual(self.error(self.make().connect()), f"{self.path}: Connection refused")
        self.assertEqual(open_descriptors() - before, set())

    def test_no_descriptor(self) -> None:
        """Without a descriptor left it fails as well."""

        def refuse(*_: object, **__: object) -> None:
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

        outbound = self.make()
        self.patch(socket, "SocketType", refuse)
        self.assertEqual(self.error(outbound.connect()), f"{self.path}: Too many open files")

    def crowd(self) -> tuple[socket.socket, socket.socket]:
        """Listen, with as many waiting as may: who listens, and who waits."""
        listening = self.listen(socket.AF_UNIX, self.path, 0)
        waits = socket.socket(socket.AF_UNIX)
        self.addCleanup(waits.close)
        waits.connect(self.path)
        return listening, waits

    def test_busy(self) -> None:
        """A server that has too many waiting is tried again until it takes one more."""
        listening, _ = self.crowd()
        connecting: Any = self.make().connect()
        self.reactor.pump([0.01] * 20)
        self.assertNoResult(connecting)
        listening.accept()[0].close()
        self.reactor.pump([0.01] * 2)
        self.assertCarries(self.side(connecting), listening)
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_busy_then_gone(self) -> None:
        """One that goes meanwhile fails it."""
        listening, waits = self.crowd()
        connecting: Any = self.make().connect()
        listening.close()
        waits.close()
        self.reactor.pump([0.01] * 2)
        self.assertEqual(self.error(connecting), f"{self.path}: Connection refused")

    def test_given_up(self) -> None:
        """Given up meanwhile nothing is left of it."""
        self.crowd()
        before = open_descriptors()
        connecting: Any = self.make().connect()
        connecting.cancel()
        self.failureResultOf(connecting)
        self.assertEqual((self.reactor.getDelayedCalls(), open_descriptors() - before), ([], set()))


class KernelUnixTest(UnixTest):
    """With bytes that the kernel moves."""

    in_kernel = True


class AdoptionTest(_SocketTestCase):
    """Sockets that become Twisted's transports."""

    def test_not_adopted(self) -> None:
        """A socket that the reactor can't adopt fails it, and is closed."""

        def refuse(*_: object) -> None:
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

        path = str(scratch_folder(self) / "out.sock")
        self.listen(socket.AF_UNIX, path)
        self.patch(self.reactor, "adoptStreamConnection", refuse)
        before = open_descriptors()
        self.assertEqual(
            self.error(
                UnixOutbound(UnixOutboundOptions(tag="out", path=path), self.context).connect()
            ),
            f"{path}: Too many open files",
        )
        self.assertEqual(open_descriptors() - before, set())


class KernelTcpTest(_SocketTestCase):
    """To a TCP server, with bytes that the kernel moves."""

    in_kernel = True

    def make(self, port: int, server: str = "127.0.0.1", **options: Any) -> TcpOutbound:
        """Make the outbound."""
        return TcpOutbound(
            TcpOutboundOptions(tag="out", server=server, server_port=port, **options), self.context
        )

    def test_interface(self) -> None:
        """It is an outbound; over TLS the kernel can't move its bytes."""
        verifyObject(IOutbound, self.make(1))
        self.assertTrue(self.make(1).in_kernel)
        self.assertFalse(self.make(1, tls=TlsClientOptions(enabled=True)).in_kernel)
        self.assertTrue(self.make(1, tls=TlsClientOptions(enabled=False)).in_kernel)

    def test_connects(self) -> None:
        """It connects to an address, and small pieces are not held back for larger ones."""
        listening = self.listen(socket.AF_INET, ("127.0.0.1", 0))
        side: Any = self.side(self.make(listening.getsockname()[1]).connect())
        self.assertTrue(side.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        self.assertCarries(side, listening)

    def test_fails(self) -> None:
        """Where nobody listens that is said with the address, and no descriptor is left."""
        port = free_port(self)
        before = open_descriptors()
        self.assertEqual(
            self.error(self.make(port).connect()), f"127.0.0.1:{port}: Connection refused"
        )
        self.kernel.close()  # type: ignore[union-attr]  # it is there
        self.assertEqual(open_descriptors() - before, set())


class NameTest(_SocketTestCase):
    """To a TCP server known by a name, with bytes that the kernel moves."""

    in_kernel = True

    def setUp(self) -> None:
        """Listen, and give a name to two addresses, at the second of which is who listens."""
        super().setUp()
        self.reactor = TurningReactor()
        self.kernel = kernel_context(self.reactor)
        assert self.kernel is not None
        self.addCleanup(self.kernel.close)
        self.context = OutboundContext(self.reactor, None, None, self.kernel, lookups=self)  # type: ignore[arg-type]  # of look-ups it has what is asked for
        self.listening = self.listen(socket.AF_INET, ("127.0.0.1", 0))
        self.port = self.listening.getsockname()[1]
        self.found: list[str] = ["127.0.0.2", "127.0.0.1"]
        self.outbound = TcpOutbound(
            TcpOutboundOptions(tag="out", server="server.example", server_port=self.port),
            self.context,
        )

    def find(self, host: str, port: int) -> Deferred[Any]:
        self.assertEqual((host, port), ("server.example", self.port))
        if not self.found:
            return fail(ConnectError("server.example: Name or service not known"))
        return succeed([(socket.AF_INET, (address, port)) for address in self.found])

    def test_first_that_answers(self) -> None:
        """Its addresses are tried in turn until one answers."""
        connecting: Any = self.outbound.connect()
        for _ in range(6):
            self.reactor.turn()
        self.assertCarries(self.side(connecting), self.listening)

    def test_none_answers(self) -> None:
        """Where none answers it is said of the last, by the name."""
        self.found = ["127.0.0.2", "127.0.0.3"]
        connecting: Any = self.outbound.connect()
        for _ in range(6):
            self.reactor.turn()
        self.assertEqual(self.error(connecting), f"server.example:{self.port}: Connection refused")

    def test_given_up(self) -> None:
        """Whose client has gone waits for the name no longer, whatever moves the bytes; nor is
        anything opened when it is found at last.
        """
        for kernel in (self.kernel, None):
            lookups = Lookups(None, start_thread=lambda run: None)
            context = OutboundContext(self.reactor, None, None, kernel, lookups=lookups)
            connecting: Any = TcpOutbound(
                TcpOutboundOptions(tag="out", server="dead", server_port=80), context
            ).connect()
            before = open_descriptors()
            connecting.cancel()
            self.assertEqual(self.error(connecting), "dead: the name could not be resolved in time")
            self.assertEqual(lookups._running, {"dead": {}})
            lookups._found("dead", [(socket.AF_INET, ("127.0.0.1", 0))])
            self.assertEqual(open_descriptors() - before, set())

    def test_no_such_name(self) -> None:
        """A name that nobody knows is told."""
        self.found = []
        self.assertEqual(
            self.error(self.outbound.connect()), "server.example: Name or service not known"
        )


class _Addresses(MemoryReactorClock):
    """A reactor that connects addresses when the test says so, and reads no descriptors."""

    def __init__(self) -> None:
        super().__init__()
        directlyProvides(
            self,
            *(
                interface
                for interface in directlyProvidedBy(self)
                if interface is not IReactorFDSet
            ),
        )


class TcpTest(SynchronousTestCase):
    """To a TCP server, over Twisted's endpoints."""

    def setUp(self) -> None:
        """Make the outbound."""
        self.reactor = _Addresses()
        self.context = OutboundContext(self.reactor)
        self.outbound = TcpOutbound(
            TcpOutboundOptions(tag="out", server="127.0.0.1", server_port=80, connect_timeout=3),
            self.context,
        )

    def test_connects(self) -> None:
        """It connects to the server's address and port, and the side is on a Twisted transport."""
        self.assertFalse(self.outbound.in_kernel)
        connecting: Any = self.outbound.connect()
        self.reactor.advance(0)
        host, port, factory, *_ = self.reactor.tcpClients[0]
        self.assertEqual((host, port), ("127.0.0.1", 80))
        protocol: Any = factory.buildProtocol(None)
        protocol.makeConnection(StringTransport())
        self.assertIsInstance(self.successResultOf(connecting), StreamSide)

    def test_fails(self) -> None:
        """Where it can't it fails with Twisted's error."""
        connecting: Any = self.outbound.connect()
        self.reactor.advance(0)
        factory: Any = self.reactor.tcpClients[0][2]
        factory.clientConnectionFailed(None, Failure(TwistedConnectError("no route")))
        self.reactor.advance(1)
        self.failureResultOf(connecting, TwistedConnectError)

    def test_bad_authority(self) -> None:
        """A CA's file that can't be used is told when the outbound is made."""
        options = TcpOutboundOptions(
            tag="out",
            server="127.0.0.1",
            server_port=1,
            tls=TlsClientOptions(enabled=True, certificate_path="/nothing.pem"),
        )
        error = self.assertRaises(StartError, TcpOutbound, options, self.context)
        self.assertEqual(
            str(error),
            "outbound out: tls.certificate_path: /nothing.pem can't be read: No such file or "
            "directory",
        )

    def test_bad_name(self) -> None:
        """So is a name that no certificate can be of."""
        options = TcpOutboundOptions(
            tag="out",
            server="127.0.0.1",
            server_port=1,
            tls=TlsClientOptions(enabled=True, server_name="x" * 70 + ".é"),
        )
        self.assertIn(
            "outbound out: tls.server_name: ",
            str(self.assertRaises(StartError, TcpOutbound, options, self.context)),
        )


class EndpointTest(SynchronousTestCase):
    """To an endpoint."""

    def test_connects(self) -> None:
        """It connects the endpoint that the string describes, each time anew."""
        reactor = _Addresses()
        outbound = EndpointOutbound(
            EndpointOutboundOptions(tag="out", endpoint="tcp:127.0.0.1:80"),
            OutboundContext(reactor),
        )
        verifyObject(IOutbound, outbound)
        for number in range(2):
            self.assertIsInstance(self._connected(reactor, outbound, number), StreamSide)

    def test_connects_from_name(self) -> None:
        """It connects from the address of a name that the string has it connect from, which is
        looked up as other names are.
        """
        reactor: Any = _Addresses()
        reactor.callFromThread = lambda call, *args: call(*args)
        lookups = Lookups(
            reactor,
            lambda *_, **__: [(socket.AF_INET, 0, 0, "", ("127.0.0.2", 0))],
            start_thread=lambda call: call(),
        )
        options = EndpointOutboundOptions(
            tag="out", endpoint="tcp:127.0.0.1:80:bindAddress=relay.example"
        )
        self._connected(
            reactor, EndpointOutbound(options, OutboundContext(reactor, lookups=lookups)), 0
        )
        self.assertEqual(reactor.tcpClients[0][4], ("127.0.0.2", 0))

    def test_framed(self) -> None:
        """With framing its stream carries datagrams."""
        reactor = _Addresses()
        options = EndpointOutboundOptions(tag="out", endpoint="tcp:127.0.0.1:80", framing="rfc4571")
        self.assertTrue(
            IDatagramSide.providedBy(
                self._connected(reactor, EndpointOutbound(options, OutboundContext(reactor)), 0)
            )
        )

    def _connected(self, reactor: Any, outbound: EndpointOutbound, number: int) -> object:
        connecting: Any = outbound.connect()
        reactor.advance(0)
        protocol: Any = reactor.tcpClients[number][2].buildProtocol(None)
        protocol.makeConnection(StringTransport())
        return self.successResultOf(connecting)

    def test_bad_strings(self) -> None:
        """A string that describes nothing is told with the outbound."""
        for text in ("", "nothing:x", "tcp", "tcp:127.0.0.1:80:nothing=1"):
            error = self.assertRaises(
                StartError,
                EndpointOutbound,
                EndpointOutboundOptions(tag="out", endpoint=text),
                OutboundContext(_Addresses()),
            )
            self.assertTrue(
                str(error).startswith(f"outbound out: {text!r} describes no client endpoint: "),
                str(error),
            )
