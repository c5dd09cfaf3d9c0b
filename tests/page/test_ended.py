"""What the page knows of connections that have ended."""

from __future__ import annotations

import json
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.connection.cause import Cause
from pipetwist.page.ended import MAX_ENDED, EndedConnections
from pipetwist.page.feed import Feed
from pipetwist.page.reading import DocumentCall
from pipetwist.page.resources import page_resources
from pipetwist.web.connection_limit import Connections
from pipetwist.web.site import MonitoringSite, Root
from tests.support.pretended_relay import PretendedRelay
from tests.support.web_client import Client


class EndedTest(SynchronousTestCase):
    """The connections of a relay that carries nothing."""

    def setUp(self) -> None:
        """Have more than are remembered."""
        self.relay = PretendedRelay(connections=MAX_ENDED + 5)
        self.time = Clock()
        self.time.advance(1000)
        self.ended = EndedConnections(self.time.seconds, lambda: {("in", Cause.REFUSED): 2})
        self.open = self.relay.connection_table.connections()

    def end(self, place: int, cause: Cause | None, reason: str) -> str:
        """A connection ends; the tag of its outbound."""
        connection = self.open[place]
        connection.cause, connection.reason = cause, reason
        self.ended.closed(connection, 2.5)
        return connection.outbound

    def test_nothing(self) -> None:
        """Before anything has ended there is nothing."""
        self.assertEqual(
            EndedConnections(self.time.seconds, dict).document(),
            {"outbounds": {}, "rejected": [], "connections": []},
        )

    def test_row(self) -> None:
        """Of each there is what its line in the log has."""
        self.end(3, Cause.SERVER, "server: reset")
        (row,) = json.loads(json.dumps(self.ended.document()))["connections"]
        one = self.open[3]
        info = one.client_info
        self.assertEqual(
            row,
            {
                "id": one.number,
                "inbound": info.inbound,
                "outbound": one.outbound,
                "user": info.user,
                "peer": info.peer,
                "ended": 1000.0,
                "age": 2.5,
                "uplink": one.uplink,
                "downlink": one.downlink,
                "cause": "server",
                "reason": "server: reset",
            },
        )

    def test_removed(self) -> None:
        """An outbound that a reload has removed is not there any more."""
        there = {self.end(place, Cause.CONNECT, "refused") for place in range(len(self.open))}
        ended = EndedConnections(self.time.seconds, dict, lambda: there)
        for connection in self.open:
            ended.closed(connection, 2.5)
        told: Any = ended.document()
        self.assertEqual(told["outbounds"].keys(), there)
        removed = there.pop()
        told = ended.document()
        self.assertEqual(told["outbounds"].keys(), there)
        there.add(removed)
        told = ended.document()
        self.assertNotIn(removed, told["outbounds"], "it is another one")

    def test_bounded(self) -> None:
        """Only the last are remembered, the latest first."""
        for place in range(len(self.open)):
            self.end(place, None, "closed")
        rows = json.loads(json.dumps(self.ended.document()))["connections"]
        self.assertEqual(
            [row["id"] for row in rows], [one.number for one in reversed(self.open[5:])]
        )

    def test_outbounds(self) -> None:
        """What an outbound failed at is told with when and why; what is not its fault is not."""
        (tag,) = {self.end(0, None, "closed")}
        same = [place for place, one in enumerate(self.open) if one.outbound == tag][1:5]
        for place, cause in zip(
            same, (Cause.CONNECT, Cause.SERVER, Cause.CLIENT, Cause.STOPPED), strict=True
        ):
            self.time.advance(10)
            self.end(place, cause, f"because of {cause.value}")
        self.assertEqual(
            self.ended.document()["outbounds"],
            {
                tag: {
                    "succeeded": 1000.0,
                    "failures": 2,
                    "failed": 1020.0,
                    "id": self.open[same[1]].number,
                    "reason": "because of server",
                }
            },
        )

    def test_call(self) -> None:
        """It is served beside the others, as JSON that nobody keeps."""
        relay = self.relay
        feed = Feed(relay.clock, relay.connection_table, relay.store, relay.now)
        root = Root()
        for name, resource in page_resources(
            feed, {}, {"ended": DocumentCall(self.ended.document)}
        ).items():
            root.putChild(name.encode(), resource)
        answer = Client(Connections(MonitoringSite(root, [], relay.clock))).ask("/api/ended")
        self.assertEqual(
            (answer.status, answer.headers["content-type"], answer.headers["cache-control"]),
            (200, "application/json", "no-store"),
        )
        self.assertEqual(
            json.loads(answer.body)["rejected"],
            [{"inbound": "in", "cause": "refused", "count": 2}],
        )
