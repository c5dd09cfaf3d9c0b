"""Asking for what ``pipetwist top`` shows."""

from __future__ import annotations

import threading

from twisted.trial.unittest import SynchronousTestCase

from pipetwist.cli.top.asking import Asker, Sample, Snapshot, Source, Wanted, pause_after
from pipetwist.cli.traffic import Reading
from pipetwist.client.counters import Selection
from pipetwist.errors import ServerError
from tests.support.foreign_servers import SingBox, V2Ray4, V2Ray5, Xray, calls_to


class SourceTest(SynchronousTestCase):
    """Servers of the family."""

    def test_servers(self) -> None:
        """Each is asked for what it has, and not again for who is online if it does not know."""
        for servicer, is_known in (
            (V2Ray4(), 0),
            (V2Ray5(), 0),
            (SingBox(), 0),
            (Xray("GetUsersStats"), 1),
        ):
            source = Source(calls_to(self, servicer), None, Selection())
            for _ in range(2):
                sample = source.ask(Wanted())
            self.assertEqual(len(sample.rows), 3, servicer)
            self.assertEqual((sample.online is not None, sample.uptime), (bool(is_known), 93784))
            self.assertEqual((sample.known, sample.unknown), (None, ""))


class _Answers:
    """Says what it is told to, and waits until it may."""

    def __init__(self) -> None:
        self.may = threading.Semaphore(0)
        self.asked: list[Wanted] = []
        self.answers: list[int | ServerError] = []

    def ask(self, wanted: Wanted) -> Sample:
        """An answer."""
        self.asked.append(wanted)
        assert self.may.acquire(timeout=60)
        answer = self.answers.pop(0) if self.answers else ServerError("it is over")
        if isinstance(answer, ServerError):
            raise answer
        return Sample(Reading(float(answer), {}), None, answer)


class AskerTest(SynchronousTestCase):
    """The thread."""

    def setUp(self) -> None:
        """Begin, with a first answer."""
        self.source = _Answers()
        self.answered = threading.Semaphore(0)

    def start(self, interval: float) -> Asker:
        """Start it; the clean-up ends it."""
        first = Snapshot(None, Sample(Reading(0.0, {}), None, 0))
        asker = Asker(self.source.ask, first, interval, self.answered.release)
        self.addCleanup(asker.close)
        self.addCleanup(self.source.may.release)
        return asker

    def answer(self, answer: int | ServerError) -> None:
        """Have the next answer come, and wait until it is there."""
        self.source.answers.append(answer)
        self.source.may.release()
        self.assertTrue(self.answered.acquire(timeout=60))

    def test_samples(self) -> None:
        """The last two answers are known; after a fault they stay, until another one comes."""
        asker = self.start(0.001)
        for answer, uptimes, fault in (
            (1, (0, 1), ""),
            (2, (1, 2), ""),
            (ServerError("it is away"), (1, 2), "it is away"),
            (3, (2, 3), ""),
        ):
            self.answer(answer)
            snapshot = asker.snapshot
            earlier = snapshot.earlier
            self.assertIsNotNone(earlier)
            self.assertEqual(
                ((earlier and earlier.uptime, snapshot.later.uptime), snapshot.fault),
                (uptimes, fault),
            )

    def test_at_once(self) -> None:
        """It waits for its interval, but not where another view needs more."""
        asker = self.start(3600.0)
        asker.want(Wanted(frozenset({"alice"})))
        asker.want(Wanted(frozenset({"bob"}), limits=True))
        self.answer(1)
        self.assertEqual(self.source.asked, [Wanted(frozenset({"bob"}), limits=True)])

    def test_too_soon(self) -> None:
        """Rates are not those of the moment between two answers of which another view has hurried
        the second: in it as little as nothing may have passed, or all that comes in a second.
        """
        asker = self.start(3600.0)
        for number, (answer, uptimes) in enumerate(
            (
                (1, (0, 1)),
                (4000, (1, 4000)),
                (4001, (1, 4001)),
                (4002, (1, 4002)),
                (8000, (4002, 8000)),
            )
        ):
            asker.want(Wanted(limits=number % 2 == 0))
            self.answer(answer)
            earlier = asker.snapshot.earlier
            shown = (earlier and earlier.uptime, asker.snapshot.later.uptime)
            self.assertEqual(shown, uptimes)

    def test_pause(self) -> None:
        """A server whose answer takes long has nine parts of the time for other work, but is not
        forgotten.
        """
        for took, interval, seconds in ((0.01, 1.0, 1.0), (0.5, 1.0, 4.5), (5.0, 1.0, 10.0)):
            self.assertEqual(pause_after(took, interval), seconds)

    def test_close(self) -> None:
        """It ends while it waits."""
        asker = self.start(3600.0)
        asker.close()
        self.assertNotIn("asking", [one.name for one in threading.enumerate()])
