"""The inbounds themselves: unix, tcp and endpoint."""

from __future__ import annotations

import os
import socket
import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

from OpenSSL import SSL
from OpenSSL.crypto import FILETYPE_PEM, load_certificate
from twisted.internet.address import IPv4Address
from twisted.internet.endpoints import AdoptedStreamServerEndpoint
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IUNIXTransport
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.logger import Logger, LogPublisher, formatEvent
from twisted.trial.unittest import SkipTest, SynchronousTestCase
from zope.interface import alsoProvides
from zope.interface.verify import verifyObject

from pipetwist.connection.client_info import Timeouts
from pipetwist.errors import StartError
from pipetwist.inbounds import credentials, endpoint
from pipetwist.inbounds import tcp as tcp_inbound
from pipetwist.inbounds import unix as unix_inbound
from pipetwist.inbounds.certificate_users import CertificateUserOptions
from pipetwist.inbounds.context import InboundContext
from pipetwist.inbounds.endpoint import EndpointInbound, EndpointInboundOptions
from pipetwist.inbounds.gate import RefusedError
from pipetwist.inbounds.registry import INBOUNDS
from pipetwist.inbounds.tcp import TcpInbound, TcpInboundOptions
from pipetwist.inbounds.unix import UnixInbound, UnixInboundOptions
from pipetwist.inbounds.unix_options import PeerUserOptions
from pipetwist.interfaces import IInbound
from pipetwist.kernel.context import kernel_context
from pipetwist.kinds.inbound_options import TlsServerOptions
from pipetwist.network.listeners import ListenerTable
from pipetwist.network.listening import ListenHosts
from pipetwist.network.lookups import Lookups
from pipetwist.testing import RecordingRelay
from pipetwist.values.addresses import shown_address
from tests.support.certificates import Authority
from tests.support.mailbox import Mailbox
from tests.support.memory_transport import TurningReactor
from tests.support.scratch import scratch_folder


class RegistryTest(SynchronousTestCase):
    """The types there are."""

    def test_types(self) -> None:
        """Each type has a name of its own, and options of its own that say it."""
        names = [kind.Options.__dataclass_fields__["type"].default for kind in INBOUNDS]
        self.assertEqual(names, ["endpoint", "tcp", "udp", "unix", "unixgram"])
        for kind in INBOUNDS:
            self.assertTrue(IInbound.implementedBy(kind))


class _InboundTestCase(SynchronousTestCase):
    """Inbounds on a reactor that turns when the test says so, before a relay that keeps its
    clients.
    """

    in_kernel = False

    def setUp(self) -> None:
        """Prepare what they work with."""
        self.folder = scratch_folder(self)
        self.reactor = TurningReactor()
        self.relay = RecordingRelay()
        self.events: list[dict[str, Any]] = []
        kernel = kernel_context(self.reactor) if self.in_kernel else None
        if kernel is not None:
            self.addCleanup(kernel.close)
        log = Logger("pipetwist", observer=LogPublisher(self.events.append))  # type: ignore[arg-type]  # a list's append observes well
        self.context = InboundContext(self.reactor, self.relay, None, kernel, log)
        self.addCleanup(self.abort)

    def abort(self) -> None:
        """Abort every connection that came in."""
        for _, side in self.relay.handled:
            side.abort()
        self.reactor.advance(0)

    def listen(self, inbound: Any) -> Any:
        """Listen; the test's clean-up stops it."""
        verifyObject(IInbound, inbound)
        self.addCleanup(inbound.stop_listening)
        self.successResultOf(inbound.listen())
        return inbound

    def connect(self, family: int, address: Any) -> socket.socket:
        """Connect a client, and let it in; the test's clean-up closes it."""
        client = socket.socket(family)
        self.addCleanup(client.close)
        client.connect(address)
        client.settimeout(60)
        for _ in range(3):
            self.reactor.turn()
        return client

    def said(self) -> list[str]:
        """What was logged, but for where it listens."""
        said = [f"{event['log_level'].name}: {formatEvent(event)}" for event in self.events]
        return [line for line in said if " listens on " not in line]


