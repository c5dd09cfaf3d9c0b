"""Connecting with TLS, over a network in memory."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import ConnectionLost, ConnectionRefusedError  # noqa: A004 - Twisted's name
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.protocol import Factory
from twisted.internet.task import Clock
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.python.failure import Failure
from twisted.test.iosim import IOPump, connectedServerAndClient
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from pipetwist.errors import ConnectError
from pipetwist.outbounds.context import OutboundContext
from pipetwist.outbounds.handshake import connect_tls
from pipetwist.testing import RecordingReceiver
from pipetwist.tls.connector import ConnectorTls
from pipetwist.tls.listener import ListenerTls
from pipetwist.tls.twisted_tls import ClientConnections, ServerConnections
from pipetwist.transfer.keep_alive import KeepAlive
from pipetwist.transfer.stream import StreamSide
from pipetwist.values.tls_options import TlsListenerOptions
from tests.support.certificates import Authority
from tests.support.scratch import scratch_folder


class _Server(Factory):
    """Builds the one side of a server."""

    noisy = False

    def __init__(self, side: StreamSide) -> None:
        self._side = side

    def buildProtocol(self, addr: object) -> Any:
        return self._side


@implementer(IStreamClientEndpoint)
class _Endpoint:
    """Connects a server in memory, as what wrapClientTLS makes connects a real one."""

    def __init__(self, client: Any, server: Any, clock: Clock) -> None:
        self._client, self._server, self._clock = client, server, clock
        self.error: Exception | None = None
        self.pump: IOPump

    def connect(self, factory: Any) -> Deferred[Any]:
        if self.error is not None:
            failed: Deferred[Any] = Deferred()
            failed.errback(Failure(self.error))
            return failed
        wrapped = TLSMemoryBIOFactory(self._client, True, factory, self._clock)
        built: Any = wrapped.buildProtocol(None)
        _, _, self.pump = connectedServerAndClient(
            lambda: self._server.buildProtocol(None), lambda: built, greet=False, clock=self._clock
        )
        return succeed(built.wrappedProtocol)


class ConnectTlsTest(SynchronousTestCase):
    """A side of a TLS connection."""

    def setUp(self) -> None:
        """Make a server, and prepare to connect it."""
        folder = scratch_folder(self)
        self.authority = Authority(folder, "authority")
        certificate, key = self.authority.issue("server.example")
        self.clock = Clock()
        self.server, self.server_receiver = StreamSide(self.clock), RecordingReceiver()
        options = ServerConnections(
            ListenerTls(
                "here", TlsListenerOptions(certificate_path=str(certificate), key_path=str(key))
            )
        )
        self.listening = TLSMemoryBIOFactory(options, False, _Server(self.server), self.clock)

    def connect(
        self, name: str = "server.example", error: Exception | None = None
    ) -> Deferred[Any]:
        """Begin to connect the server, asking for this name."""
        options = ClientConnections(ConnectorTls("here", name, str(self.authority.path)))
        self.endpoint = _Endpoint(options, self.listening, self.clock)
        self.endpoint.error = error
        return connect_tls(self.endpoint, f"{name}:443", OutboundContext(self.clock), KeepAlive())

    def test_connected(self) -> None:
        """It is connected when the handshake is over and not before; then bytes go both ways."""
        connecting = self.connect()
        self.assertNoResult(connecting)
        self.endpoint.pump.flush()
        side, client_receiver = self.successResultOf(connecting), RecordingReceiver()
        for one, receiver in ((side, client_receiver), (self.server, self.server_receiver)):
            one.attach(receiver)
            one.resume_reading()
        side.write(b"question")
        self.server.write(b"answer")
        self.endpoint.pump.flush()
        self.assertEqual(
            (self.server_receiver.data, client_receiver.data), (b"question", b"answer")
        )
        self.server.close()
        self.endpoint.pump.flush()
        self.assertEqual((client_receiver.heard, client_receiver.reason), (["lost"], ""))

    def test_wrong_name(self) -> None:
        """A server of another name can't be connected, and it is said which was asked for."""
        connecting = self.connect("other.example")
        self.endpoint.pump.flush()
        error = self.failureResultOf(connecting, ConnectError).value
        self.assertEqual(
            str(error),
            "other.example:443: TLS: the server's certificate is not of the name that it was "
            "asked for",
        )
        self.assertNotIn("\n", str(error))

    def test_unknown_authority(self) -> None:
        """Nor can one whose certificate another CA has signed."""
        self.authority = Authority(scratch_folder(self), "another")
        connecting = self.connect()
        self.endpoint.pump.flush()
        error = self.failureResultOf(connecting, ConnectError).value
        self.assertEqual(str(error), "server.example:443: TLS: certificate verify failed")

    def test_lost(self) -> None:
        """A server that is lost in the handshake is told so."""
        connecting = self.connect()
        self.endpoint.pump.clientIO.protocol.connectionLost(Failure(ConnectionLost()))
        error = self.failureResultOf(connecting, ConnectError).value
        self.assertEqual(
            str(error), "server.example:443: the connection was lost in the TLS handshake"
        )

    def test_given_up(self) -> None:
        """Given up in the handshake it is aborted."""
        connecting = self.connect()
        connecting.cancel()
        self.failureResultOf(connecting)
        self.assertTrue(self.endpoint.pump.clientIO.disconnecting)

    def test_not_reached(self) -> None:
        """What the endpoint fails with is passed on."""
        self.failureResultOf(self.connect(error=ConnectionRefusedError()), ConnectionRefusedError)
