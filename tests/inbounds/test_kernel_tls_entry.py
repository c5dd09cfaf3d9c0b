"""Sockets that speak TLS on their way in: they come to the gate when the handshake is complete."""

from __future__ import annotations

import contextlib
import socket
from typing import Any

from twisted.logger import LogEvent, Logger, formatEvent

from pipetwist.connection.cause import Cause
from pipetwist.connection.client_info import ClientInfo
from pipetwist.inbounds.context import InboundContext
from pipetwist.inbounds.gate import Gate, RefusedError
from pipetwist.inbounds.handshake import HANDSHAKE_SECONDS
from pipetwist.inbounds.kernel_tls_entry import KernelTlsEntry, TlsClient
from pipetwist.kernel.tls_side import TlsSide
from pipetwist.testing import RecordingReceiver, RecordingRelay
from pipetwist.tls.listener import ListenerTls
from pipetwist.values.tls_options import TlsListenerOptions
from tests.inbounds.inbound import NoInbound
from tests.support.hello_client import HelloClient, cut
from tests.support.loop import KernelCase, take_all
from tests.support.shared_certificates import SERVER
from tests.support.tls_peer import TlsSocket

_CLIENT = ClientInfo("in", "192.0.2.7:4711", "192.0.2.7")


class KernelTlsEntryTest(KernelCase):
    """One client after the other."""

    def setUp(self) -> None:
        """Make an entry."""
        super().setUp()
        self.relay = RecordingRelay()
        self.events: list[LogEvent] = []
        observer: Any = self.events.append
        log = Logger("test", observer=observer)
        context = InboundContext(self.loop, self.relay, kernel=self.kernel, log=log)
        self.client: ClientInfo | Exception = _CLIENT
        self.gate = Gate(NoInbound(context), self.identify)
        certificate, key = SERVER
        options = TlsListenerOptions(certificate_path=certificate, key_path=key)
        tls = ListenerTls("inbound in", options)
        self.entry = KernelTlsEntry(self.gate, context, self.kernel, tls)
        self.addCleanup(self.entry.stop)

    def identify(self, client: TlsClient) -> ClientInfo:
        """Say who it is, as the test wishes."""
        self.assertEqual(client.tls.get_servername(), None)
        if isinstance(self.client, Exception):
            raise self.client
        return self.client

    def connect(self) -> TlsSocket:
        """Have a client accepted."""
        near, far = self.pair(socket.AF_INET)
        self.entry.accepted(near)
        return TlsSocket(far, server=False)

    def said(self) -> list[str]:
        """What was logged, without ports."""
        return [formatEvent(event) for event in self.events]

    def test_let_in(self) -> None:
        """A client is let in when its handshake is complete, and its bytes are those inside of
        TLS.
        """
        client = self.connect()
        self.assertEqual((self.relay.handled, len(self.entry.entering)), ([], 1))
        self.assertEqual(repr(self.entry), "<KernelTlsEntry of in: 1 entering>")
        self.loop.until(client.shake_hands, "the handshake")
        self.loop.until(lambda: self.relay.handled, "the client to be let in")
        ((_, side),) = self.relay.handled
        self.assertIsInstance(side, TlsSide)
        self.addCleanup(side.abort)
        receiver = RecordingReceiver()
        side.attach(receiver)
        side.resume_reading()
        client.send(memoryview(b"hello"))
        self.loop.until(lambda: receiver.data, "what it says")
        self.assertEqual((receiver.data, self.said(), len(self.entry.entering)), (b"hello", [], 0))

    def test_silent(self) -> None:
        """One that says nothing is closed after some time, which is logged and counted."""
        client = self.connect()
        self.loop.settle()
        self.loop.advance(HANDSHAKE_SECONDS - 0.1)
        self.assertEqual(self.said(), [])
        self.loop.advance(0.1)
        self.assertRegex(
            self.said()[0],
            r"^inbound in: the TLS handshake with 127\.0\.0\.1:\d+ failed: it was not completed$",
        )
        self.assertEqual(self.relay.rejections, [("in", Cause.HANDSHAKE)])
        self.assertRaises(ConnectionResetError, client.recv, 1)

    def test_not_tls(self) -> None:
        """One that speaks something else is closed, and what is wrong is logged."""
        near, far = self.pair(socket.AF_INET)
        self.entry.accepted(near)
        far.send(b"GET / HTTP/1.1\r\n\r\n")
        self.loop.until(self.said, "the line")
        self.assertRegex(self.said()[0], r"127\.0\.0\.1:\d+ failed: TLS: http request$")

    def test_gone(self) -> None:
        """One that leaves in its handshake is told of as one that has not completed it."""
        near, far = self.pair(socket.AF_INET)
        self.entry.accepted(near)
        far.close()
        self.loop.until(self.said, "the line")
        self.assertRegex(self.said()[0], r"failed: it was not completed$")

    def test_hello_in_many_records(self) -> None:
        """A client that cuts its ClientHello into records of a byte, as tools against censorship
        do, comes in.
        """
        near, far = self.pair(socket.AF_INET)
        self.entry.accepted(near)
        client = HelloClient()
        for record in cut(client.hello(), 1):
            far.send(record)
            self.loop.settle()
        self.assertIn("Handshake fd=", repr(list(self.entry.entering)))
        self.loop.until(lambda: client.answer(take_all(far)), "the server's answer")
        far.send(client.said())
        self.loop.until(lambda: self.relay.handled, "the client to be let in")
        self.relay.handled[0][1].abort()

    def test_hello_in_too_many_records(self) -> None:
        """One that takes more records than OpenSSL should read in one go is refused, and so is one
        that follows the first.
        """
        first, other = HelloClient().hello(), bytes((1, 0, 0x3F, 0xFF)) + bytes(5000)
        for before in (b"", first):
            self.events.clear()
            near, far = self.pair(socket.AF_INET)
            self.entry.accepted(near)
            far.send(before)
            self.loop.settle()
            for record in cut(b"....." + other, 1):
                with contextlib.suppress(ConnectionError):
                    far.send(record)
            self.loop.until(self.said, "the line")
            self.assertRegex(
                self.said()[0], "failed: TLS: a ClientHello in more than 4,096 records$"
            )

    def test_ends_in_its_hello(self) -> None:
        """One that leaves in the middle of it is told of at once."""
        near, far = self.pair(socket.AF_INET)
        far.send(HelloClient().hello()[:100])
        far.shutdown(socket.SHUT_WR)
        self.entry.accepted(near)
        self.loop.until(self.said, "the line")
        self.assertRegex(self.said()[0], "failed: it was not completed$")

    def test_refused(self) -> None:
        """One whose certificate is nobody's is refused, and sees an end in order."""
        self.client = RefusedError("refused 192.0.2.7:4711")
        client = self.connect()
        self.loop.until(client.shake_hands, "the handshake")
        self.loop.until(self.said, "the line")
        self.assertEqual(self.said(), ["inbound in: refused 192.0.2.7:4711"])
        self.assertEqual((self.relay.handled, client.recv(1)), ([], b""))

    def test_not_identified(self) -> None:
        """One that can't be identified, whatever the reason, is closed with one line, and its
        descriptor too.
        """
        self.client = RuntimeError("a certificate of a kind that nobody reads")
        near, far = self.pair(socket.AF_INET)
        self.entry.accepted(near)
        client = TlsSocket(far, server=False)
        self.loop.until(client.shake_hands, "the handshake")
        self.loop.until(self.said, "the line")
        self.assertEqual(len(self.said()), 1, self.said())
        self.assertIn("of a kind that nobody reads", self.said()[0])
        self.assertEqual((client.recv(1), near.fileno()), (b"", -1))
        self.assertEqual((self.relay.handled, len(self.entry.entering)), ([], 0))

    def test_stop(self) -> None:
        """Who has not come in when nobody listens any more does not: nothing of it is left."""
        clients = [self.connect() for _ in range(3)]
        self.loop.settle()
        self.entry.stop()
        self.assertEqual((len(self.entry.entering), self.said()), (0, []))
        for client in clients:
            self.assertRaises(ConnectionResetError, client.recv, 1)

    def test_in_turns(self) -> None:
        """Of many who begin at once few take a step in a turn of the reactor; in the end all come
        in.
        """
        clients = [self.connect() for _ in range(20)]
        for client in clients:
            client.shake_hands()
        self.loop.turn()
        self.assertEqual(repr(self.kernel.turns), "<Turns 18 waiting>")
        waiting: list[Any] = list(clients)

        def complete() -> bool:
            waiting[:] = [client for client in waiting if not client.shake_hands()]
            return not waiting and len(self.relay.handled) == len(clients)

        self.loop.until(complete, "all of them")
        for _, side in self.relay.handled:
            side.abort()
