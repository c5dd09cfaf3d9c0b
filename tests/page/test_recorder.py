"""The history is recorded whether or not anybody looks."""

from __future__ import annotations

import json
from typing import Any

from twisted.internet.defer import CancelledError
from twisted.internet.task import Clock
from twisted.logger import Logger
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.page.past import Asked
from pipetwist.page.recorder import MAX_SPAN, Recorder
from pipetwist.stats.names import traffic_name
from tests.support.pretended_relay import PretendedRelay

_NOW = 1_800_000_000.0


class _Case(SynchronousTestCase):
    def setUp(self) -> None:
        """Record a relay whose only user is the test."""
        self.relay = PretendedRelay(connections=0, users=["alice"])
        self.clock: Clock = self.relay.clock
        self.clock.advance(0.3)
        self.ahead = _NOW - self.clock.seconds()
        self.slept = 0.0
        self.logged: list[Any] = []
        self.recorder = Recorder(
            self.clock,
            self.relay.connection_table,
            self.relay.store,
            lambda: self.clock.seconds() + self.ahead,
            lambda: self.clock.seconds() + self.slept,
            Logger(observer=self.logged.append),  # type: ignore[arg-type]  # a list's append observes well
        )
        self.recorder.start()
        self.addCleanup(self.check_rest)
        self.turn()

    def check_rest(self) -> None:
        """Once it is closed nothing is left to be called."""
        self.recorder.close()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def turn(self) -> None:
        """Have the reactor do what is due now."""
        for _ in range(100):
            self.clock.advance(0)

    def second(self, size: int = 0, seconds: float = 1.0) -> None:
        """The user gets so many bytes, and a second goes by."""
        self.relay.store.counter(traffic_name("user", "alice", "downlink")).add(size)
        self.clock.advance(seconds)
        self.turn()

    def told(self, range_: str = "5m") -> Any:
        """What is told of a range."""
        told = self.recorder.tell(Asked(range_))
        self.turn()
        return json.loads(self.successResultOf(told))

    def downlink(self, range_: str = "5m") -> Any:
        """What is told of the user's downlink."""
        return self.told(range_)["traffic"]["user"]["names"]["alice"]["downlink"]


class RecordingTest(_Case):
    """What is recorded."""

    def test_seconds(self) -> None:
        """Each second has its bytes, and is told by when it ended; before the first reading nothing
        is known.
        """
        self.second(100)
        self.second(0)
        self.second(70)
        self.assertEqual(self.downlink(), [None, 100, 0, 70])
        told = self.told()
        self.assertEqual((told["range"], told["step"], told["start"]), ("5m", 1, _NOW))
        self.assertEqual(told["traffic"]["user"]["all"], True)
        self.assertEqual(told["totals"]["downlink"], [None, 0, 0, 0])

    def test_minutes(self) -> None:
        """Each minute that is over has the mean of its seconds."""
        for number in range(130):
            self.second(60 if number < 59 else 0)
        self.assertEqual(self.downlink("24h"), [60, 0])
        told = self.told("24h")
        self.assertEqual((told["step"], told["start"]), (60, _NOW + 59))

    def test_before_it_was_there(self) -> None:
        """Bytes that were counted before the start are of no second."""
        self.recorder.close()
        self.second(5000)
        self.recorder.start()
        self.turn()
        self.second(10)
        self.assertEqual(self.downlink(), [None, None, 10])

    def test_total(self) -> None:
        """All connections together are recorded, whether or not they are counted."""
        self.relay.connect()
        ((side, *_),) = self.relay.open.values()
        side.received, side.delivered = 30, 40
        self.second()
        totals = self.told()["totals"]
        self.assertEqual(totals, {"uplink": [None, 30], "downlink": [None, 40]})

    def test_reset(self) -> None:
        """A reset of the counters is no traffic, neither forward nor back."""
        self.second(100)
        self.relay.store.counter(traffic_name("user", "alice", "downlink")).reset()
        self.second(20)
        self.assertEqual(self.downlink(), [None, 100, 20])

    def test_late(self) -> None:
        """What is read late is spread over the seconds that it was, and no second is lost or has
        the bytes of two.
        """
        self.second(100)
        self.second(290, seconds=2.9)  # as where the reactor was busy
        self.second(21, seconds=0.1)
        self.second(100)
        self.assertEqual(self.downlink(), [None, 100, 100, 100, 100, 110])

    def test_a_name_later(self) -> None:
        """A name that comes later moved nothing before."""
        self.second()
        self.second(50)
        self.assertEqual(self.downlink(), [None, 0, 50])


