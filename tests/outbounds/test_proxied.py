"""Outbounds that say who the client is before everything else."""

from __future__ import annotations

import socket
from types import SimpleNamespace
from typing import Any

from OpenSSL import SSL
from twisted.internet.defer import Deferred, succeed
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from pipetwist.connection.client_info import ClientInfo
from pipetwist.errors import ConnectError
from pipetwist.interfaces import IClientOutbound, ISide
from pipetwist.kinds.outbound_options import TlsClientOptions
from pipetwist.kinds.proxy_options import ProxiedOutboundOptions
from pipetwist.outbounds import proxied
from pipetwist.outbounds.client_header import ProxyHeaders
from pipetwist.outbounds.proxied import HeadedEndpoint
from pipetwist.outbounds.tcp import TcpOutbound, TcpOutboundOptions
from pipetwist.outbounds.unix import UnixOutbound, UnixOutboundOptions
from pipetwist.outbounds.vsock import VsockOutbound, VsockOutboundOptions
from pipetwist.proxy_protocol.header import Header
from pipetwist.proxy_protocol.machine import HeaderMachine
from pipetwist.testing import FakeSide, RecordingReceiver
from tests.outbounds.socket_case import SocketTestCase
from tests.support.memory_transport import MemoryTransport
from tests.support.scratch import scratch_folder
from tests.support.shared_certificates import AUTHORITY, CLIENT, SERVER, SERVER_NAME
from tests.support.tls_peer import TlsSocket
from tests.support.vsock import pretend_vsock

_NAMED = ClientInfo(
    "in",
    "192.0.2.1:47",
    "192.0.2.1",
    None,
    address=("192.0.2.1", 47),
    destination=("192.0.2.2", 80),
)
_LINE = b"PROXY TCP4 192.0.2.1 192.0.2.2 47 80\r\n"


def _client(client_info: ClientInfo = _NAMED, side: Any = None) -> Any:
    return SimpleNamespace(number=17, client_info=client_info, side=side or FakeSide())


def _read(sent: bytes) -> tuple[Header, bytes]:
    """A header, and what follows it."""
    machine = HeaderMachine()
    taken = machine.take(sent)
    assert machine.header is not None, sent
    return machine.header, sent[taken:]


class HeadersTest(SynchronousTestCase):
    """What is said of a client."""

    def make(self, version: Any, client: Any, *, tlvs: bool = False) -> Header:
        """Make a header, and read it."""
        options = ProxiedOutboundOptions(proxy_protocol=version, proxy_protocol_tlvs=tlvs)
        header, rest = _read(ProxyHeaders(options).of(client))
        self.assertEqual((header.version, rest), (version, b""))
        return header

    def test_addresses(self) -> None:
        """They are those that its proxy has named, or those of its socket; one that has none is the
        relay's own connection.
        """
        with socket.create_server(("127.0.0.1", 0)) as server:
            far = socket.create_connection(server.getsockname())
            near = server.accept()[0]
        self.addCleanup(far.close)
        self.addCleanup(near.close)
        side = SimpleNamespace(peer_socket=near)
        plain = _NAMED._replace(destination=None)
        for version in (1, 2):
            for client, destination in (
                (_client(), ("192.0.2.2", 80)),
                (_client(plain, side), near.getsockname()),
                (_client(plain), ("0.0.0.0", 0)),
            ):
                header = self.make(version, client)
                self.assertEqual(
                    (header.source, header.destination), (("192.0.2.1", 47), destination)
                )
            six = ClientInfo("in", "[::2]:4", "::2", None, address=("::2", 4))
            self.assertEqual(self.make(version, _client(six))[1:3], (("::2", 4), ("::", 0)))
            unix = ClientInfo("in", "pid:1 uid:2 gid:3", "pid:1")
            self.assertEqual(self.make(version, _client(unix))[1:3], (None, None))

    def test_unasked(self) -> None:
        """Nothing else is said unasked."""
        self.assertEqual(self.make(2, _client(_NAMED._replace(user="alice"))).tlvs, ())

    def test_tlvs(self) -> None:
        """Where that is asked for, the user's name and the connection's number are, one that is no
        other's of another run.
        """
        header = self.make(2, _client(_NAMED._replace(user="älice")), tlvs=True)
        found = dict(header.tlvs)
        self.assertEqual((set(found), found[0xE0].decode()), ({5, 0xE0}, "älice"))
        self.assertRegex(found[5], rb"^[0-9a-f]{8}-17$")
        self.assertEqual(set(dict(self.make(2, _client(), tlvs=True).tlvs)), {5})
        unix = ClientInfo("in", "pid:1 uid:2 gid:3", "pid:1", "bob")
        self.assertEqual(set(self._local(_client(unix))), {5, 0xE0})

    def _local(self, client: Any) -> set[int]:
        options = ProxiedOutboundOptions(proxy_protocol=2, proxy_protocol_tlvs=True)
        sent = ProxyHeaders(options).of(client)
        found, at = set(), 16
        while at < len(sent):
            found.add(sent[at])
            at += 3 + int.from_bytes(sent[at + 1 : at + 3], "big")
        return found

    def test_tls(self) -> None:
        """Of a client with TLS the version is, and the name in its certificate."""
        for shown, flags, name in ((True, 7, b"\x22\0\x10alice's computer"), (False, 1, b"")):
            near, far = socket.socketpair()
            self.addCleanup(near.close)
            self.addCleanup(far.close)
            tls = _handshake(near, far, asks=shown)
            header = self.make(2, _client(side=SimpleNamespace(peer_tls=tls)), tlvs=True)
            value = dict(header.tlvs)[0x20]
            self.assertEqual((value[0], value[1:5]), (flags, bytes(3) + bytes([not shown])))
            self.assertEqual(value[5:], b"\x21\0\7TLSv1.3" + name)

    def test_options(self) -> None:
        """Version 1 has no room for them."""
        error = self.assertRaises(
            ValueError, ProxiedOutboundOptions, proxy_protocol=1, proxy_protocol_tlvs=True
        )
        self.assertIn('needs "proxy_protocol": 2', str(error))


