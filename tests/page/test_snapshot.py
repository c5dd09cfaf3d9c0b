"""The figures, once, for who asks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from twisted.internet.defer import CancelledError

from pipetwist.page.figures import Figures
from pipetwist.page.view import View
from tests.page.feeding import FeedCase


class SnapshotTest(FeedCase):
    """The figures, once."""

    def test_alone(self) -> None:
        """If nobody watches, new figures are read, and a second later no timer is left and nothing
        is kept.
        """
        asked = self.feed.snapshot(View(limit=3))
        self.assertNoResult(asked)
        self.turn()
        snapshot = json.loads(self.successResultOf(asked))
        self.assertEqual(
            (
                snapshot["interval"],
                snapshot["connections"]["matching"],
                len(snapshot["connections"]["rows"]),
            ),
            (None, 20, 3),
        )
        self.clock.advance(1)
        self.assertEqual((self.clock.getDelayedCalls(), self.feed._figures), ([], None))

    def test_shared(self) -> None:
        """Whoever asks within a second gets the same figures, which are read once, however many
        ask; those of a view are written once.
        """
        read: list[object] = []
        take = Figures.take

        def counted(figures: Figures) -> Iterator[None]:
            read.append(figures)
            return take(figures)

        self.patch(Figures, "take", counted)
        bodies = []
        for _ in range(9):
            asked = [self.feed.snapshot(View()), self.feed.snapshot(View(limit=1))]
            self.relay.advance(0.1)
            bodies += [self.successResultOf(one) for one in asked]
        self.assertEqual((len(read), len(set(bodies))), (1, 2))
        self.relay.advance(0.5)
        self.assertNotEqual(self.asked()["time"], json.loads(bodies[0])["time"])
        self.assertEqual(len(read), 2)

    def test_asked_all_the_time(self) -> None:
        """If somebody waits at every moment the figures are read again each second, too."""
        times: set[float] = set()
        for _ in range(30):
            asked = self.feed.snapshot(View(words=(str(len(times)),)))
            self.relay.advance(0.1)
            times.add(json.loads(self.successResultOf(asked))["time"])
        self.assertEqual(len(times), 3)

    def test_gone(self) -> None:
        """Nothing is written for who no longer waits."""
        self.asked()
        written: list[View] = []
        self.patch(Figures, "told", lambda _, view: written.append(view))
        asked = self.feed.snapshot(View(limit=7))
        asked.cancel()
        self.failureResultOf(asked, CancelledError)
        self.turn()
        self.assertEqual(written, [])

    def asked(self) -> Any:
        """A snapshot, which is asked for now."""
        asked = self.feed.snapshot(View())
        self.turn()
        return json.loads(self.successResultOf(asked))

    def test_again(self) -> None:
        """A later request gets later figures, without rates."""
        first = self.asked()
        self.relay.advance()
        second = self.asked()
        self.assertEqual((second["time"] - first["time"], second["interval"]), (1.0, None))
        self.assertGreater(second["totals"]["downlink"], first["totals"]["downlink"])

    def test_after_the_last_stream(self) -> None:
        """A request after the last stream has gone gets new figures, whether that left between two
        readings or during one.
        """
        for under_way in (False, True):
            _, stream = self.watch()
            if not under_way:
                self.turn()
            self.feed.leave(stream)
            self.turn()
            before = self.asked()["totals"]["downlink"]
            self.relay.advance()
            self.assertGreater(self.asked()["totals"]["downlink"], before)

    def test_meanwhile(self) -> None:
        """A request that arrives while the figures are read for another one gets the same."""
        first, second = self.feed.snapshot(View()), self.feed.snapshot(View(sort="age"))
        request, _ = self.watch()
        self.turn()
        times = {json.loads(self.successResultOf(one))["time"] for one in (first, second)}
        self.assertEqual(times, {request.events()[0][1]["time"]})

    def test_watched(self) -> None:
        """Where somebody watches it has the rates of this second."""
        self.watch()
        self.turn()
        self.relay.advance()
        snapshot = self.asked()
        self.assertEqual(snapshot["interval"], 1.0)
        self.assertGreater(snapshot["connections"]["rows"][0]["downlink_rate"], 0)

    def test_failure(self) -> None:
        """If they can't be read, waiting requests get an error."""
        self.patch(self.feed, "_store", None)
        asked = self.feed.snapshot(View())
        self.turn()
        self.failureResultOf(asked, CancelledError)
        self.assertEqual(len(self.logged), 1)

    def test_close(self) -> None:
        """If the feed is closed, waiting requests get an error."""
        asked = self.feed.snapshot(View())
        self.feed.close()
        self.failureResultOf(asked, CancelledError)
