"""What a connection hears of its two sides, and how it has them carry to each other."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.logger import Logger, LogPublisher
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from pipetwist.connection.client_info import ClientInfo
from pipetwist.connection.states import Phase
from pipetwist.interfaces import IDescriptorSide, ISide, Medium, SideReceiverLike
from pipetwist.relay.connection import Connection
from pipetwist.relay.connection_table import ConnectionTable
from pipetwist.relay.relay import Route
from pipetwist.testing import FakeOutbound, FakeSide


class _CouplingTestCase(SynchronousTestCase):
    """A connection between two sides in memory."""

    def setUp(self) -> None:
        """Begin to connect."""
        self.begin(FakeSide(), FakeSide())

    def begin(self, client: FakeSide, server: FakeSide) -> None:
        """Begin to connect these."""
        self.client, self.server = client, server
        self.reasons: list[str] = []
        connection_table = ConnectionTable(
            Clock(),
            log=Logger(observer=LogPublisher()),
            over=lambda connection: self.reasons.append(connection.reason),
        )
        self.connection: Connection = connection_table.open(
            Route(ClientInfo("in", "peer", "source"), FakeOutbound(), None), client
        )
        self.outbound = FakeOutbound(delays=True)
        self.connection.open(self.outbound)

    def couple(self) -> None:
        """The outbound is there."""
        self.outbound.connecting[0].callback(self.server)


class NewsTest(_CouplingTestCase):
    """Events of a side belong to its end."""

    def test_end_of_file(self) -> None:
        """The end of one side's reading ends the other's writing."""
        for number in (0, 1):
            self.setUp()
            self.couple()
            sides = [self.client, self.server]
            sides[number].end()
            self.assertEqual(
                (sides[number].asked[-1], sides[1 - number].asked[-1]),
                ("resume_reading", "write_eof"),
            )

    def test_gone(self) -> None:
        """A side that goes after its end of file is ended, and not the other."""
        for number in (0, 1):
            self.setUp()
            self.couple()
            sides = [self.client, self.server]
            sides[number].end()
            sides[number].go()
            self.assertEqual(sides[number].asked[-1], "abort")

    def test_lost(self) -> None:
        """A side that is lost is named, with its cause; what it had sent may be whole all the
        same.
        """
        for whole, asked in ((True, "close"), (False, "close_with_error")):
            self.setUp()
            self.couple()
            self.server.lose("status 3", whole=whole)
            self.assertEqual((self.client.asked[-1], self.reasons), (asked, ["server: status 3"]))

    def test_crowded_alone(self) -> None:
        """A side whose buffer is full before the other is connected pauses nothing, and resumes
        nothing.
        """
        self.client.fill()
        self.client.drain()
        self.couple()
        self.assertEqual(
            (self.client.asked, self.server.asked), (["resume_reading"], ["resume_reading"])
        )


class CoupleTest(_CouplingTestCase):
    """Bytes both ways."""

    def test_coupled(self) -> None:
        """From then on each side's bytes go to the other."""
        self.couple()
        self.client.deliver(b"up")
        self.server.deliver(b"down")
        self.assertEqual((self.server.written, self.client.written), (b"up", b"down"))

    def test_early(self) -> None:
        """What was read before is written first, on both sides, in order."""
        self.server = _Talkative()
        self.connection.data_received(self.client, b"ear")
        self.connection.data_received(self.client, b"ly")
        self.client.deliver(b" bird")
        self.couple()
        self.assertEqual((self.server.written, self.client.written), (b"early bird", b"banner"))

    def test_early_end(self) -> None:
        """A side that tells of its end as soon as it is resumed tells of it after what it sent has
        been written.
        """
        self.client.deliver(b"all of it")
        self.client.end()
        self.couple()
        self.assertEqual(
            (self.server.written, self.server.asked),
            (b"all of it", ["write_eof", "resume_reading"]),
        )
        self.assertIs(self.connection.phase, Phase.HALF_CLOSED)

    def test_back_pressure(self) -> None:
        """A side whose buffer is full pauses the other, and resumes it when the buffer is empty."""
        self.couple()
        self.client.fill()
        self.assertFalse(self.server.reading)
        self.assertTrue(self.client.reading)
        self.client.drain()
        self.assertTrue(self.server.reading)

    def test_crowded_before(self) -> None:
        """If a side's buffer is full when they are coupled, the other reads only when that is
        empty.
        """
        self.client.fill()
        self.couple()
        self.assertEqual((self.client.reading, self.server.reading), (True, False))
        self.client.drain()
        self.assertTrue(self.server.reading)

    def test_crowded_at_once(self) -> None:
        """The same where it is the outbound's side, which says so as soon as somebody hears it."""
        self.server = _Crowded()
        self.couple()
        self.assertEqual((self.client.reading, self.server.reading), (False, True))
        self.server.drain()
        self.assertTrue(self.client.reading)


class _Talkative(FakeSide):
    """Hands on what has come although it is paused, as TLS does."""

    def attach(self, receiver: SideReceiverLike) -> None:
        super().attach(receiver)
        receiver.data_received(self, b"banner")


class _Crowded(FakeSide):
    """A side whose buffer is full from the start."""

    def attach(self, receiver: SideReceiverLike) -> None:
        super().attach(receiver)
        self.fill()


@implementer(IDescriptorSide)
class _Descriptor(FakeSide):
    """A side that says whom it was to carry to."""

    sink: ISide | None = None

    def __init__(self, carrier: object) -> None:
        super().__init__()
        self.carrier = carrier

    def carry_to(self, sink: ISide) -> None:
        self.sink = sink


class DescriptorsTest(_CouplingTestCase):
    """Sides that move bytes by themselves."""

    def test_two(self) -> None:
        """Two of one carrier carry to each other, and both read."""
        carrier = object()
        client, server = _Descriptor(carrier), _Descriptor(carrier)
        self.begin(client, server)
        self.couple()
        self.assertEqual((client.sink, server.sink), (server, client))
        self.assertTrue(client.reading and server.reading)

    def test_two_carriers(self) -> None:
        """Two of different carriers are coupled as any two: neither could do anything with the
        other.
        """
        sides = client, server = _Descriptor(object()), _Descriptor(object())
        self.begin(client, server)
        self.couple()
        client.deliver(b"up")
        server.deliver(b"down")
        self.assertEqual(
            (client.written, server.written, [side.sink for side in sides]),
            (b"down", b"up", [None, None]),
        )

    def test_two_media(self) -> None:
        """Datagrams are not coupled with a stream: their bounds would be lost, or made up."""
        self.client.medium = Medium.DATAGRAMS
        self.couple()
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)
        self.assertEqual(
            self.reasons,
            ["internal error: datagrams can't be carried to stream: give one of the two a framing"],
        )

    def test_one(self) -> None:
        """One of them and another side are coupled as any two."""
        client = _Descriptor(object())
        self.begin(client, FakeSide())
        self.couple()
        client.deliver(b"up")
        self.assertEqual((client.sink, self.server.written), (None, b"up"))
