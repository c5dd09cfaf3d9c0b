"""Which clients are admitted, and which are refused."""

from __future__ import annotations

from typing import Any

from twisted.logger import Logger, LogPublisher, formatEvent
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from pipetwist.connection.cause import Cause
from pipetwist.connection.client_info import ClientInfo
from pipetwist.datagram.framed import FramedSide
from pipetwist.descriptors import DescriptorShares
from pipetwist.inbounds.context import InboundContext
from pipetwist.inbounds.gate import Gate, RefusedError
from pipetwist.interfaces import IGate, IOutbound, IRoute, ISide, ITracker
from pipetwist.kinds.inbound_options import (
    DatagramInboundOptions,
    InboundOptions,
    StreamInboundOptions,
)
from pipetwist.testing import FakeSide, RecordingRelay, RecordingTracker
from tests.inbounds.inbound import NoInbound


class _GateTestCase(SynchronousTestCase):
    """A gate to which clients come by their names."""

    def setUp(self) -> None:
        """Make it, with 20 descriptors of which a connection takes two."""
        self.events: list[dict[str, Any]] = []
        self.log = Logger("pipetwist", observer=LogPublisher(self.events.append))  # type: ignore[arg-type]  # a list's append observes well
        self.shares = DescriptorShares(64 + 20, self.log)
        self.shares.divide({"in": 1}, {"out": 1})
        self.tracker = RecordingTracker()
        self.relay = RecordingRelay(self.tracker)
        self.error: Exception | None = None
        self.counted: list[ITracker | None] = []
        self.gate = self.make_gate()

    def make_gate(self, options: InboundOptions | None = None) -> Gate:
        """Make one of an inbound with other options."""
        inbound = NoInbound(InboundContext(None, self.relay, log=self.log, shares=self.shares))
        inbound.options = options or inbound.options
        return Gate(inbound, self.identify)

    def identify(self, name: str) -> ClientInfo:
        """Everybody is whom it says; the test may have it refused."""
        if self.error is not None:
            raise self.error
        return ClientInfo("in", name, name)

    def make_side(self, name: str, outbound: IOutbound, tracker: ITracker | None) -> ISide:
        """The client's side."""
        self.assertEqual(outbound.tag, "out")
        self.counted.append(tracker)
        return FakeSide()

    def said(self) -> list[str]:
        """What was logged."""
        return [formatEvent(event) for event in self.events]


