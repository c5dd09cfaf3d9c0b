"""What stands before gRPC, with gRPC and the clients in memory."""

from __future__ import annotations

from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, fail
from twisted.internet.error import ConnectionDone
from twisted.internet.error import ConnectionRefusedError as Refused
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.logger import Logger, formatEvent
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.api.frames import PREFACE
from pipetwist.api.frontend import Frontend
from pipetwist.descriptors import DescriptorShares

_HOST = "192.0.2.1"
_FLOOD = b"\x01\x00\x01\x01\x00\x00\x00\x00\x01"  # HEADERS of 64 KiB and a byte


class _Transport(StringTransport):
    aborted = False

    def abortConnection(self) -> None:
        """End."""
        self.aborted = True
        super().abortConnection()


class _Grpc:
    """Takes connections when the test says so.

    Attributes:
        asked: what is to be done with each that was asked for.
    """

    def __init__(self) -> None:
        self.asked: list[tuple[Any, Deferred[Any]]] = []
        self.refuses = False

    def connect(self, factory: Any) -> Deferred[Any]:
        if self.refuses:
            return fail(Refused())
        asked: Deferred[Any] = Deferred()
        self.asked.append((factory.buildProtocol(None), asked))
        return asked

    def accept(self) -> tuple[Any, _Transport]:
        """Take the one that was asked for last."""
        protocol, asked = self.asked[-1]
        transport = _Transport()
        protocol.makeConnection(transport)
        asked.callback(protocol)
        return protocol, transport


class _Case(SynchronousTestCase):
    def setUp(self) -> None:
        """Make a frontend."""
        self.clock = Clock()
        self.grpc = _Grpc()
        self.logged: list[Any] = []
        log = Logger(observer=self.logged.append)  # type: ignore[arg-type]  # a list's append observes well
        self.frontend = Frontend(self.grpc, self.clock, log)  # type: ignore[arg-type]  # what is used of one

    def come(self, *sent: bytes, host: str = _HOST) -> tuple[Any, _Transport]:
        """A client, which has sent something."""
        address = IPv4Address("TCP", host, 4000)
        client: Any = self.frontend.buildProtocol(address)
        transport = _Transport(peerAddress=address)
        client.makeConnection(transport)
        for piece in sent:
            client.dataReceived(piece)
        return client, transport

    def lose(self, *protocols: Any) -> None:
        """Their connections end."""
        for protocol in protocols:
            protocol.connectionLost(Failure(ConnectionDone()))

    def said(self) -> list[str | None]:
        """What was logged."""
        return [formatEvent(event) for event in self.logged]