def _handshake(near: socket.socket, far: socket.socket, *, asks: bool) -> SSL.Connection:
    """The server's end of a TLS connection, whose client has shown a certificate if it was asked
    for one.
    """
    contexts = []
    for certificate, key in (SERVER, CLIENT):
        context = SSL.Context(SSL.TLS_METHOD)
        context.use_certificate_chain_file(certificate)
        context.use_privatekey_file(key)
        contexts.append(context)
    if asks:
        contexts[0].load_verify_locations(AUTHORITY)
        contexts[0].set_verify(SSL.VERIFY_PEER)
    ends = []
    for context, connected in zip(contexts, (near, far), strict=True):
        connected.setblocking(False)
        ends.append(SSL.Connection(context, connected))
    ends[0].set_accept_state()
    ends[1].set_connect_state()
    left = list(ends)
    while left:
        for end in list(left):
            try:
                end.do_handshake()
            except SSL.WantReadError:
                continue
            left.remove(end)
    return ends[0]


class SocketsTest(SocketTestCase):
    """The outbounds to sockets."""

    in_kernel = True

    def begins(self, outbound: Any, listening: socket.socket, client: Any = None) -> bytes:
        """What the server gets first; what the client's bytes are comes after it, uncounted."""
        verifyObject(IClientOutbound, outbound)
        connecting = outbound.connect() if client is None else outbound.connect_as(client)
        side = self.side(connecting)
        accepted, _ = listening.accept()
        with accepted:
            self.assertEqual(side.delivered, 0)
            side.attach(RecordingReceiver())
            side.write(b"hello")
            for _ in range(3):
                self.reactor.turn()
            self.assertEqual(side.delivered, 5)
            accepted.settimeout(60)
            sent = accepted.recv(999)
        self.assertTrue(sent.endswith(b"hello"))
        return sent[:-5]

    def unix(self, **options: Any) -> UnixOutbound:
        """One to a unix socket."""
        self.path = str(scratch_folder(self) / "out.sock")
        return UnixOutbound(UnixOutboundOptions(tag="out", path=self.path, **options), self.context)

    def test_unix(self) -> None:
        """To a unix socket, in both versions, and with nobody who is known."""
        outbound = self.unix(proxy_protocol=1)
        listening = self.listen(socket.AF_UNIX, self.path)
        self.assertEqual(self.begins(outbound, listening, _client()), _LINE)
        self.assertEqual(self.begins(outbound, listening), b"PROXY UNKNOWN\r\n")
        outbound = self.unix(proxy_protocol=2)
        listening = self.listen(socket.AF_UNIX, self.path)
        header, rest = _read(self.begins(outbound, listening, _client()))
        self.assertEqual((header.source, rest), (("192.0.2.1", 47), b""))

    def test_not_configured(self) -> None:
        """Where that is not asked for, the client is not either."""
        self.assertIsNone(self.unix().connect_as)

    def test_vsock(self) -> None:
        """To a port of vsock."""
        pretend_vsock(self)
        listening = self.listen(socket.AF_INET, ("127.0.0.1", 0))
        options = VsockOutboundOptions(
            tag="out", cid=1, port=listening.getsockname()[1], proxy_protocol=1
        )
        outbound = VsockOutbound(options, self.context)
        self.assertEqual(self.begins(outbound, listening, _client()), _LINE)

    def test_no_room(self) -> None:
        """Where it can't be sent whole, the connection has failed."""

        def send(*_: object) -> None:
            raise OSError(0, "there is no room for it")

        outbound = self.unix(proxy_protocol=1)
        self.listen(socket.AF_UNIX, self.path)
        self.patch(proxied, "_send", send)
        error = self.assertRaises(ConnectError, outbound.connect)
        self.assertEqual(
            str(error),
            f"{self.path}: the PROXY header can't be sent: there is no room for it",
        )

    def test_unix_tls(self) -> None:
        """Before TLS, to a unix socket."""
        tls = TlsClientOptions(enabled=True, server_name=SERVER_NAME, certificate_path=AUTHORITY)
        outbound = self.unix(proxy_protocol=1, tls=tls)
        self.shakes_hands(outbound, self.listen(socket.AF_UNIX, self.path))

    def shakes_hands(self, outbound: Any, listening: socket.socket) -> None:
        """The header comes before TLS, and the client's bytes in it."""
        connecting: Deferred[ISide] = outbound.connect_as(_client())
        accepted, _ = listening.accept()
        self.addCleanup(accepted.close)
        accepted.settimeout(60)
        self.assertEqual(accepted.recv(len(_LINE)), _LINE)
        tls = TlsSocket(accepted, server=True)
        for _ in range(20):
            tls.shake_hands()
            self.reactor.turn()
        self.successResultOf(connecting).abort()


