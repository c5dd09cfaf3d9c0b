"""The ears of a connection, and their coupling."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from pipetwist.connection.end import End
from pipetwist.connection.machine import ConnectionMachine
from pipetwist.connection.visitor import Timeouts
from pipetwist.interfaces import IDescriptorSide, ISideReceiver, Medium
from pipetwist.testing import FakeSide
from pipetwist.transfer.pair import Ear, couple
from tests.connection.effects import RecordingEffects

__all__ = ["CoupleTest", "DescriptorsTest", "EarTest"]


class _Machine(ConnectionMachine):
    """Writes down what it hears."""

    def __init__(self) -> None:
        super().__init__(RecordingEffects(), Timeouts())
        self.heard: list[tuple[object, ...]] = []

    __slots__ = ("heard",)

    def read_ended(self, end: End) -> None:
        self.heard.append(("read_ended", end))

    def hung_up(self, end: End) -> None:
        self.heard.append(("hung_up", end))

    def lost(self, end: End, cause: str, *, whole: bool = False) -> None:
        self.heard.append(("lost", end, cause, whole))


class _PairTestCase(SynchronousTestCase):
    """Two sides in memory, each with its ear."""

    def setUp(self) -> None:
        """Attach the ears."""
        self.machine = _Machine()
        self.client, self.server = FakeSide(), FakeSide()
        self.ears = [Ear(End.CLIENT, self.client, self.machine), Ear(End.SERVER, self.server, self.machine)]
        for ear in self.ears:
            ear.side.attach(ear)


class EarTest(_PairTestCase):
    """One ear."""

    def test_interface(self) -> None:
        """It is what the interface says."""
        verifyObject(ISideReceiver, self.ears[0])

    def test_news(self) -> None:
        """A side's news goes to the machine, with the end that it is of."""
        self.client.go()
        self.client.resume_reading()
        self.client.end()
        self.server.lose("status 3", whole=True)
        self.client.lose("reset")
        told = [
            ("hung_up", End.CLIENT),
            ("read_ended", End.CLIENT),
            ("lost", End.SERVER, "status 3", True),
            ("lost", End.CLIENT, "reset", False),
        ]
        self.assertEqual(self.machine.heard, told)

    def test_crowded_alone(self) -> None:
        """A side that is crowded before the other is known stops nobody, and is relieved in silence."""
        self.client.crowd()
        self.assertTrue(self.ears[0].is_crowded)
        self.client.relieve()
        self.assertFalse(self.ears[0].is_crowded)
        self.assertEqual(self.server.asked, [])


class CoupleTest(_PairTestCase):
    """Bytes both ways."""

    def test_coupled(self) -> None:
        """From then on each side's bytes go to the other."""
        couple(*self.ears)
        self.client.deliver(b"up")
        self.server.deliver(b"down")
        self.assertEqual((self.server.written, self.client.written), (b"up", b"down"))

    def test_early(self) -> None:
        """What was read before is written first, on both sides, in order."""
        self.ears[0].data_received(self.client, b"ear")
        self.ears[0].data_received(self.client, b"ly")
        self.ears[1].data_received(self.client, b"banner")
        self.client.deliver(b" bird")
        couple(*self.ears)
        self.assertEqual((self.server.written, self.client.written), (b"early bird", b"banner"))

    def test_early_end(self) -> None:
        """A side that tells of its end as soon as it is resumed tells of it after what it sent has been written."""
        self.client.deliver(b"all of it")
        self.client.end()
        couple(*self.ears)
        self.assertEqual((self.server.written, self.machine.heard), (b"all of it", [("read_ended", End.CLIENT)]))

    def test_back_pressure(self) -> None:
        """A crowded side pauses the other, and resumes it when it is relieved."""
        couple(*self.ears)
        self.client.crowd()
        self.assertFalse(self.server.reading)
        self.assertTrue(self.client.reading)
        self.client.relieve()
        self.assertTrue(self.server.reading)

    def test_crowded_before(self) -> None:
        """The other of a side that is crowded when they are coupled reads on only when that is relieved."""
        for number in (0, 1):
            self.setUp()
            sides = [self.client, self.server]
            sides[number].crowd()
            couple(*self.ears)
            self.assertFalse(sides[1 - number].reading)
            self.assertTrue(sides[number].reading)
            sides[number].relieve()
            self.assertTrue(sides[1 - number].reading)


@implementer(IDescriptorSide)
class _Descriptor(FakeSide):
    """A side that says whom it was to carry to."""

    sink: object = None

    def __init__(self, carrier: object) -> None:
        super().__init__()
        self.carrier = carrier

    def carry_to(self, sink: object) -> None:
        """See `IDescriptorSide`."""
        self.sink = sink


class DescriptorsTest(SynchronousTestCase):
    """Sides that move bytes by themselves."""

    def test_two(self) -> None:
        """Two of one carrier carry to each other, and both read."""
        machine = _Machine()
        carrier = object()
        client, server = _Descriptor(carrier), _Descriptor(carrier)
        couple(Ear(End.CLIENT, client, machine), Ear(End.SERVER, server, machine))
        self.assertEqual((client.sink, server.sink), (server, client))
        self.assertTrue(client.reading and server.reading)

    def test_two_carriers(self) -> None:
        """Two of different carriers are coupled as any two: neither could do anything with the other."""
        machine = _Machine()
        sides = client, server = _Descriptor(object()), _Descriptor(object())
        ears = [Ear(End.CLIENT, client, machine), Ear(End.SERVER, server, machine)]
        for ear in ears:
            ear.side.attach(ear)
        couple(*ears)
        client.deliver(b"up")
        server.deliver(b"down")
        self.assertEqual((client.written, server.written, [side.sink for side in sides]), (b"down", b"up", [None, None]))

    def test_two_media(self) -> None:
        """Datagrams are not coupled with a stream: their bounds would be lost, or made up."""
        machine = _Machine()
        client, server = FakeSide(), FakeSide()
        client.medium = Medium.DATAGRAMS
        with self.assertRaisesRegex(ValueError, "datagrams can't be carried to stream"):
            couple(Ear(End.CLIENT, client, machine), Ear(End.SERVER, server, machine))

    def test_one(self) -> None:
        """One of them and another side are coupled as any two."""
        machine = _Machine()
        client, server = _Descriptor(object()), FakeSide()
        ears = [Ear(End.CLIENT, client, machine), Ear(End.SERVER, server, machine)]
        for ear in ears:
            ear.side.attach(ear)
        couple(*ears)
        client.deliver(b"up")
        self.assertEqual((client.sink, server.written), (None, b"up"))