class CarryingTest(_Case):
    """What a client and gRPC say to each other."""

    def test_both_ways(self) -> None:
        """What comes before gRPC is there and after passes unchanged, as does every answer."""
        client, transport = self.come(PREFACE[:10], PREFACE[10:] + b"\0\0\0\4")
        self.assertEqual(transport.producerState, "paused")
        inner, within = self.grpc.accept()
        self.assertEqual(transport.producerState, "producing")
        client.dataReceived(b"\0\0\0\0\0")
        self.assertEqual(within.value(), PREFACE + b"\0\0\0\4\0\0\0\0\0")
        inner.dataReceived(b"settings")
        self.assertEqual(transport.value(), b"settings")

    def test_asks_for_nothing(self) -> None:
        """A client that sends nothing, or not enough to be HTTP/2, is not connected to gRPC, and is
        closed after a minute.
        """
        for sent in ((), (PREFACE[:-1],)):
            _, transport = self.come(*sent)
            self.clock.advance(59)
            self.assertFalse(transport.aborted)
            self.clock.advance(2)
            self.assertTrue(transport.aborted)
        self.assertEqual(self.grpc.asked, [])

    def test_idle(self) -> None:
        """A client that speaks HTTP/2 may be idle as long as gRPC allows it."""
        _, transport = self.come(PREFACE)
        self.grpc.accept()
        self.clock.advance(3600)
        self.assertFalse(transport.aborted)

    def test_back_pressure(self) -> None:
        """Neither side is read while the other takes nothing."""
        _, transport = self.come(PREFACE)
        _, within = self.grpc.accept()
        producer: Any = within.producer
        producer.pauseProducing()
        self.assertEqual(transport.producerState, "paused")
        producer.resumeProducing()
        self.assertEqual(transport.producerState, "producing")
        self.assertIs(transport.producer, within)
        self.assertEqual((within.streaming, transport.streaming), (True, True))

    def test_too_fast(self) -> None:
        """A client that sends frames faster than the limit is read more slowly, until it
        disconnects, and gRPC gets all of them.
        """
        client, transport = self.come(PREFACE)
        _, within = self.grpc.accept()
        settings = b"\0\0\0\4\0\0\0\0\0" * 900
        sent = 0
        while transport.producerState == "producing":
            client.dataReceived(settings)
            sent += 1
        self.assertLess(sent, 10)
        self.clock.advance(1)
        self.assertEqual(transport.producerState, "producing")
        self.assertEqual(within.value(), PREFACE + settings * sent)
        client.dataReceived(settings * 10)
        self.lose(client)
        self.assertEqual(
            (self.clock.getDelayedCalls(), self.frontend.rate_limit.held_back), ([], 0)
        )

    def test_coming_too_fast(self) -> None:
        """Of very many who come at once the last wait a little before they come to gRPC, and one
        that goes meanwhile leaves nothing.
        """
        clients = [self.come(PREFACE, host=f"192.0.2.{number}")[0] for number in range(30)]
        self.assertIn(len(self.grpc.asked), (19, 20))
        self.lose(clients[29])
        self.clock.advance(1)
        self.assertEqual((len(self.grpc.asked), self.clock.getDelayedCalls()), (29, []))

    def test_refused(self) -> None:
        """A client that floods is closed immediately, gRPC gets nothing of it, and the log has its
        address; others are logged once a minute, with their number.
        """
        for number in range(3):
            client, transport = self.come(PREFACE, host=f"192.0.2.{number}")
            _, within = self.grpc.accept()
            client.dataReceived(_FLOOD)
            self.assertTrue(transport.aborted)
            client.dataReceived(_FLOOD)
            self.assertEqual(within.value(), PREFACE)
            self.lose(client)
            self.assertTrue(within.aborted)
        line = (
            "experimental.v2ray_api: 192.0.2.0:4000 was closed: a request has more than 65536 "
            "bytes of headers"
        )
        self.assertEqual(self.said(), [line])
        self.clock.advance(60)
        self.come(PREFACE + _FLOOD)
        self.assertEqual(
            self.said(),
            [line, line.replace("2.0:", "2.1:") + "; 2 more like this since the last such line"],
        )

    def test_other_protocol(self) -> None:
        """A client of another protocol gets HTTP/2's GOAWAY, and is closed in order, within a
        time-out.
        """
        _, transport = self.come(b"\x16\x03\x01")
        # SETTINGS and GOAWAY.
        self.assertEqual(transport.value()[3:4] + transport.value()[12:13], b"\x04\x07")
        self.assertTrue(transport.disconnecting)
        self.assertFalse(transport.aborted)
        self.clock.advance(2)
        self.assertTrue(transport.aborted)

    def test_not_reached(self) -> None:
        """Where gRPC can't be reached the client is closed, and the log says so."""
        self.grpc.refuses = True
        _, transport = self.come(PREFACE)
        self.assertTrue(transport.aborted)
        self.assertIn(
            "experimental.v2ray_api: gRPC can't be reached: Connection was refused",
            str(self.said()[0]),
        )

    def test_client_goes(self) -> None:
        """When a client disconnects, gRPC is notified immediately, and nothing is left, in
        whichever state it was.
        """
        client, _ = self.come()
        self.lose(client)
        client, _ = self.come(PREFACE)
        self.lose(client)
        self.assertEqual(self.said(), [])
        client, _ = self.come(PREFACE)
        inner, within = self.grpc.accept()
        self.lose(client)
        self.assertTrue(within.aborted)
        self.lose(inner)
        self.assertEqual((self.frontend.clients, self.clock.getDelayedCalls()), ({}, []))

    def test_grpc_closes(self) -> None:
        """When gRPC closes, the client gets what gRPC sent before; a client that does not read it
        is closed all the same.
        """
        client, transport = self.come(PREFACE)
        inner, _ = self.grpc.accept()
        inner.dataReceived(b"goaway")
        self.lose(inner)
        self.assertEqual(
            (transport.value(), transport.disconnecting, transport.aborted),
            (b"goaway", True, False),
        )
        self.assertIsNone(transport.producer)
        self.clock.advance(2)
        self.assertTrue(transport.aborted)
        self.lose(client)
        self.assertEqual(self.clock.getDelayedCalls(), [])


