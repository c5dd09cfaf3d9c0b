"""Inbounds with TLS whose clients come by proxies: the header comes first."""

from __future__ import annotations

import socket
from typing import Any

from pipetwist.inbounds.tcp import TcpInbound, TcpInboundOptions
from pipetwist.kinds.inbound_options import TlsServerOptions
from pipetwist.testing import RecordingReceiver
from tests.inbounds import test_proxied
from tests.proxy_protocol.headers import block
from tests.support.shared_certificates import SERVER
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
