"""Who watches is told each second."""

from __future__ import annotations

import json
from typing import Any

from twisted.internet.defer import CancelledError
from twisted.internet.task import Clock
from twisted.logger import Logger
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.page import feed as feed_module
from pipetwist.page.document import encoded
from pipetwist.page.feed import Feed
from pipetwist.page.stream import LONGEST_PAUSE, Stream
from pipetwist.page.view import View
from tests.page.pretended import PretendedRelay

__all__ = ["FeedTest", "SlowReaderTest", "SnapshotTest"]


class _Transport:
    aborted = False

    def abortConnection(self) -> None:
        """Remember it."""
        self.aborted = True


class _Channel:
    closing = False

    def __init__(self) -> None:
        self.transport = _Transport()

    def loseConnection(self) -> None:
        """Remember it."""
        self.closing = True


class _Request:
    """A request whose client is the test."""

    def __init__(self) -> None:
        self.channel = _Channel()
        self.finished = False
        self.producer: Any = None
        self.written: list[bytes] = []

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """Take it."""
        assert streaming
        self.producer = producer

    def unregisterProducer(self) -> None:
        """Forget it."""
        self.producer = None

    def write(self, data: bytes) -> None:
        """Take an event."""
        assert not self.finished
        self.written.append(data)

    def finish(self) -> None:
        """It is over."""
        self.finished = True

    def events(self) -> list[tuple[str, Any]]:
        """What was sent since the last call: the kind and the data of each event."""
        events = []
        for block in self.written:
            fields = dict(line.split(": ", 1) for line in block.decode("ascii").strip().split("\n"))
            if "data" in fields:
                events.append((fields["event"], json.loads(fields["data"])))
        self.written = []
        return events


class _Case(SynchronousTestCase):
    def setUp(self) -> None:
        """Make a relay that carries nothing, and its feed."""
        self.relay = PretendedRelay(connections=20)
        self.clock: Clock = self.relay.clock
        self.logged: list[Any] = []
        self.feed = Feed(
            self.clock,
            self.relay.ledger,
            self.relay.store,
            self.relay.now,
            Logger(observer=self.logged.append),  # type: ignore[arg-type]  # a list's append observes well
        )
        self.addCleanup(self.check_rest)

    def check_rest(self) -> None:
        """Once it is closed nothing is left to be called."""
        self.feed.close()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def watch(self, view: View | None = None) -> tuple[_Request, Stream]:
        """Somebody watches."""
        request = _Request()
        stream = Stream(request, view or View(), self.clock)  # type: ignore[arg-type]  # it has what is used of one
        self.feed.watch(stream)
        return request, stream

    def turn(self) -> None:
        """Have the reactor do what is due now."""
        self.clock.advance(0)