class UnixTest(_InboundTestCase):
    """On a unix socket."""

    def make(self, **options: Any) -> UnixInbound:
        """Make the inbound."""
        self.path = str(self.folder / "in.sock")
        return UnixInbound(
            UnixInboundOptions(
                tag="in", path=self.path, idle_timeout=1, half_close_timeout=2, **options
            ),
            self.context,
        )

    def test_listens(self) -> None:
        """It listens once, on a file that nobody else may use, and stops; its clients come in as
        who they are, with its time-outs.
        """
        inbound = self.listen(self.make())
        self.successResultOf(inbound.listen())
        self.assertEqual(stat.S_IMODE(os.lstat(self.path).st_mode), 0o600)
        self.connect(socket.AF_UNIX, self.path)
        (client_info,) = self.relay.clients
        self.assertEqual(
            (client_info.inbound, client_info.source, client_info.user),
            ("in", f"pid:{os.getpid()}", None),
        )
        self.assertEqual(client_info.timeouts, Timeouts(idle=1, half_close=2))
        self.successResultOf(inbound.stop_listening())
        self.assertFalse(Path(self.path).exists())
        self.assertEqual(len(self.relay.handled), 1)
        self.successResultOf(inbound.stop_listening())

    def test_again(self) -> None:
        """Stopped, it can listen again."""
        inbound = self.listen(self.make(mode=0o660))
        inbound.stop_listening()
        self.listen(inbound)
        self.assertEqual(stat.S_IMODE(os.lstat(self.path).st_mode), 0o660)
        self.connect(socket.AF_UNIX, self.path)
        self.assertEqual(len(self.relay.handled), 1)

    def test_users(self) -> None:
        """Who is one of its users comes in as that; nobody else does."""
        self.listen(self.make(users=(PeerUserOptions(name="me", uid=os.getuid()),)))
        self.connect(socket.AF_UNIX, self.path)
        self.assertEqual([client_info.user for client_info in self.relay.clients], ["me"])

    def test_nobody_looks(self) -> None:
        """Where nobody is told who a client is the system is not asked, unless users are known by
        that; a reload may change both.
        """
        asked: list[Any] = []
        asks = credentials.client_info_of

        def noted(*arguments: Any) -> Any:
            if arguments[1] is not None:
                asked.append(arguments[1])
            return asks(*arguments)

        self.patch(credentials, "client_info_of", noted)
        inbound = self.listen(self.make())
        users = (PeerUserOptions(name="me", uid=os.getuid()),)
        for looks, known in ((True, ()), (False, ()), (False, users), (False, ())):
            self.relay.names_clients = looks
            options: Any = inbound.options
            inbound.apply(replace(options, users=known))
            self.connect(socket.AF_UNIX, self.path)
        ours = f"pid:{os.getpid()} uid:{os.getuid()} gid:{os.getgid()}"
        self.assertEqual(
            [client_info.peer for client_info in self.relay.clients], [ours, "unix", ours, "unix"]
        )
        self.assertEqual(len(asked), 2)

    def test_says_where(self) -> None:
        """Where it listens is logged."""
        self.listen(self.make())
        self.assertEqual(
            [formatEvent(event) for event in self.events], [f"inbound in listens on {self.path}"]
        )

    def test_refused(self) -> None:
        """Who is none of them is closed, and logged."""
        self.listen(self.make(users=(PeerUserOptions(name="other", uid=os.getuid() + 1),)))
        client = self.connect(socket.AF_UNIX, self.path)
        self.assertEqual((client.recv(99), self.relay.clients), (b"", []))
        self.assertEqual(
            self.said(),
            [
                (
                    f"warn: inbound in: refused pid:{os.getpid()} uid:{os.getuid()} "
                    f"gid:{os.getgid()}, which is not one of its users"
                )
            ],
        )

    def test_can_not_listen(self) -> None:
        """Where it can't listen it fails with what is wrong."""
        self.listen(self.make())
        failure = self.failureResultOf(self.make().listen(), StartError)
        self.assertIn(f"inbound in: another process listens on {self.path}", str(failure.value))
        failure = self.failureResultOf(self.make(group="none-of-this-name").listen(), StartError)

    def test_no_credentials(self) -> None:
        """Users where the system does not say who a peer is are refused at the start."""
        self.patch(unix_inbound, "PEER_CREDENTIALS", False)
        failure = self.failureResultOf(
            self.make(users=(PeerUserOptions(name="me", uid=0),)).listen(), StartError
        )
        self.assertEqual(
            str(failure.value),
            "inbound in: users: this system does not say who the peer of a unix socket is",
        )

    def test_file_stays(self) -> None:
        """A file that can't be removed at the stop is logged, and it has stopped all the same."""
        inbound = self.listen(self.make())

        def refuse(*_: object, **__: object) -> None:
            raise PermissionError(13, "Permission denied")

        self.patch(os, "rename", refuse)
        self.successResultOf(inbound.stop_listening())
        self.assertEqual(
            self.said(), [f"warn: inbound in: {self.path} can't be removed: Permission denied"]
        )
        with socket.socket(socket.AF_UNIX) as client:
            self.assertRaises(ConnectionRefusedError, client.connect, self.path)

    def test_user_of_nobody(self) -> None:
        """A user without any number could be nobody."""
        self.assertIn("uid or a gid", str(self.assertRaises(ValueError, PeerUserOptions, name="x")))


