"""Inbounds on a TCP port."""

from __future__ import annotations

import socket
from dataclasses import replace
from typing import Any

from twisted.internet.error import CannotListenError
from twisted.internet.testing import MemoryReactorClock
from twisted.logger import formatEvent
from twisted.trial.unittest import SkipTest

from pipetwist.errors import StartError
from pipetwist.inbounds import tcp as tcp_inbound
from pipetwist.inbounds.context import InboundContext
from pipetwist.inbounds.tcp import TcpInbound, TcpInboundOptions
from pipetwist.kernel.context import KernelContext
from pipetwist.kinds.inbound_options import TlsServerOptions
from pipetwist.network.listeners import ListenerTable
from pipetwist.network.listening import ListenHosts
from pipetwist.network.lookups import Lookups
from pipetwist.values.addresses import shown_address
from tests.inbounds.inbound_case import InboundTestCase
from tests.support.certificates import Authority


class TcpTest(InboundTestCase):
    """On a TCP port."""

    in_kernel = True

    def make(self, listen: str = "127.0.0.1", **options: Any) -> TcpInbound:
        """Make the inbound."""
        return TcpInbound(
            TcpInboundOptions(tag="in", listen=listen, listen_port=0, **options), self.context
        )

    def test_listens(self) -> None:
        """It listens on a free port where that is asked for, once, and says which; stopped, it has
        none.
        """
        inbound = self.make()
        self.assertIsNone(inbound.port)
        self.listen(inbound)
        port = inbound.port
        self.successResultOf(inbound.listen())
        self.assertEqual(inbound.port, port)
        client = self.connect(socket.AF_INET, ("127.0.0.1", port))
        (client_info,) = self.relay.clients
        self.assertEqual(
            (client_info.peer, client_info.source, client_info.user),
            (f"127.0.0.1:{client.getsockname()[1]}", "127.0.0.1", None),
        )
        self.successResultOf(inbound.stop_listening())
        self.assertIsNone(inbound.port)
        with socket.socket() as late:
            self.assertRaises(ConnectionRefusedError, late.connect, ("127.0.0.1", port))

    def test_taken(self) -> None:
        """A port that is taken is reported with its address."""
        inbound = self.listen(self.make())
        other = TcpInbound(TcpInboundOptions(tag="other", listen_port=inbound.port), self.context)
        failure = self.failureResultOf(other.listen(), StartError)
        self.assertEqual(
            str(failure.value),
            f"inbound other: can't listen on 127.0.0.1:{inbound.port}: Address already in use",
        )

    def test_version_6(self) -> None:
        """Over an address of version 6 a client's peer has it in brackets."""
        inbound = self.make("::1")
        self.addCleanup(inbound.stop_listening)
        listening = inbound.listen()
        failures: list[Any] = []
        listening.addErrback(failures.append)
        if failures:
            self.assertIn("[::1]:0", str(failures[0].value))
            return
        self.connect(socket.AF_INET6, ("::1", inbound.port))
        self.assertTrue(self.relay.clients[0].peer.startswith("[::1]:"))
        self.assertEqual(self.relay.clients[0].source, "::1")

    def test_both_families(self) -> None:
        """On every address IPv4 comes in as well as IPv6, and is shown by its own address; the name
        of the one is not that of the other.
        """
        inbound = self.make("::")
        try:
            self.listen(inbound)
        except StartError as error:
            raise SkipTest(str(error)) from error
        for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
            client = self.connect(family, (host, inbound.port))
            client_info = self.relay.clients.pop()
            self.assertEqual(
                (client_info.peer, client_info.source),
                (shown_address(host, client.getsockname()[1]), host),
            )

    def test_mapped(self) -> None:
        """An address of IPv4 that is written as one of IPv6 is listened at as what it is."""
        inbound = self.listen(self.make("::ffff:127.0.0.1"))
        self.connect(socket.AF_INET, ("127.0.0.1", inbound.port))
        self.assertEqual(self.relay.clients[0].source, "127.0.0.1")

    def test_name(self) -> None:
        """A name is listened at on each of its addresses, with one port; stopped, on none."""
        inbound = self.listen(self.make_named("127.0.0.2", "127.0.0.3", "192.0.2.1"))
        for host in ("127.0.0.2", "127.0.0.3"):
            self.connect(socket.AF_INET, (host, inbound.port))
        self.assertEqual(
            [client_info.source for client_info in self.relay.clients], ["127.0.0.1", "127.0.0.1"]
        )
        self.assertEqual(
            [line for line in self.said() if line.startswith("warn: ")],
            [
                (
                    "warn: inbound in: relay is also 192.0.2.1, where it can't listen: Cannot "
                    "assign requested address"
                )
            ],
        )
        self.assertIn(
            f"inbound in listens on relay:{inbound.port}",
            [formatEvent(event) for event in self.events],
        )
        port = inbound.port
        self.successResultOf(inbound.stop_listening())
        for host in ("127.0.0.2", "127.0.0.3"):
            with socket.socket() as late:
                self.assertRaises(ConnectionRefusedError, late.connect, (host, port))

    def test_handed_in(self) -> None:
        """It listens with the inherited sockets on its host's addresses; one for every address is
        one for IPv4 too.
        """
        every = self.open(socket.AF_INET6, "::")
        port = every.getsockname()[1]
        self.context = replace(self.context, listeners=ListenerTable([every.fileno()]))
        inbound = TcpInbound(
            TcpInboundOptions(tag="in", listen="::", listen_port=port), self.context
        )
        self.assertEqual(tuple(inbound.inherited), tuple(self.context.listeners.inherited))
        self.listen(inbound)
        for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
            self.connect(family, (host, port))
            self.assertEqual(self.relay.clients.pop().source, host)
        self.assertEqual(
            TcpInbound(
                TcpInboundOptions(tag="in", listen="0.0.0.0", listen_port=port), self.context
            ).inherited,
            (),
        )

    def open(self, family: int, host: str) -> socket.socket:
        """A listening socket of somebody else's."""
        opened = socket.socket(family)
        self.addCleanup(opened.close)
        try:
            if family == socket.AF_INET6:
                opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            opened.bind((host, 0))
        except OSError as error:
            raise SkipTest(str(error)) from error
        opened.listen()
        return opened

    def make_named(self, *addresses: str) -> TcpInbound:
        """Make an inbound of a name that has these addresses."""

        def getaddrinfo(host: str, port: int, **_: object) -> list[Any]:
            return [
                (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))
                for address in addresses
            ]

        self.context = replace(
            self.context, listeners=ListenerTable(hosts=ListenHosts(Lookups(None, getaddrinfo)))
        )
        return self.make("relay")

    def test_twisted(self) -> None:
        """If the kernel does not move the bytes, and over TLS, Twisted listens with sockets that
        were opened in the same way, once.
        """
        real = self.context.kernel
        assert real is not None
        without = KernelContext(real.reactor, real.poller, real.pool, tls=False)
        for kernel, security in ((None, None), (without, self.make_tls())):
            reactor = MemoryReactorClock()
            self.make_named("127.0.0.2", "127.0.0.3")
            options = TcpInboundOptions(tag="in", listen="relay", listen_port=0, tls=security)
            inbound = TcpInbound(options, replace(self.context, reactor=reactor, kernel=kernel))
            for _ in range(2):
                self.successResultOf(inbound.listen())
            self.assertEqual(
                [family for _, family, _ in reactor.adoptedPorts], [socket.AF_INET] * 2
            )
            self.assertEqual(
                formatEvent(self.events[-1]), f"inbound in listens on relay:{inbound.port}"
            )
            self.successResultOf(inbound.stop_listening())
            self.assertIsNone(inbound.port)

    def make_tls(self) -> TlsServerOptions:
        """A certificate."""
        certificate, key = map(str, Authority(self.folder, "authority").issue("server.example"))
        return TlsServerOptions(certificate_path=certificate, key_path=key)

    def test_twisted_fails(self) -> None:
        """Where Twisted can't listen with one of them none is left listening."""
        reactor = MemoryReactorClock()
        context = replace(
            self.make_named("127.0.0.2", "127.0.0.3").context, reactor=reactor, kernel=None
        )
        adopt, stopped = reactor.adoptStreamPort, []

        def refuse(descriptor: int, family: int, factory: Any) -> Any:
            if reactor.adoptedPorts:
                raise CannotListenError(None, 80, OSError(98, "Address already in use"))
            port = adopt(descriptor, family, factory)
            self.patch(port, "stopListening", lambda: stopped.append(port))
            return port

        self.patch(reactor, "adoptStreamPort", refuse)
        failure = self.failureResultOf(
            TcpInbound(
                TcpInboundOptions(tag="in", listen="relay", listen_port=0), context
            ).listen(),
            StartError,
        )
        self.assertEqual(
            str(failure.value), "inbound in: can't listen on port 80: Address already in use"
        )
        self.assertEqual(len(stopped), 1)

    def test_twisted_opens(self) -> None:
        """On a reactor that can't be given sockets it listens on Twisted's endpoints, of either
        version.
        """
        self.patch(tcp_inbound, "takes_sockets", lambda _: False)
        for listen in ("127.0.0.1", "::1"):
            reactor = MemoryReactorClock()
            inbound = TcpInbound(
                TcpInboundOptions(tag="in", listen=listen, listen_port=10080),
                InboundContext(reactor, self.relay),
            )
            self.successResultOf(inbound.listen())
            ((port, _, backlog, interface),) = reactor.tcpServers
            self.assertEqual((port, interface, inbound.port), (10080, listen, 10080))
            self.assertGreater(backlog, 1000)

    def test_twisted_taken(self) -> None:
        """There a port that is taken is reported with its address too."""
        self.patch(tcp_inbound, "takes_sockets", lambda _: False)
        reactor = MemoryReactorClock()

        def refuse(port: int, factory: object, backlog: int = 50, interface: str = "") -> None:
            raise CannotListenError(interface, port, OSError(98, "Address already in use"))

        self.patch(reactor, "listenTCP", refuse)
        inbound = TcpInbound(
            TcpInboundOptions(tag="in", listen_port=10080), InboundContext(reactor, self.relay)
        )
        failure = self.failureResultOf(inbound.listen(), StartError)
        self.assertEqual(
            str(failure.value),
            "inbound in: can't listen on 127.0.0.1:10080: Address already in use",
        )

    def test_bad_certificate(self) -> None:
        """A certificate that can't be used is reported when the inbound is made."""
        tls = TlsServerOptions(certificate_path="/nothing.pem", key_path="/nothing.key")
        error = self.assertRaises(StartError, self.make, tls=tls)
        self.assertEqual(
            str(error),
            "inbound in: tls.certificate_path: /nothing.pem can't be read: No such file or "
            "directory",
        )
        self.assertIsNone(
            self.make(
                tls=TlsServerOptions(
                    enabled=False, certificate_path="/nothing.pem", key_path="/nothing.key"
                )
            )._tls
        )