class FeedTest(_Case):
    """Streams that read what they are sent."""

    def test_each_second(self) -> None:
        """A stream gets a whole snapshot at once, and each second what has changed."""
        request, _ = self.watch()
        self.turn()
        ((kind, first),) = request.events()
        self.assertEqual((kind, first["interval"], first["totals"]["open"]), ("snapshot", None, 20))
        self.relay.advance()
        self.relay.clock.advance(0)
        ((kind, second),) = request.events()
        self.assertEqual((kind, second["interval"], second["time"] - first["time"]), ("change", 1.0, 1.0))
        moved = second["totals"]["downlink"] - first["totals"]["downlink"]
        self.assertGreater(moved, 0)
        self.assertEqual(second["totals"]["downlink_rate"], moved)

    def test_changes(self) -> None:
        """A change leaves out names that stand still; put over what was known it is what a whole snapshot says."""
        request, _ = self.watch()
        self.turn()
        known = request.events()[0][1]["traffic"]
        for _ in range(5):
            self.relay.advance()
            self.turn()
        for kind, change in request.events():
            self.assertEqual(kind, "change")
            for entity, traffic in change["traffic"].items():
                known[entity]["names"].update(traffic["names"])
        whole = json.loads(self.successResultOf(self.feed.snapshot(View())))["traffic"]
        totals = {
            key: {name: (flow["uplink"], flow["downlink"]) for name, flow in traffic["names"].items()} for key, traffic in known.items()
        }
        self.assertEqual(
            totals,
            {key: {name: (flow["uplink"], flow["downlink"]) for name, flow in traffic["names"].items()} for key, traffic in whole.items()},
        )
        for account in list(self.relay.open):
            del self.relay.open[account]
        self.clock.advance(1)
        (_, still) = request.events()[-1]
        self.clock.advance(1)
        (_, still) = request.events()[-1]
        self.assertEqual(still["traffic"]["user"]["names"], {})

    def test_second_stream(self) -> None:
        """Who comes later gets a whole snapshot of this second at once, and then the same seconds as the others."""
        self.watch()
        self.turn()
        self.clock.advance(0.4)
        request, _ = self.watch(View(words=("alice",)))
        ((kind, first),) = request.events()
        self.assertEqual((kind, {row["user"] for row in first["connections"]["rows"]}), ("snapshot", {"alice"}))
        self.clock.advance(0.6)
        self.assertEqual([kind for kind, _ in request.events()], ["change"])

    def test_rest(self) -> None:
        """When nobody watches any more no timer runs, and the next one starts without rates of before."""
        _, stream = self.watch()
        self.turn()
        self.feed.leave(stream)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.clock.advance(100)
        request, _ = self.watch()
        self.turn()
        self.assertEqual(request.events()[0][1]["interval"], None)

    def test_leaving_meanwhile(self) -> None:
        """Who leaves while the figures are read is told nothing, and the reading ends by itself."""
        request, stream = self.watch()
        self.feed.leave(stream)
        self.turn()
        self.assertEqual((request.events(), self.clock.getDelayedCalls()), ([], []))

    def test_coming_meanwhile(self) -> None:
        """Who comes while the figures are read waits for their end, and gets no figures of two moments."""
        self.watch()
        self.turn()
        steps = self.step_by_step()
        self.relay.advance()
        steps()
        request, _ = self.watch()
        self.assertEqual(request.events(), [])
        for _ in range(100):
            steps()
        ((kind, first),) = request.events()
        self.assertEqual((kind, first["interval"]), ("snapshot", 1.0))

    def step_by_step(self) -> Any:
        """From now on a step of a round is taken when what this returns is called."""
        waiting: list[Any] = []

        class Call:
            def cancel(self) -> None:
                waiting.clear()

        def later(call: Any) -> Call:
            waiting.append(call)
            return Call()

        self.patch(self.feed._cooperator, "_scheduler", later)
        return lambda: waiting.pop()() if waiting else None

    def test_same_view(self) -> None:
        """Streams of the same view are sent the same bytes, which are made once."""
        made: list[bytes] = []

        def encoded_once_more(what: dict[str, Any]) -> bytes:
            made.append(encoded(what))
            return made[-1]

        self.patch(feed_module, "encoded", encoded_once_more)
        requests = [self.watch()[0] for _ in range(3)]
        self.turn()
        self.assertEqual((len(made), {len(request.events()) for request in requests}), (1, {1}))

    def test_close(self) -> None:
        """A feed that is closed ends its streams in order, and can be used again."""
        request, _ = self.watch()
        self.turn()
        self.feed.close()
        self.assertTrue(request.finished and request.channel.closing)
        self.assertEqual((len(self.feed), self.clock.getDelayedCalls()), (0, []))
        again, _ = self.watch()
        self.turn()
        self.assertEqual(len(again.events()), 1)

    def test_close_on_slow_reader(self) -> None:
        """A stream whose transport is full is dropped then: its end would wait behind what the reader does not take."""
        request, stream = self.watch()
        self.turn()
        stream.pauseProducing()
        self.feed.close()
        self.assertEqual((request.channel.transport.aborted, request.finished), (True, False))

    def test_closing_meanwhile(self) -> None:
        """One that is closed while the figures are read tells nobody, and logs nothing."""
        request, _ = self.watch()
        self.feed.close()
        self.turn()
        self.assertEqual((request.events(), self.logged), ([], []))

    def test_failure(self) -> None:
        """A mistake of ours is logged, and the next second is tried anew."""
        request, _ = self.watch()
        self.turn()
        request.events()
        self.patch(self.feed, "_store", None)
        self.patch(self.feed._sampler, "_store", None)
        self.clock.advance(1)
        self.assertIn("could not be read", self.logged[0]["log_format"])
        self.feed._sampler._store = self.relay.store  # type: ignore[union-attr]  # it is there while somebody watches
        self.clock.advance(1)
        self.assertEqual(len(request.events()), 1)


class SlowReaderTest(_Case):
    """A stream whose transport is full."""

    def test_skipped(self) -> None:
        """It is sent nothing, however long that takes, and then a whole snapshot."""
        request, stream = self.watch()
        self.turn()
        stream.pauseProducing()
        for _ in range(int(LONGEST_PAUSE)):
            self.clock.advance(1)
        self.assertEqual([kind for kind, _ in request.events()], ["snapshot"])
        stream.resumeProducing()
        self.clock.advance(1)
        self.clock.advance(1)
        self.assertEqual([kind for kind, _ in request.events()], ["snapshot", "change"])

    def test_dropped(self) -> None:
        """One that takes nothing for too long is dropped, and nobody else notices."""
        request, stream = self.watch()
        other, _ = self.watch()
        self.turn()
        stream.pauseProducing()
        for _ in range(int(LONGEST_PAUSE) + 2):
            self.clock.advance(1)
        self.assertTrue(request.channel.transport.aborted)
        self.assertEqual((len(self.feed), len(other.events())), (1, int(LONGEST_PAUSE) + 3))

    def test_gone(self) -> None:
        """One whose connection was lost is not written to, nor finished."""
        request, stream = self.watch()
        self.turn()
        request.events()
        stream.stopProducing()
        self.clock.advance(1)
        self.feed.close()
        self.assertEqual((request.events(), request.finished), ([], False))


class SnapshotTest(_Case):
    """The figures, once."""

    def test_alone(self) -> None:
        """Where nobody watches, new figures are read, and no timer stays."""
        asked = self.feed.snapshot(View(limit=3))
        self.assertNoResult(asked)
        self.turn()
        snapshot = json.loads(self.successResultOf(asked))
        self.assertEqual((snapshot["interval"], snapshot["connections"]["matching"], len(snapshot["connections"]["rows"])), (None, 20, 3))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_meanwhile(self) -> None:
        """Who asks while the figures are read for another gets the same."""
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
        snapshot = json.loads(self.successResultOf(self.feed.snapshot(View())))
        self.assertEqual(snapshot["interval"], 1.0)
        self.assertGreater(snapshot["connections"]["rows"][0]["downlink_rate"], 0)

    def test_failure(self) -> None:
        """Who waits when they can't be read hears of it."""
        self.patch(self.feed, "_store", None)
        asked = self.feed.snapshot(View())
        self.turn()
        self.failureResultOf(asked, CancelledError)
        self.assertEqual(len(self.logged), 1)

    def test_close(self) -> None:
        """Who waits when the feed is closed hears of it."""
        asked = self.feed.snapshot(View())
        self.feed.close()
        self.failureResultOf(asked, CancelledError)