class KernelUnixTest(UnixTest):
    """The same on a poller."""

    in_kernel = True


class TcpTest(_InboundTestCase):
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
        """A port that is taken is told with its address."""
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
                    "warn: inbound in: relay is 192.0.2.1 as well, where it can't listen: Cannot "
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
        """It listens with the sockets that were handed in at its host's addresses; one for every
        address is one for IPv4 too.
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
        """Where the kernel does not move the bytes, and over TLS, Twisted listens with sockets that
        were opened in the same way, once.
        """
        for kernel, security in ((None, None), (self.context.kernel, self.make_tls())):
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
        """There a port that is taken is told with its address too."""
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
        """A certificate that can't be used is told when the inbound is made."""
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


class _Peer:
    """A TLS transport, as far as it says who the peer is."""

    def __init__(self, certificate: Any) -> None:
        self._certificate = certificate
        # What says whether a session was resumed.
        self._ssl = SSL.Connection(SSL.Context(SSL.TLS_METHOD))._ssl

    def getHandle(self) -> Any:
        """See ISystemHandle."""
        return self

    def get_peer_certificate(self) -> Any:
        """See OpenSSL.SSL.Connection."""
        return self._certificate

    def getPeer(self) -> Any:
        """See ITransport."""
        return None


class CertificateUsersTest(_InboundTestCase):
    """Users who are known by their certificates."""

    def setUp(self) -> None:
        """Make an inbound with users, and certificates."""
        super().setUp()
        self.authority = Authority(self.folder, "authority")
        certificate, key = map(str, self.authority.issue("server.example"))
        tls = TlsServerOptions(
            certificate_path=certificate,
            key_path=key,
            client_certificate_path=str(self.authority.path),
        )
        users = (
            CertificateUserOptions(name="alice", certificate_name="alice's computer"),
            CertificateUserOptions(name="bob", certificate_name="bob's computer"),
        )
        self.inbound = TcpInbound(
            TcpInboundOptions(tag="in", listen_port=0, tls=tls, users=users), self.context
        )

    def transport(self, name: str) -> Any:
        """The transport of a peer whose certificate names that name."""
        certificate, _ = self.authority.issue(name)
        return _Peer(load_certificate(FILETYPE_PEM, certificate.read_bytes()))

    def test_users(self) -> None:
        """A peer is the user of its certificate's name."""
        for name, user in (("alice's computer", "alice"), ("bob's computer", "bob")):
            self.assertEqual(self.inbound._identify(self.transport(name)).user, user)

    def test_refused(self) -> None:
        """Nobody else comes in, and it is said whose certificate it was."""
        error = self.assertRaises(RefusedError, self.inbound._identify, self.transport("carol"))
        self.assertEqual(
            str(error),
            "refused unix, whose certificate names 'carol', which is not one of its users",
        )

    def test_needs_certificates(self) -> None:
        """Users without a CA for their certificates are refused."""
        users = (CertificateUserOptions(name="alice", certificate_name="x"),)
        for tls in (
            None,
            TlsServerOptions(certificate_path="/x", key_path="/y"),
            TlsServerOptions(
                enabled=False, certificate_path="/x", key_path="/y", client_certificate_path="/z"
            ),
        ):
            error = self.assertRaises(
                ValueError, TcpInboundOptions, tag="in", listen_port=0, users=users, tls=tls
            )
            self.assertIn("client_certificate_path", str(error))


