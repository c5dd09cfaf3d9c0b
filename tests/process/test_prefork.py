"""Commands that are started before they are needed."""

from __future__ import annotations

import errno

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.interfaces import ISide
from pipetwist.process.prefork import (
    FIRST_PAUSE_SECONDS,
    LULL_SECONDS,
    MAX_PAUSE_SECONDS,
    PreforkedProcesses,
)
from pipetwist.testing import FakeSide


class ReadyCommandsTest(SynchronousTestCase):
    """A pool of commands in memory."""

    def setUp(self) -> None:
        """Begin with room for any number."""
        self.clock = Clock()
        self.started: list[ISide] = []
        self.trouble: list[str] = []
        self.room = 100
        self.fails = False
        self.ready = PreforkedProcesses(self.clock, 3, self.start, self.trouble.append)

    def start(self) -> ISide | None:
        """Start one in memory."""
        if self.fails:
            raise FileNotFoundError(errno.ENOENT, "No such file or directory")
        if len(self.started) >= self.room:
            return None
        side: ISide = FakeSide()
        self.started.append(side)
        return side

    def fill(self) -> None:
        """Let all be started."""
        self.ready.begin()
        self.clock.pump([0] * 5)

    def test_fills(self) -> None:
        """As many as were asked for are started, one after the other has had its turn, and then
        nothing is left to do.
        """
        self.ready.begin()
        self.assertEqual(len(self.started), 1)
        self.clock.advance(0)
        self.assertEqual((len(self.started), len(self.ready)), (3, 3))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_none_asked_for(self) -> None:
        """A pool of none starts nothing and gives nothing."""
        ready = PreforkedProcesses(self.clock, 0, self.start, self.trouble.append)
        ready.begin()
        self.assertIsNone(ready.take())
        ready.refill()
        self.assertEqual((self.started, self.clock.getDelayedCalls()), ([], []))

    def test_take(self) -> None:
        """The one that waits longest is given first; its replacement waits for a lull."""
        self.fill()
        self.assertIs(self.ready.take(), self.started[0])
        self.assertIs(self.ready.take(), self.started[1])
        self.clock.advance(LULL_SECONDS / 2)
        self.assertEqual(len(self.started), 3)
        self.clock.advance(LULL_SECONDS / 2)
        self.clock.pump([0] * 5)
        self.assertEqual(len(self.started), 5)

    def test_empty(self) -> None:
        """If all are taken there is none to give, until more have been started."""
        self.fill()
        self.assertNotIn(None, [self.ready.take() for _ in range(3)])
        self.assertIsNone(self.ready.take())
        self.clock.advance(LULL_SECONDS)
        self.assertIs(self.ready.take(), self.started[3])

    def test_dies(self) -> None:
        """One that dies is replaced after a pause, which doubles as long as none is of use, and is
        short again once one was.
        """
        self.fill()
        pause = FIRST_PAUSE_SECONDS
        for count in range(4, 8):
            self.ready.ended(self.started[-1])
            self.clock.advance(pause * 0.99)
            self.assertEqual(len(self.started), count - 1)
            self.clock.advance(pause * 0.02)
            self.assertEqual(len(self.started), count)
            pause *= 2
        self.assertEqual(len(self.trouble), 4)
        self.clock.advance(pause)
        self.ready.take()
        self.clock.advance(LULL_SECONDS)
        self.ready.ended(self.started[-1])
        self.clock.advance(FIRST_PAUSE_SECONDS)
        self.assertEqual(len(self.started), 9)

    def test_longest_pause(self) -> None:
        """The pause has a bound; one that lived longer than that is no sign of trouble."""
        self.fill()
        for _ in range(20):
            self.ready.ended(self.started[-1])
            self.clock.advance(MAX_PAUSE_SECONDS)
        self.assertEqual(len(self.started), 23)
        self.clock.advance(MAX_PAUSE_SECONDS * 1.01)
        self.ready.ended(self.started[-1])
        self.clock.advance(FIRST_PAUSE_SECONDS)
        self.assertEqual(len(self.started), 24)

    def test_dies_while_others_are_started(self) -> None:
        """If one dies before all have been started, none is started without the pause either."""
        self.ready.begin()
        for times in range(5):
            started = len(self.started)
            self.ready.ended(self.started[-1])
            self.clock.advance(FIRST_PAUSE_SECONDS * 2**times * 0.99)
            self.assertEqual(len(self.started), started)
            self.clock.advance(FIRST_PAUSE_SECONDS * 2**times * 0.02)
            self.assertGreater(len(self.started), started)
        self.assertEqual(len(self.trouble), 5)

    def test_dies_in_use(self) -> None:
        """Being taken is no sign that they are of use while they die as soon as they are
        started.
        """
        self.fill()
        self.ready.ended(self.started[-1])
        self.ready.take()
        self.clock.advance(FIRST_PAUSE_SECONDS)
        self.ready.ended(self.started[-1])
        self.assertIn("0.2 s", self.trouble[-1])

    def test_ended_unnoticed(self) -> None:
        """One that has ended, of which nobody has been told yet, is not given."""
        self.ready = PreforkedProcesses(
            self.clock, 3, self.start, self.trouble.append, lambda side: side is not self.started[0]
        )
        self.fill()
        self.assertIs(self.ready.take(), self.started[1])

    def test_other_ends(self) -> None:
        """The end of a command that was given away is nothing to the pool."""
        self.fill()
        side = self.ready.take()
        assert side is not None
        self.clock.advance(LULL_SECONDS)
        self.ready.ended(side)
        self.assertEqual((self.trouble, self.clock.getDelayedCalls()), ([], []))

    def test_cannot_start(self) -> None:
        """A command that can't be started is tried again after a pause."""
        self.fails = True
        self.ready.begin()
        self.assertEqual(
            self.trouble,
            ["can't start a prefork command: No such file or directory; next start in 0.1 s"],
        )
        self.fails = False
        self.clock.advance(FIRST_PAUSE_SECONDS)
        self.clock.pump([0] * 5)
        self.assertEqual(len(self.started), 3)

    def test_no_room(self) -> None:
        """If no more may run, none is started, until it is said that one may be."""
        self.room = 2
        self.fill()
        self.assertEqual((len(self.started), self.clock.getDelayedCalls()), (2, []))
        self.room = 3
        self.ready.refill()
        self.clock.advance(LULL_SECONDS)
        self.assertEqual(len(self.started), 3)

    def test_stop(self) -> None:
        """After a stop nothing more is started, whoever ends or asks."""
        self.fill()
        self.ready.take()
        self.ready.stop()
        self.ready.ended(self.started[1])
        self.ready.take()
        self.ready.refill()
        self.assertEqual(self.clock.getDelayedCalls(), [])