class TcpTest(SocketsTest):
    """The outbound to a TCP port, in the kernel's way."""

    def make(self, listening: socket.socket, **options: Any) -> TcpOutbound:
        """Make it."""
        port = listening.getsockname()[1]
        options = {"tag": "out", "server": "127.0.0.1", "server_port": port, **options}
        return TcpOutbound(TcpOutboundOptions(**options), self.context)

    def test_tcp(self) -> None:
        """To a port."""
        listening = self.listen(socket.AF_INET, ("127.0.0.1", 0))
        outbound = self.make(listening, proxy_protocol=1)
        self.assertEqual(self.begins(outbound, listening, _client()), _LINE)
        self.assertEqual(self.begins(outbound, listening), b"PROXY UNKNOWN\r\n")

    def test_tcp_tls(self) -> None:
        """Before TLS, to a port."""
        listening = self.listen(socket.AF_INET, ("127.0.0.1", 0))
        tls = TlsClientOptions(enabled=True, server_name=SERVER_NAME, certificate_path=AUTHORITY)
        self.shakes_hands(self.make(listening, proxy_protocol=1, tls=tls), listening)


class StreamTest(SocketsTest):
    """The same on Twisted's transports."""

    in_kernel = False


class EndpointTest(SynchronousTestCase):
    """Endpoints of Twisted's whose transports have no socket."""

    def test_first(self) -> None:
        """The header is the first that is written, and the protocol is told of its connection."""
        made: list[Any] = []

        class Protocol:
            def makeConnection(self, transport: Any) -> None:
                transport.write(b"hello")

        class Endpoint:
            def connect(self, factory: Any) -> Deferred[Any]:
                protocol = factory.buildProtocol(None)
                made.append(MemoryTransport(protocol))
                return succeed(protocol)

        factory: Any = SimpleNamespace(buildProtocol=lambda _: Protocol(), noisy=False)
        self.successResultOf(HeadedEndpoint(Endpoint(), _LINE).connect(factory))
        made[0].take()
        self.assertEqual(made[0].taken, _LINE + b"hello")
