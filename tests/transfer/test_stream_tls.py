"""Sides that speak TLS with each other, over a network in memory."""

from __future__ import annotations

from typing import Any

from twisted.internet.protocol import Factory
from twisted.internet.task import Clock
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.test.iosim import IOPump, connectedServerAndClient
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.stats.counting import CountingProtocol
from pipetwist.testing import RecordingReceiver, RecordingTracker
from pipetwist.tls.connector import ConnectorTls
from pipetwist.tls.listener import ListenerTls
from pipetwist.tls.twisted_tls import ClientConnections, ServerConnections
from pipetwist.transfer.lingering import LINGER_SECONDS
from pipetwist.transfer.stream import StreamSide
from pipetwist.values.tls_options import TlsListenerOptions
from tests.support.certificates import Authority
from tests.support.scratch import scratch_folder


class _One(Factory):
    """Builds the one protocol that it was given."""

    noisy = False

    def __init__(self, protocol: Any) -> None:
        self._protocol = protocol

    def buildProtocol(self, addr: object) -> Any:
        return self._protocol


class TlsTest(SynchronousTestCase):
    """A client's and a server's side."""

    def setUp(self) -> None:
        """Make certificates."""
        folder = scratch_folder(self)
        self.authority = Authority(folder, "authority")
        certificate, key = self.authority.issue("server.example")
        self.server_options = ServerConnections(
            ListenerTls(
                "here", TlsListenerOptions(certificate_path=str(certificate), key_path=str(key))
            )
        )
        self.clock = Clock()
        self.client, self.server = StreamSide(self.clock), StreamSide(self.clock)
        self.client_receiver, self.server_receiver = RecordingReceiver(), RecordingReceiver()

    def connect(self, name: str = "server.example", server: Any = None) -> None:
        """Connect the two, the client asking for this name; both sides are attached and read."""
        options = ClientConnections(ConnectorTls("here", name, str(self.authority.path)))
        client_factory = TLSMemoryBIOFactory(options, True, _One(self.client), self.clock)
        server_factory = TLSMemoryBIOFactory(
            self.server_options, False, _One(server or self.server), self.clock
        )
        self.pump: IOPump
        _, _, self.pump = connectedServerAndClient(
            lambda: server_factory.buildProtocol(None),
            lambda: client_factory.buildProtocol(None),
            greet=False,
            clock=self.clock,
        )
        for side, receiver in (
            (self.client, self.client_receiver),
            (self.server, self.server_receiver),
        ):
            side.attach(receiver)
            side.resume_reading()
        self.pump.flush()

    def test_both_ways(self) -> None:
        """Bytes go both ways, and count as delivered when the transport takes them."""
        self.connect()
        self.client.write(b"question")
        self.server.write(b"answer")
        self.pump.flush()
        self.assertEqual(
            (self.server_receiver.data, self.client_receiver.data), (b"question", b"answer")
        )
        self.assertEqual((self.client.delivered, self.server.delivered), (8, 6))

    def test_counted(self) -> None:
        """A counting wrapper counts the bytes and not what TLS makes of them."""
        tracker = RecordingTracker()
        self.connect(server=CountingProtocol(None, self.server, tracker))
        self.client.write(b"question")
        self.server.write(b"answer")
        self.pump.flush()
        self.assertEqual((tracker.up, tracker.down), (8, 6))
        self.assertEqual((self.server.received, self.server.delivered), (8, 6))

    def test_write_eof(self) -> None:
        """The peer gets everything, then the end of the connection: TLS in Twisted has no
        half-close.
        """
        self.connect()
        self.client.write(b"x" * 100_000)
        self.client.write_eof()
        self.pump.flush()
        self.assertEqual(
            (
                len(self.server_receiver.data),
                self.server_receiver.heard,
                self.server_receiver.reason,
            ),
            (100_000, ["lost"], ""),
        )

    def test_reading_goes_on(self) -> None:
        """After its own end a side still reads what was under way."""
        self.connect()
        self.server.write(b"under way")
        self.clock.advance(0)
        self.client.write_eof()
        self.pump.flush()
        self.assertEqual(self.client_receiver.data, b"under way")

    def test_close(self) -> None:
        """A side that closes has everything delivered, and both are lost in order."""
        self.connect()
        self.server.write(b"answer")
        self.server.close()
        self.pump.flush()
        self.assertEqual(
            (self.client_receiver.data, self.client_receiver.heard, self.client_receiver.reason),
            (b"answer", ["lost"], ""),
        )
        self.assertEqual((self.server_receiver.heard, self.server_receiver.reason), (["lost"], ""))

    def test_close_unanswered(self) -> None:
        """A peer that does not answer the end is waited for a moment; what is under way to it still
        gets there.
        """
        self.connect()
        self.server.write(b"answer")
        self.server.close()
        self.clock.advance(LINGER_SECONDS - 0.1)
        self.assertFalse(self.pump.serverIO.disconnecting)
        self.clock.advance(0.1)
        self.assertTrue(self.pump.serverIO.disconnecting)
        self.pump.flush()
        self.assertEqual(
            (self.client_receiver.data, self.client_receiver.heard[-1]), (b"answer", "lost")
        )

    def test_close_before_the_handshake_is_over(self) -> None:
        """What is written before the handshake is over is delivered after it."""
        options = ClientConnections(
            ConnectorTls("here", "server.example", str(self.authority.path))
        )
        client_factory = TLSMemoryBIOFactory(options, True, _One(self.client), self.clock)
        server_factory = TLSMemoryBIOFactory(
            self.server_options, False, _One(self.server), self.clock
        )
        _, _, pump = connectedServerAndClient(
            lambda: server_factory.buildProtocol(None),
            lambda: client_factory.buildProtocol(None),
            greet=False,
            clock=self.clock,
        )
        self.client.attach(self.client_receiver)
        self.server.attach(self.server_receiver)
        self.server.resume_reading()
        self.client.write(b"early")
        self.client.close()
        pump.flush()
        self.assertEqual(
            (self.server_receiver.data, self.server_receiver.heard), (b"early", ["lost"])
        )

    def test_abort(self) -> None:
        """An aborted side is lost, and so is its peer's."""
        self.connect()
        self.client.abort()
        self.pump.flush()
        self.assertEqual((self.client_receiver.heard, self.client_receiver.reason), (["lost"], ""))
        self.assertEqual(self.server_receiver.heard, ["lost"])

    def test_wrong_name(self) -> None:
        """A server of another name is not spoken with, and the cause says so."""
        self.connect(name="other.example")
        self.client.write(b"secret")
        self.pump.flush()
        self.assertEqual((self.server_receiver.data, self.client_receiver.heard), (b"", ["lost"]))
        self.assertEqual(
            self.client_receiver.reason,
            "TLS: the server's certificate is not of the name that it was asked for",
        )

    def test_unknown_authority(self) -> None:
        """A server whose certificate another CA has signed is not spoken with, and both sides say
        what is wrong.
        """
        self.authority = Authority(scratch_folder(self), "another")
        self.connect()
        self.client.write(b"secret")
        self.pump.flush()
        self.assertEqual((self.server_receiver.data, self.client_receiver.heard), (b"", ["lost"]))
        self.assertIn("certificate verify failed", str(self.client_receiver.reason))
