"""Sides that Twisted reads, under a quota: what they have read beyond it is held back."""

from __future__ import annotations

from datetime import timezone

from twisted.trial.unittest import SynchronousTestCase

from pipetwist.kinds.limit_options import QuotaOptions
from pipetwist.limits.flow import Flow
from pipetwist.limits.quota_stage import QuotaStage
from pipetwist.quotas.calendar import Calendar
from pipetwist.quotas.period import Period
from pipetwist.quotas.quota import Quota
from pipetwist.testing import FakeSide, RecordingReceiver
from tests.limits.bearers import World
from tests.quotas.counters import CounterFile

_MUCH = 1e6
_READ = bytes(1 << 16)


class QuotaThrottleTest(SynchronousTestCase):
    """Sides of one user."""

    def setUp(self) -> None:
        """Have a day."""
        self.world = World()
        self.calendar = Calendar(lambda: 20_000 * 86400.0, timezone.utc)
        self.met: list[Quota] = []

    def quota(self, amount: int, count: str = "both") -> Quota:
        """One of which nothing is used."""
        current = self.calendar.current(Period("day"))
        usage = CounterFile().usage(current.span.begin)
        options = QuotaOptions(bytes=amount, per="day", count=count)  # type: ignore[arg-type]  # a str
        return Quota([options], usage, current, self.met.append)

    def flow(self, *quotas: Quota, megabits: float = _MUCH) -> Flow:
        """What a side under them asks."""
        rate = self.world.rate(megabits * 125_000, burst=megabits * 125_000)
        return Flow(self.world.pacer, [rate, *map(QuotaStage, quotas)])

    def side(self, flow: Flow) -> tuple[FakeSide, RecordingReceiver]:
        """A side that asks this."""
        side, receiver = FakeSide(), RecordingReceiver()
        side.attach(receiver)
        side.resume_reading()
        side.limit(flow, since_start=False)
        return side, receiver

    def test_many(self) -> None:
        """However many have read at once, they pass on what there is to the byte, and it is used up
        to the byte.
        """
        quota = self.quota(1_000_000)
        sides = [self.side(self.flow(quota)) for _ in range(200)]
        for side, _ in sides:
            side.deliver(_READ)
        self.assertEqual(sum(len(receiver.data) for _, receiver in sides), 1_000_000)
        self.assertEqual((quota.used, set(self.met)), (1_000_000, {quota}))
        self.assertEqual(sum(side.reading for side, _ in sides), 1_000_000 // len(_READ))
        self.assertEqual(sides[-1][0].receiver._flow.held_by, "quota")
        self.world.run(1)
        self.assertEqual(sum(len(receiver.data) for _, receiver in sides), 1_000_000)

    def test_lowest(self) -> None:
        """Of two quotas the one with less left decides; nothing is taken from the other for what is
        held back, and from a rate neither.
        """
        more, less = self.quota(50_000), self.quota(20_000)
        flow = self.flow(more, less)
        side, receiver = self.side(flow)
        before = flow._rates[0].fill(0.0)  # type: ignore[attr-defined]  # a Rate
        side.deliver(_READ)
        self.assertEqual((len(receiver.data), more.used, less.used), (20_000, 20_000, 20_000))
        self.assertEqual(before - flow._rates[0].fill(0.0), 20_000)  # type: ignore[attr-defined]  # a Rate
        self.assertEqual(self.met, [less])

    def test_goes_on(self) -> None:
        """What is held back comes first when the side is limited anew, and then the end of file,
        or what was not read yet.
        """
        side, receiver = self.side(self.flow(self.quota(3)))
        side.deliver(b"abcdef")
        # TLS passes on all that it has read, though it is paused, and its end.
        side.receiver.data_received(side, b"ghi")
        side.receiver.read_ended(side)
        self.assertEqual((receiver.data, receiver.heard), (b"abc", []))
        side.limit(self.flow(self.quota(5)), since_start=False)
        self.assertEqual((receiver.data, receiver.heard), (b"abcdefgh", []))
        side.limit(self.flow(self.quota(100)), since_start=False)
        self.assertEqual((receiver.data, receiver.heard), (b"abcdefghi", ["read_ended"]))
        side, receiver = self.side(self.flow(self.quota(3)))
        side.deliver(b"abcdef")
        side.deliver(b"ghi")
        quota = self.quota(100)
        side.limit(self.flow(quota), since_start=False)
        self.assertEqual((receiver.data, quota.used), (b"abcdefghi", 6))

    def test_unlimited(self) -> None:
        """It comes as well when there is no limit any more."""
        side, receiver = self.side(self.flow(self.quota(3)))
        side.deliver(b"abcdef")
        side.limit(None, since_start=False)
        self.assertEqual((receiver.data, side.reading), (b"abcdef", True))
        self.assertIs(side.receiver, receiver)

    def test_receiver_pauses(self) -> None:
        """A receiver that has paused the side is not read for when it goes on."""
        side, receiver = self.side(self.flow(self.quota(3)))
        side.deliver(b"abcdef")
        side.pause_reading()
        side.deliver(b"ghi")
        side.limit(self.flow(self.quota(100)), since_start=False)
        self.assertEqual((receiver.data, side.reading), (b"abcdef", False))
        side.resume_reading()
        self.assertEqual(receiver.data, b"abcdefghi")

    def test_receiver_fills(self) -> None:
        """A receiver that is full when what was held back has come is not given more, with other
        limits and without.
        """
        for limited in (True, False):
            side, receiver = self.side(self.flow(self.quota(3)))
            side.deliver(b"abcdef")
            side.deliver(b"ghi")

            def full(side: FakeSide, data: bytes, receiver: RecordingReceiver = receiver) -> None:
                receiver.data += data
                side.pause_reading()

            self.patch(receiver, "data_received", full)
            flow = self.flow(self.quota(100)) if limited else None
            side.limit(flow, since_start=False)
            self.assertEqual((receiver.data, side.reading), (b"abcdef", False), limited)
            side.resume_reading()
            self.assertEqual(receiver.data, b"abcdefghi")

    def test_rate_waits(self) -> None:
        """One that waits for its rate, and is passed more than a quota has, waits for that."""
        flow = self.flow(self.quota(200_000), megabits=1)
        side, receiver = self.side(flow)
        for _ in range(3):
            side.deliver(_READ)
        self.assertIn("one", flow.held_by)
        for _ in range(3):
            side.receiver.data_received(side, _READ)
        self.assertEqual((len(receiver.data), flow.held_by), (200_000, "quota"))
        self.world.run(5)
        self.assertEqual(len(receiver.data), 200_000)

    def test_closes(self) -> None:
        """A side that is closing drops what is held back."""
        side, receiver = self.side(self.flow(self.quota(3)))
        side.deliver(b"abcdef")
        side.stall()
        side.close()
        side.limit(self.flow(self.quota(100)), since_start=False)
        self.assertEqual(receiver.data, b"abc")

    def test_lost(self) -> None:
        """One that is lost meanwhile has not sent everything, which is said; unless it was let go
        of, since its connection ends.
        """
        side, receiver = self.side(self.flow(self.quota(3)))
        side.deliver(b"abcdef")
        side.lose(whole=True)
        self.assertIn("a quota held back the last", str(receiver.reason))
        self.assertFalse(receiver.whole)
        flow = self.flow(self.quota(3))
        side, receiver = self.side(flow)
        side.deliver(b"abcdef")
        flow.leave()
        side.lose()
        self.assertEqual(receiver.reason, "")