class GateTest(_GateTestCase):
    """Clients that come."""

    def test_interface(self) -> None:
        """The relay tells it of those who have left."""
        verifyObject(IGate, self.gate)

    def test_let_in(self) -> None:
        """An allowed client is passed to the relay, and counted by the route's tracker."""
        self.assertTrue(self.gate.let_in("Alice", self.make_side))
        ((route, _),) = self.relay.handled
        self.assertEqual(
            (route.client_info.peer, self.counted, self.said()), ("Alice", [self.tracker], [])
        )

    def test_framed(self) -> None:
        """If a connection carries datagrams, they are distinguished on the client's side."""
        self.make_gate(StreamInboundOptions(tag="in", framing="rfc4571")).let_in(
            "Alice", self.make_side
        )
        self.assertIsInstance(self.relay.handled[0][1], FramedSide)

    def test_refused(self) -> None:
        """Each time that somebody is refused it is logged and counted, and nobody is asked for a
        side.
        """
        self.error = RefusedError("refused Alice")
        self.assertEqual(
            [self.gate.let_in("Alice", self.make_side) for _ in range(2)], [False, False]
        )
        self.assertEqual((self.said(), self.counted), (["inbound in: refused Alice"] * 2, []))
        self.assertEqual(
            (self.relay.rejections, self.relay.clients), ([("in", Cause.REFUSED)] * 2, [])
        )

    def test_rejected(self) -> None:
        """A client that the relay rejects is refused as well, and nobody is asked for a side."""

        def route(client_info: ClientInfo) -> IRoute:
            message = f"refused {client_info.peer}, which a rule rejects"
            raise RefusedError(message)

        self.relay.route = route  # type: ignore[method-assign]  # of this test's alone
        self.assertFalse(self.gate.let_in("Alice", self.make_side))
        self.assertEqual(
            (self.said(), self.counted, self.relay.rejections),
            (
                ["inbound in: refused Alice, which a rule rejects"],
                [],
                [("in", Cause.REFUSED)],
            ),
        )

    def test_refused_once(self) -> None:
        """Refused sources that send again and again are each logged and counted once, and once more
        after `name_again`.
        """
        gate = self.make_gate(DatagramInboundOptions(tag="in"))
        for name in ("Alice", "Bob", "Alice"):
            self.error = RefusedError(f"refused {name}")
            gate.let_in(name, self.make_side)
        self.assertEqual(self.said(), ["inbound in: refused Alice", "inbound in: refused Bob"])
        gate.name_again()
        gate.let_in("Alice", self.make_side)
        self.assertEqual((len(self.said()), len(self.relay.rejections)), (3, 3))

    def test_flood_of_refused(self) -> None:
        """Of very many different ones not all are logged."""
        gate = self.make_gate(DatagramInboundOptions(tag="in"))
        for number in range(1100):
            self.error = RefusedError(f"refused {number}")
            gate.let_in("", self.make_side)
        self.assertEqual(len(self.said()), 1000)

    def test_gone(self) -> None:
        """A client that has gone before it is identified is ignored."""
        self.error = OSError(107, "Transport endpoint is not connected")
        self.assertFalse(self.gate.let_in("Alice", self.make_side))
        self.assertEqual((self.said(), self.relay.rejections), ([], []))

    def test_not_identified(self) -> None:
        """Whatever goes wrong with who a client is, it is closed, which is a line and counted."""
        self.error = LookupError("no such name")
        self.assertFalse(self.gate.let_in("Alice", self.make_side))
        self.assertEqual(
            self.said(), ["inbound in: a client can't be identified: LookupError: no such name"]
        )
        self.assertEqual(self.relay.rejections, [("in", Cause.INTERNAL)])

    def test_not_served(self) -> None:
        """That there is nothing to serve a client with is logged and counted."""

        def fail(*_: object) -> ISide:
            raise OSError(24, "Too many open files")

        self.assertFalse(self.gate.let_in("Alice", fail))
        self.assertEqual(self.said(), ["inbound in: Alice can't be served: Too many open files"])
        self.assertEqual(self.relay.rejections, [("in", Cause.INTERNAL)])
        self.assertEqual(self.shares.share("in").used, 0)

    def test_lost(self) -> None:
        """A client that was lost before it was admitted is counted."""
        self.gate.lost(Cause.HANDSHAKE)
        self.assertEqual(self.relay.rejections, [("in", Cause.HANDSHAKE)])


class RoomTest(_GateTestCase):
    """How many there is room for."""

    def test_count(self) -> None:
        """Each admitted client uses room for one, and releases it at its end; a refused client uses
        none.
        """
        self.assertEqual(self.gate.room, 10)
        for name in ("Alice", "Bob"):
            self.gate.let_in(name, self.make_side)
        self.assertEqual(self.gate.room, 8)
        self.gate.connection_closed(self.relay.handled[0][0])
        self.error = RefusedError("refused Carol")
        self.gate.let_in("Carol", self.make_side)
        self.assertEqual(self.gate.room, 9)

    def test_other_gate(self) -> None:
        """Another gate of the same inbound, as after a reload, counts with it."""
        self.gate.let_in("Alice", self.make_side)
        other = self.make_gate()
        self.assertEqual(other.room, 9)
        self.gate.connection_closed(self.relay.handled[0][0])
        self.assertEqual(other.room, 10)

    def test_expected(self) -> None:
        """Room is kept for clients in a handshake."""
        kept = self.gate.expect()
        self.assertEqual(self.gate.room, 9)
        self.gate.expected(kept)
        self.assertEqual(self.gate.room, 10)

    def test_wait(self) -> None:
        """A function that waits for room is called once there is some, which is logged; one that
        was forgotten is not called.
        """
        told: list[str] = []
        while self.gate.room:
            self.gate.let_in("Alice", self.make_side)

        def given_up() -> None:
            told.append("given up")

        self.gate.wait(given_up)
        self.gate.wait(lambda: told.append("waiting"))
        self.gate.forget(given_up)
        (said,) = self.said()
        self.assertIn("inbound in: its connections use 20 file descriptors", said)
        self.assertIn("a new client waits until one closes", said)
        self.gate.connection_closed(self.relay.handled[0][0])
        self.assertEqual(told, ["waiting"])

    def test_no_bound(self) -> None:
        """If nothing is divided there is room for everybody."""
        gate = Gate(NoInbound(InboundContext(None, self.relay)), self.identify)
        self.assertGreater(gate.room, 10**9)
        self.assertTrue(gate.let_in("Alice", self.make_side))
        gate.connection_closed(self.relay.handled[0][0])

    def test_shown(self) -> None:
        """It says what it is."""
        self.assertEqual(repr(self.gate), "<Gate in: room for 10, <Share in: 0 used, 10 sure>>")
