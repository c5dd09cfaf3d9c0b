"""The outbounds to TCP servers."""

from __future__ import annotations

import socket
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import ConnectError as TwistedConnectError
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from pipetwist.errors import ConnectError, StartError
from pipetwist.interfaces import IOutbound
from pipetwist.kernel.context import kernel_context
from pipetwist.kinds.outbound_options import TlsClientOptions
from pipetwist.network.lookups import Lookups
from pipetwist.outbounds.context import OutboundContext
from pipetwist.outbounds.tcp import TcpOutbound, TcpOutboundOptions
from pipetwist.transfer.stream import StreamSide
from tests.outbounds.socket_case import Addresses, SocketTestCase
from tests.support.loop import open_descriptors
from tests.support.memory_transport import TurningReactor
from tests.support.scratch import free_port


class KernelTcpTest(SocketTestCase):
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
        self.assertEqual(self.make(1, tls=TlsClientOptions(enabled=True)).in_kernel, self.in_kernel)
        self.assertTrue(self.make(1, tls=TlsClientOptions(enabled=False)).in_kernel)

    def test_connects(self) -> None:
        """It connects to an address, and small pieces are not held back for larger ones."""
        listening = self.listen(socket.AF_INET, ("127.0.0.1", 0))
        side: Any = self.side(self.make(listening.getsockname()[1]).connect())
        self.assertTrue(side.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        self.assertCarries(side, listening)

    def test_fails(self) -> None:
        """If nobody listens, that is said with the address, and no descriptor is left."""
        port = free_port(self)
        before = open_descriptors()
        self.assertEqual(
            self.error(self.make(port).connect()), f"127.0.0.1:{port}: Connection refused"
        )
        self.kernel.close()  # type: ignore[union-attr]  # it is there
        self.assertEqual(open_descriptors() - before, set())


class NameTest(SocketTestCase):
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
        """A name that nobody knows is reported."""
        self.found = []
        self.assertEqual(
            self.error(self.outbound.connect()), "server.example: Name or service not known"
        )


class TcpTest(SynchronousTestCase):
    """To a TCP server, over Twisted's endpoints."""

    def setUp(self) -> None:
        """Make the outbound."""
        self.reactor = Addresses()
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
        """A CA's file that can't be used is reported when the outbound is made."""
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
