"""Streams get an event each second."""

from __future__ import annotations

import json
from typing import Any

from pipetwist.page import figures as figures_module
from pipetwist.page.document import Steps, connections
from pipetwist.page.sampling import Sampler
from pipetwist.page.stream import MAX_PAUSE
from pipetwist.page.view import View
from tests.page.feeding import FeedCase


class FeedTest(FeedCase):
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
        self.assertEqual(
            (kind, second["interval"], second["time"] - first["time"]), ("change", 1.0, 1.0)
        )
        moved = second["totals"]["downlink"] - first["totals"]["downlink"]
        self.assertGreater(moved, 0)
        self.assertEqual(second["totals"]["downlink_rate"], moved)

    def test_changes(self) -> None:
        """A change leaves out names that stand still; put over what was known it is what a whole
        snapshot says.
        """
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
        asked = self.feed.snapshot(View())
        self.turn()
        whole = json.loads(self.successResultOf(asked))["traffic"]
        totals = {
            key: {
                name: (flow["uplink"], flow["downlink"]) for name, flow in traffic["names"].items()
            }
            for key, traffic in known.items()
        }
        self.assertEqual(
            totals,
            {
                key: {
                    name: (flow["uplink"], flow["downlink"])
                    for name, flow in traffic["names"].items()
                }
                for key, traffic in whole.items()
            },
        )
        for connection in list(self.relay.open):
            del self.relay.open[connection]
        self.clock.advance(1)
        (_, still) = request.events()[-1]
        self.clock.advance(1)
        (_, still) = request.events()[-1]
        self.assertEqual(still["traffic"]["user"]["names"], {})

    def test_second_stream(self) -> None:
        """A later stream gets a whole snapshot of this second immediately, and then the same events
        as the others.
        """
        self.watch()
        self.turn()
        self.clock.advance(0.4)
        request, _ = self.watch(View(words=("alice",)))
        self.turn()
        ((kind, first),) = request.events()
        self.assertEqual(
            (kind, {row["user"] for row in first["connections"]["rows"]}), ("snapshot", {"alice"})
        )
        self.clock.advance(0.6)
        self.assertEqual([kind for kind, _ in request.events()], ["change"])

    def test_rest(self) -> None:
        """When nobody watches any more no timer runs, and the next one starts without rates of
        before.
        """
        _, stream = self.watch()
        self.turn()
        self.feed.leave(stream)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.clock.advance(100)
        request, _ = self.watch()
        self.turn()
        self.assertEqual(request.events()[0][1]["interval"], None)

    def test_leaving_meanwhile(self) -> None:
        """A stream that is removed while the figures are read gets nothing, and the reading ends by
        itself.
        """
        request, stream = self.watch()
        self.feed.leave(stream)
        self.turn()
        self.assertEqual((request.events(), self.clock.getDelayedCalls()), ([], []))

    def test_coming_meanwhile(self) -> None:
        """A stream that is added while the figures are read waits until they are complete."""
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
        made: list[View] = []

        def noted(sample: Sampler, view: View) -> Steps:
            made.append(view)
            return connections(sample, view)

        self.patch(figures_module, "connections", noted)
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
        """A stream whose transport is full is dropped then: its end would wait behind what the
        reader does not take.
        """
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
        """A mistake of ours is logged, and the next second is tried again."""
        request, _ = self.watch()
        self.turn()
        request.events()
        broken = self.patch(self.relay.store, "counters", None)
        self.clock.advance(1)
        self.assertIn("could not be read", self.logged[0]["log_format"])
        broken.restore()
        self.clock.advance(1)
        self.assertEqual(len(request.events()), 1)


class SlowReaderTest(FeedCase):
    """A stream whose transport is full."""

    def test_skipped(self) -> None:
        """It is sent nothing, however long that takes, and then a whole snapshot."""
        request, stream = self.watch()
        self.turn()
        stream.pauseProducing()
        for _ in range(int(MAX_PAUSE)):
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
        for _ in range(int(MAX_PAUSE) + 2):
            self.clock.advance(1)
        self.assertTrue(request.channel.transport.aborted)
        self.assertEqual((len(self.feed), len(other.events())), (1, int(MAX_PAUSE) + 3))

    def test_gone(self) -> None:
        """One whose connection was lost is not written to, nor finished."""
        request, stream = self.watch()
        self.turn()
        request.events()
        stream.stopProducing()
        self.clock.advance(1)
        self.feed.close()
        self.assertEqual((request.events(), request.finished), ([], False))
