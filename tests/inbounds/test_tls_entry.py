"""Accepted sockets whose clients have a TLS handshake first."""

from __future__ import annotations

import os
import socket
from typing import Any

from OpenSSL import SSL
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.logger import Logger, LogPublisher, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.connection.cause import Cause
from pipetwist.connection.client_info import ClientInfo
from pipetwist.errors import StartError
from pipetwist.inbounds.context import InboundContext
from pipetwist.inbounds.gate import Gate
from pipetwist.inbounds.tls_entry import TlsEntry
from pipetwist.inbounds.unix import UnixInbound, UnixInboundOptions
from pipetwist.kinds.inbound_options import TlsServerOptions
from pipetwist.testing import RecordingRelay
from pipetwist.tls.connector import ConnectorTls
from pipetwist.tls.listener import ListenerTls
from tests.inbounds.inbound import NoInbound
from tests.support.certificates import Authority
from tests.support.scratch import scratch_folder


class _Transport(StringTransport):
    """A transport in memory."""

    def setTcpNoDelay(self, enabled: bool) -> None:
        pass


class _Reactor(Clock):
    """Adopts sockets as transports in memory."""

    def __init__(self) -> None:
        super().__init__()
        self.adopted: list[tuple[Any, StringTransport]] = []
        self.error: OSError | None = None

    def adoptStreamConnection(self, fileDescriptor: int, addressFamily: int, factory: Any) -> None:
        if self.error is not None:
            raise self.error
        os.fstat(fileDescriptor)
        protocol, transport = factory.buildProtocol(None), _Transport()
        self.adopted.append((protocol, transport))
        protocol.makeConnection(transport)

    def addReader(self, reader: object) -> None:
        pass

    def removeReader(self, reader: object) -> None:
        pass


class _TlsCase(SynchronousTestCase):
    """A CA, a certificate, and what an inbound works with."""

    def setUp(self) -> None:
        """Make them."""
        self.folder = scratch_folder(self)
        self.authority = Authority(self.folder, "authority")
        certificate, key = map(str, self.authority.issue("server.example"))
        self.tls = TlsServerOptions(certificate_path=certificate, key_path=key)
        self.reactor = _Reactor()
        self.relay = RecordingRelay()
        self.events: list[dict[str, Any]] = []
        log = Logger("pipetwist", observer=LogPublisher(self.events.append))  # type: ignore[arg-type]  # a list's append observes well
        self.context = InboundContext(self.reactor, self.relay, log=log)


class EntryTest(_TlsCase):
    """One accepted socket."""

    def setUp(self) -> None:
        """Make an entry, and a pair of sockets, one of which was accepted."""
        super().setUp()
        self.accepted, client = socket.socketpair()
        self.addCleanup(client.close)
        gate = Gate(NoInbound(self.context), lambda _: ClientInfo("in", "peer", "peer"))
        self.entry = TlsEntry(gate, self.context, ListenerTls("inbound in", self.tls))

    def test_handshake(self) -> None:
        """Its client is admitted once the handshake is complete, and not before; the socket is the
        reactor's.
        """
        self.entry.accepted(self.accepted)
        self.assertEqual(self.accepted.fileno(), -1)
        ((protocol, transport),) = self.reactor.adopted
        path = str(self.authority.path)
        client = ConnectorTls("outbound out", "server.example", path).connection()
        for _ in range(5):
            self.assertEqual(self.relay.handled, [])
            try:
                client.do_handshake()
            except SSL.WantReadError:
                protocol.dataReceived(client.bio_read(2**16))
                client.bio_write(transport.value())
                transport.clear()
            else:
                break
        protocol.dataReceived(client.bio_read(2**16))
        self.assertEqual(len(self.relay.handled), 1)

    def test_stop(self) -> None:
        """One whose handshake is not complete is aborted with the inbound."""
        self.entry.accepted(self.accepted)
        ((_, transport),) = self.reactor.adopted
        self.assertFalse(transport.disconnecting)
        self.entry.stop()
        self.assertTrue(transport.disconnecting)

    def test_no_descriptor(self) -> None:
        """One for which there is no descriptor is closed and counted, and the log says why."""
        self.reactor.error = OSError(24, "Too many open files")
        self.entry.accepted(self.accepted)
        self.assertEqual(self.accepted.fileno(), -1)
        self.assertEqual(self.relay.rejections, [("in", Cause.INTERNAL)])
        self.assertEqual(
            [formatEvent(event) for event in self.events],
            ["inbound in: a client can't be served: Too many open files"],
        )


class UnixTest(_TlsCase):
    """An inbound on a unix socket."""

    def options(self, **options: Any) -> UnixInboundOptions:
        """Its options."""
        return UnixInboundOptions(tag="in", path=str(self.folder / "in"), **options)

    def test_reload(self) -> None:
        """Other certificates are shown without a moment's rest; TLS that comes or goes has it
        listen anew; where a certificate can't be used nothing changes, the file's mode included.
        """
        options = self.options(tls=self.tls)
        inbound = UnixInbound(options, self.context)
        self.successResultOf(inbound.listen())
        self.addCleanup(inbound.stop_listening)
        self.assertFalse(options.can_become(self.options()))
        before = inbound._tls and inbound._tls.context
        missing = TlsServerOptions(certificate_path="/nothing", key_path="/nothing")
        bad = self.options(tls=missing, mode=0o666)
        self.assertTrue(options.can_become(bad))
        self.assertRaises(StartError, inbound.apply, bad)
        self.assertEqual((self.folder / "in").stat().st_mode & 0o777, 0o600)
        self.authority.issue("server.example")
        take_back = inbound.apply(options)
        self.assertIsNot(inbound._tls and inbound._tls.context, before)
        take_back()
        self.assertIs(inbound._tls and inbound._tls.context, before)