class GapsTest(_Case):
    """When nobody knows what moved."""

    def test_paused(self) -> None:
        """Where the process stood still for long there is a gap, and no peak after it."""
        self.second(100)
        self.second(70, seconds=MAX_SPAN + 7)
        self.second(30)
        self.assertEqual(self.downlink(), [None, 100, *[None] * 10, 30])

    def test_slept(self) -> None:
        """So there is where the machine slept, which the reactor's clock does not count."""
        self.second(100)
        self.slept = 600.4
        self.second(50)
        for _ in range(3):
            self.second(20)
        self.assertEqual(self.downlink("1h"), [None, 100, *[None] * 601, 20, 20, 20])
        now = self.clock.seconds() + self.ahead
        self.assertAlmostEqual(self.told()["start"] + 299, now, places=2)

    def test_date_set(self) -> None:
        """Where somebody sets the date nothing is lost: the seconds went on, and are told by what
        the date is now.
        """
        self.second(100)
        for hours in (1, -2, 1):
            self.ahead += 3600 * hours
            self.second(100)
        self.assertEqual(self.downlink(), [None, *[100] * 4])
        self.ahead -= 3600
        self.assertEqual(self.told()["start"], _NOW - 3600)

    def test_failure(self) -> None:
        """A mistake of ours is logged once, and the next second is tried again."""
        self.second(100)
        broken = self.patch(self.relay.store, "counters", None)
        for _ in range(3):
            self.second(10)
        self.assertEqual(len(self.logged), 1)
        self.assertIn("can't be recorded", self.logged[0]["log_format"])
        broken.restore()
        self.second(10)
        self.second(7)
        self.assertEqual(self.downlink(), [None, 100, None, None, None, None, 7])


class TellingTest(_Case):
    """Who asks."""

    def test_while_recording(self) -> None:
        """What is told has only seconds that are complete."""
        self.second(100)
        self.recorder._loop.stop()
        for number in range(600):
            self.relay.store.counter(traffic_name("user", f"u{number}", "uplink")).add(1)
        self.clock.advance(1)
        steps = self.recorder._record()
        (chunk,) = self.recorder._history.seconds._chunks
        while not chunk.columns["user"].get("u0"):
            next(steps)
        self.assertEqual(self.downlink(), [None, 100])
        for _ in steps:
            pass
        self.assertEqual(self.downlink(), [None, 100, 0])

    def test_cancelled(self) -> None:
        """Nothing is written for who no longer waits."""
        told = self.recorder.tell(Asked("1h"))
        told.cancel()
        self.failureResultOf(told, CancelledError)
        self.turn()
        self.assertEqual(self.logged, [])

    def test_closed(self) -> None:
        """Who waits when it is closed gets an error."""
        told = self.recorder.tell(Asked("1h"))
        self.recorder.close()
        self.failureResultOf(told, CancelledError)
        self.assertEqual(self.logged, [])

    def test_failure(self) -> None:
        """Who waits for what can't be told, too, and that is logged."""
        self.patch(self.recorder, "_now", None)
        told = self.recorder.tell(Asked())
        self.turn()
        self.failureResultOf(told, CancelledError)
        self.assertIn("could not be told", self.logged[0]["log_format"])