class PlacesTest(_Case):
    """How many there may be."""

    def test_one_address(self) -> None:
        """One address may have 64 connections; more from there are closed, which is logged
        immediately, and others are accepted.
        """
        clients = [self.come()[0] for _ in range(64)]
        self.assertIsNone(self.frontend.buildProtocol(IPv4Address("TCP", _HOST, 1)))
        self.assertIsNone(self.frontend.buildProtocol(IPv4Address("TCP", _HOST, 2)))
        said = (
            f"experimental.v2ray_api: {_HOST} has 64 connections, as many as one address may "
            "have: a new one was closed"
        )
        self.assertEqual(self.said(), [said])
        self.come(host="192.0.2.2")
        self.lose(clients[0])
        self.come()

    def test_all(self) -> None:
        """There are 128 places."""
        for number in range(128):
            self.come(host=f"192.0.2.{number}")
        self.assertIsNone(self.frontend.buildProtocol(IPv4Address("TCP", "192.0.2.200", 1)))
        self.assertEqual(
            self.said(),
            [
                (
                    "experimental.v2ray_api: all 128 connections are in use: a new one of "
                    "192.0.2.200 was closed"
                )
            ],
        )
        self.assertEqual(repr(self.frontend), "<Frontend: 128 of 128>")

    def test_few_descriptors(self) -> None:
        """Where descriptors are few there are as many places as three each are there for, and one
        address has half of them.
        """
        shares = DescriptorShares(100, self.frontend.log)
        shares.divide({"in": 1}, {"out": 1})
        share = shares.monitoring("experimental.v2ray_api")
        self.frontend = Frontend(self.grpc, self.clock, self.frontend.log, share)  # type: ignore[arg-type]  # what is used of one
        self.assertEqual((share.bound, self.frontend.max_clients), (18 + 18, 12))
        clients = [self.come()[0] for _ in range(6)]
        self.assertIsNone(self.frontend.buildProtocol(IPv4Address("TCP", _HOST, 1)))
        self.clock.advance(60)
        shares.share("in").take(36)
        self.assertIsNone(self.frontend.buildProtocol(IPv4Address("TCP", "192.0.2.2", 1)))
        few = (
            "experimental.v2ray_api: all 6 connections are in use, as many as there are file "
            "descriptors for (ulimit -n)"
        )
        self.assertEqual(
            self.said(),
            [
                (
                    f"experimental.v2ray_api: {_HOST} has 6 connections, as many as one address "
                    "may have: a new one was closed"
                ),
                f"{few}: a new one of 192.0.2.2 was closed",
            ],
        )
        self.lose(*clients)
        self.assertEqual(share.used, 0)


class ClosingTest(_Case):
    """The stop."""

    def test_nobody(self) -> None:
        """With nobody there it is over at once."""
        self.successResultOf(self.frontend.close())

    def test_last_words(self) -> None:
        """An idle client is closed immediately; one that is connected to gRPC gets its last frames,
        if it reads them within two seconds.
        """
        idle, idle_transport = self.come()
        carried, transport = self.come(PREFACE)
        inner, _ = self.grpc.accept()
        stalled, stalled_transport = self.come(PREFACE)
        self.grpc.accept()
        closed = self.frontend.close()
        self.assertEqual((idle_transport.aborted, transport.aborted), (True, False))
        self.lose(idle)
        inner.dataReceived(b"goaway")
        self.lose(inner, carried)
        self.assertEqual(transport.value(), b"goaway")
        self.assertNoResult(closed)
        self.clock.advance(2)
        self.assertTrue(stalled_transport.aborted)
        self.lose(stalled)
        self.successResultOf(closed)
        self.assertEqual(self.clock.getDelayedCalls(), [])
