"""Inbounds with TLS whose clients come by proxies: the header comes first."""

from __future__ import annotations

import socket
import ssl
from dataclasses import replace
from typing import Any

from twisted.internet.interfaces import IReactorSocket
from zope.interface import alsoProvides

from pipetwist.inbounds.tcp import TcpInbound, TcpInboundOptions
from pipetwist.kinds.inbound_options import TlsServerOptions
from pipetwist.kinds.user_options import UserOptions
from pipetwist.testing import RecordingReceiver
from tests.inbounds import test_proxied
from tests.inbounds.inbound_case import InboundTestCase
from tests.proxy_protocol.headers import block
from tests.support.shared_certificates import (
    AUTHORITY,
    CLIENT_NAME,
    SERVER,
    SERVER_NAME,
    client_context,
)
from tests.support.tls_peer import TlsSocket

_LINE = b"PROXY TCP4 192.0.2.1 192.0.2.2 47 80\r\n"
_LOCAL = block(0x20, 0, b"")
_TLS = TlsServerOptions(certificate_path=SERVER[0], key_path=SERVER[1])


class TlsTest(test_proxied.RefusalTest):
    """On a unix socket with TLS."""

    def make(self, **options: Any) -> Any:
        """Make the inbound."""
        return super().make(tls=_TLS, **options)

    def test_named(self) -> None:
        """The header comes before TLS, and the client is whom it names; its bytes are those inside
        of TLS.
        """
        inbound = self.listen(self.make())
        client = self.connect(self.family, self.address(inbound))
        client.sendall(_LINE[:20])
        self.turn()
        client.sendall(_LINE[20:])
        tls = TlsSocket(client, server=False)
        for _ in range(20):
            tls.shake_hands()
            self.turn()
        (client_info,) = self.relay.clients
        self.assertEqual(client_info[:4], ("in", "192.0.2.1:47", "192.0.2.1", None))
        tls.send(memoryview(b"hello"))
        side = self.relay.handled[-1][1]
        receiver = RecordingReceiver()
        side.attach(receiver)
        side.resume_reading()
        self.turn()
        self.assertEqual(receiver.data, b"hello")
        self.assertEqual((inbound.tls_handshakes, self.said()), (1, []))

    def test_failed(self) -> None:
        """A handshake that fails is that of the client that the header names."""
        inbound = self.listen(self.make())
        self.come(inbound, _LINE + b"GET / HTTP/1.1\r\n\r\n")
        (line,) = self.said()
        self.assertRegex(line, r"the TLS handshake with 192\.0\.2\.1:47 failed: ")

    def test_nobody_named(self) -> None:
        """With LOCAL the client is the peer."""
        inbound = self.listen(self.make())
        client = self.connect(self.family, self.address(inbound))
        client.sendall(_LOCAL)
        tls = TlsSocket(client, server=False)
        for _ in range(20):
            tls.shake_hands()
            self.turn()
        self.assertRegex(self.relay.clients[0].peer, f"^{self.peer}$")
        self.assertEqual(inbound.tls_handshakes, 1)


class CertificateTest(InboundTestCase):
    """Users by certificate."""

    in_kernel = True

    def test_certificate(self) -> None:
        """A certificate that may be the proxy's makes nobody a user whom a header names; where it
        names nobody it is the peer's.
        """
        alsoProvides(self.reactor, IReactorSocket)
        tls = replace(_TLS, client_certificate_path=AUTHORITY)
        users = (UserOptions(name="proxy", certificate_name=CLIENT_NAME),)
        options = TcpInboundOptions(
            tag="in", listen_port=0, proxy_protocol=True, tls=tls, users=users
        )
        inbound = self.listen(TcpInbound(options, self.context))
        for sent in (_LINE, _LOCAL):
            client = self.connect(socket.AF_INET, ("127.0.0.1", inbound.port))
            client.sendall(sent)
            client.setblocking(False)
            secure = client_context().wrap_socket(
                client, server_hostname=SERVER_NAME, do_handshake_on_connect=False
            )
            self.addCleanup(secure.close)
            self.shake_hands(secure)
        self.assertEqual([one.user for one in self.relay.clients], ["proxy"])
        self.assertEqual(
            self.said(), ["warn: inbound in: refused 192.0.2.1:47, which is not one of its users"]
        )

    def shake_hands(self, secure: ssl.SSLSocket) -> None:
        """Complete a handshake."""
        for _ in range(20):
            self.reactor.turn()
            self.reactor.advance(0)
            try:
                secure.do_handshake()
            except ssl.SSLWantReadError:
                continue


class CertificateStreamTest(CertificateTest):
    """The same on Twisted's transports."""

    in_kernel = False


class TlsStreamTest(TlsTest):
    """The same on Twisted's transports."""

    in_kernel = False


class TcpTlsTest(TlsTest):
    """On a TCP port with TLS."""

    family = socket.AF_INET
    strangers = ("unix", "vsock")
    peer = r"127\.0\.0\.1:\d+"

    def make(self, **options: Any) -> Any:
        """Make the inbound."""
        options = {"tag": "in", "listen_port": 0, "proxy_protocol": True, "tls": _TLS, **options}
        return TcpInbound(TcpInboundOptions(**options), self.context)

    def address(self, inbound: Any) -> Any:
        """Where it listens."""
        return "127.0.0.1", inbound.port


class TcpTlsStreamTest(TcpTlsTest):
    """The same on Twisted's transports."""

    in_kernel = False