class EndpointTest(_InboundTestCase):
    """On an endpoint."""

    def make(self, endpoint: str) -> EndpointInbound:
        """Make the inbound."""
        return EndpointInbound(EndpointInboundOptions(tag="in", endpoint=endpoint), self.context)

    def hand_in(self, path: str) -> int:
        """A listening socket as systemd hands it in: inherited; the number of its descriptor."""
        listening = socket.socket(socket.AF_UNIX)
        listening.bind(path)
        listening.listen()
        os.set_inheritable(listening.fileno(), True)
        return listening.detach()

    def adopt(self, descriptor: int) -> EndpointInbound:
        """An inbound on a socket that was handed in."""
        self.addCleanup(os.close, descriptor)
        self.patch(
            endpoint,
            "serverFromString",
            lambda *_: AdoptedStreamServerEndpoint(self.reactor, descriptor, socket.AF_UNIX),
        )
        return self.make("systemd:domain=UNIX:name=pipe")

    def test_strings(self) -> None:
        """A string that describes nothing is told, and so is a socket that systemd has not handed
        in.
        """
        for text in ("", "nothing:x", "tcp:x"):
            error = self.assertRaises(StartError, self.make, text)
            self.assertTrue(
                str(error).startswith(f"inbound in: {text!r} describes no server endpoint: "),
                str(error),
            )
        error = self.assertRaises(StartError, self.make, "systemd:domain=UNIX:name=pipe")
        self.assertIn("no inherited socket is named", str(error))

    def test_listens(self) -> None:
        """It listens on the endpoint, once."""
        reactor = MemoryReactorClock()
        inbound = EndpointInbound(
            EndpointInboundOptions(tag="in", endpoint="tcp:10080"),
            InboundContext(reactor, self.relay),
        )
        verifyObject(IInbound, inbound)
        for _ in range(2):
            self.successResultOf(inbound.listen())
        self.assertEqual([server[0] for server in reactor.tcpServers], [10080])

    def test_name(self) -> None:
        """A start waits for a name that its endpoint is to listen at, since it is root no longer
        afterwards, and says where it has none.
        """
        reactor = MemoryReactorClock()
        hosts = ListenHosts(
            Lookups(None, lambda *_, **__: [(socket.AF_INET, None, None, None, ("127.0.0.2", 0))])
        )
        context = InboundContext(reactor, self.relay, listeners=ListenerTable(hosts=hosts))
        inbound = EndpointInbound(
            EndpointInboundOptions(tag="in", endpoint="tcp:10080:interface=relay"), context
        )
        inbound.privilegedStartService()
        self.addCleanup(inbound.stopService)
        self.assertEqual([server[3] for server in reactor.tcpServers], ["127.0.0.2"])

        def nowhere(*_: object, **__: object) -> Any:
            raise socket.gaierror(-2, "Name or service not known")

        context = InboundContext(
            reactor, self.relay, listeners=ListenerTable(hosts=ListenHosts(Lookups(None, nowhere)))
        )
        inbound = EndpointInbound(
            EndpointInboundOptions(tag="in", endpoint="tcp:10080:interface=relay"), context
        )
        error = self.assertRaises(StartError, inbound.privilegedStartService)
        self.assertEqual(
            str(error), "inbound in: endpoint: relay is no address: Name or service not known"
        )

    def test_embedded(self) -> None:
        """Where a program gives its context no table of listeners, an endpoint's name is looked up
        for its reactor, without making that wait.
        """

        class ThreadedReactor(Mailbox, MemoryReactorClock):
            """One that threads can talk to."""

            def __init__(self) -> None:
                Mailbox.__init__(self)
                MemoryReactorClock.__init__(self)

        self.patch(
            socket,
            "getaddrinfo",
            lambda *_, **__: [(socket.AF_INET, None, None, None, ("127.0.0.2", 0))],
        )
        reactor = ThreadedReactor()
        inbound = EndpointInbound(
            EndpointInboundOptions(tag="in", endpoint="tcp:10080:interface=relay"),
            InboundContext(reactor, self.relay),
        )
        listening = inbound.listen()
        self.assertNoResult(listening)
        reactor.do_one()
        self.successResultOf(listening)
        self.assertEqual([server[3] for server in reactor.tcpServers], ["127.0.0.2"])

    def test_who_clients_are(self) -> None:
        """A client of a unix socket is known by what the kernel says of it, one of TCP by its
        address, one of neither not at all.
        """
        reactor = MemoryReactorClock()
        inbound = EndpointInbound(
            EndpointInboundOptions(tag="in", endpoint="tcp:10080"),
            InboundContext(reactor, self.relay),
        )
        self.successResultOf(inbound.listen())
        near, far = socket.socketpair()
        self.addCleanup(near.close)
        self.addCleanup(far.close)
        unix = _Peer(None)
        self.patch(unix, "getHandle", lambda: near)
        alsoProvides(unix, IUNIXTransport)
        tcp = StringTransport(peerAddress=IPv4Address("TCP", "10.0.0.1", 80))
        for transport, source in (
            (unix, f"pid:{os.getpid()}"),
            (tcp, "10.0.0.1"),
            (_Peer(None), "unix"),
        ):
            self.assertEqual(inbound._identify(transport).source, source)

    def test_says_where(self) -> None:
        """Where it listens is logged, as Twisted's endpoint knows it."""
        for string, where in (("unix:/in.sock", "/in.sock"), ("tcp:10080", "0.0.0.0:10080")):
            self.events.clear()
            context = InboundContext(MemoryReactorClock(), self.relay, log=self.context.log)
            self.successResultOf(
                EndpointInbound(
                    EndpointInboundOptions(tag="any", endpoint=string), context
                ).listen()
            )
            self.assertEqual(
                [formatEvent(event) for event in self.events], [f"inbound any listens on {where}"]
            )

    def test_handed_in(self) -> None:
        """A unix socket that systemd has handed in is listened on, once, and not inherited by
        commands; its file is systemd's and stays.
        """
        path = str(self.folder / "systemd.sock")
        descriptor = self.hand_in(path)
        inbound = self.listen(self.adopt(descriptor))
        self.successResultOf(inbound.listen())
        self.assertFalse(os.get_inheritable(descriptor))
        self.connect(socket.AF_UNIX, path)
        (client_info,) = self.relay.clients
        self.assertEqual(client_info.source, f"pid:{os.getpid()}")
        self.successResultOf(inbound.stop_listening())
        self.assertTrue(Path(path).exists())

    def test_handed_in_again(self) -> None:
        """Such a socket stays open when the inbound stops: who comes meanwhile waits, and is let in
        when it listens again.
        """
        path = self.folder / "systemd.sock"
        inbound = self.adopt(self.hand_in(str(path)))
        self.successResultOf(inbound.listen())
        inbound.stop_listening()
        client = socket.socket(socket.AF_UNIX)
        self.addCleanup(client.close)
        client.connect(str(path))
        self.listen(inbound)
        self.reactor.turn()
        self.assertEqual(len(self.relay.clients), 1)
