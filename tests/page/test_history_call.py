"""The history, asked for over HTTP in memory."""

from __future__ import annotations

import json
from typing import Any

from twisted.internet.error import ConnectionDone
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.page import history_call
from pipetwist.page.feed import Feed
from pipetwist.page.history_call import MAX_ANSWERS, MAX_SECONDS, HistoryCall
from pipetwist.page.past import MAX_LISTED, Asked, parse_asked
from pipetwist.page.recorder import Recorder
from pipetwist.page.resources import page_resources
from pipetwist.stats.names import traffic_name
from pipetwist.web.answers import HEADERS
from pipetwist.web.connection_limit import Connections
from pipetwist.web.site import MonitoringSite, Root
from tests.support.pretended_relay import PretendedRelay
from tests.support.web_client import Answer, Client, parse_answer


class HistoryCallTest(SynchronousTestCase):
    """The call, of a relay that carries nothing."""

    def setUp(self) -> None:
        """Serve it, and let some seconds pass."""
        self.relay = PretendedRelay(connections=30)
        relay = self.relay
        parts = (relay.clock, relay.connection_table, relay.store, relay.now)
        self.recorder = Recorder(*parts, relay.clock.seconds)
        self.recorder.start()
        self.addCleanup(self.recorder.close)
        relay.clock.advance(0)
        self.call = HistoryCall(self.recorder, relay.clock)
        root = Root()
        for name, resource in page_resources(Feed(*parts), {}, {"history": self.call}).items():
            root.putChild(name.encode(), resource)
        self.factory = Connections(MonitoringSite(root, [], relay.clock))
        for _ in range(20):
            relay.advance()

    def ask(self, query: str = "", method: str = "GET") -> Answer:
        """Ask, and take the whole answer."""
        client = self.send(query, method)
        self.relay.clock.advance(0)
        answer = parse_answer(bytes(client.transport.value()))
        self.assertEqual(self.call._answers, 0)
        return answer

    def send(self, query: str = "", method: str = "GET") -> Client:
        """A client that has asked."""
        client = Client(self.factory)
        request = f"{method} /api/history{query} HTTP/1.1\r\nHost: localhost\r\n\r\n"
        client.send(request.encode())
        return client

    def told(self, query: str = "") -> Any:
        """What is answered."""
        answer = self.ask(query)
        self.assertEqual(answer.status, 200)
        return json.loads(answer.body)

    def test_answer(self) -> None:
        """It is one JSON object of known length, with the headers of the site; the busiest names
        are in it.
        """
        answer = self.ask("?range=1h&limit=3")
        self.assertEqual(answer.headers["content-type"], "application/json")
        self.assertEqual(answer.headers["content-length"], str(len(answer.body)))
        self.assertLessEqual({name.lower() for name in HEADERS}, set(answer.headers))
        told = json.loads(answer.body)
        self.assertEqual({len(column) for column in told["totals"].values()}, {21})
        users = told["traffic"]["user"]
        self.assertEqual((len(users["names"]), users["all"]), (3, False))
        sums = [sum(flow["downlink"][1:]) for flow in users["names"].values()]
        self.assertEqual(sums, sorted(sums, reverse=True))
        inbounds = told["traffic"]["inbound"]
        self.assertEqual((len(inbounds["names"]), inbounds["all"]), (3, True))

    def test_filter(self) -> None:
        """Names can be asked for."""
        self.relay.store.counter(traffic_name("user", "Alice in chains", "uplink")).add(60)
        self.relay.advance()
        users = self.told("?filter=IN%20ali")["traffic"]["user"]
        self.assertEqual((list(users["names"]), users["all"]), (["Alice in chains"], True))
        self.assertEqual(users["names"]["Alice in chains"]["uplink"][-2:], [0, 60])

    def test_wrong(self) -> None:
        """What can't be asked for is refused, in words."""
        for query, words in (
            ("range=2h", "there is no range '2h'; there are 5m, 1h, 24h"),
            ("range=5m&range=1h", "range is given 2 times; give it once"),
            ("limit=0", f"limit is a number from 1 to {MAX_LISTED}, not '0'"),
            (f"limit={MAX_LISTED + 1}", f"limit is a number from 1 to {MAX_LISTED}, not '21'"),
            ("since=0", "there is no argument 'since'; there are range, filter, limit"),
            (f"filter={'x' * 201}", "filter has more than 200 characters"),
        ):
            answer = self.ask(f"?{query}")
            self.assertEqual((answer.status, answer.body.decode()), (400, f"{words}\n"))

    def test_others(self) -> None:
        """Only GET and HEAD are allowed, and only for hosts that are known."""
        self.assertEqual(self.ask(method="POST").status, 405)
        self.assertEqual(Client(self.factory).ask("/api/history", host="example.org").status, 403)
        head, whole = self.ask(method="HEAD"), self.ask()
        self.assertEqual((head.status, head.body), (200, b""))
        self.assertEqual(head.headers["content-length"], whole.headers["content-length"])

    def test_full(self) -> None:
        """Of those that are asked for at a time a bounded number is answered."""
        clients = [self.send() for _ in range(MAX_ANSWERS)]
        refused = self.ask()
        self.assertEqual((refused.status, refused.headers["retry-after"]), (503, "1"))
        self.relay.clock.advance(0)
        statuses = {parse_answer(bytes(one.transport.value())).status for one in clients}
        self.assertEqual(statuses, {200})
        self.assertEqual(self.ask().status, 200)

    def test_left(self) -> None:
        """A client that leaves before its answer is ready is no mistake, and makes room."""
        client = self.send()
        client.transport.loseConnection()
        client.protocol.connectionLost(Failure(ConnectionDone()))
        self.assertEqual(self.call._answers, 0)
        self.relay.clock.advance(0)
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_reading_slowly(self) -> None:
        """A client that reads too slowly is given a piece at a time, and is dropped at last."""
        self.patch(history_call, "_PIECE", 100)
        client = self.send()
        transport = client.transport
        channel: Any = transport.producer
        write = transport.write

        def write_and_be_full(data: bytes) -> None:
            write(data)
            channel.pauseProducing()

        self.patch(transport, "write", write_and_be_full)
        self.patch(transport, "writeSequence", lambda data: write_and_be_full(b"".join(data)))
        self.relay.clock.advance(0)
        taken = 0
        for _ in range(3):
            self.assertLess(len(transport.value()) - taken, 1000)
            taken = len(transport.value())
            channel.resumeProducing()
            self.assertGreater(len(transport.value()), taken)
        self.assertEqual(self.call._answers, 1)
        self.relay.advance(MAX_SECONDS)
        self.assertTrue(client.transport.disconnecting)
        client.protocol.connectionLost(Failure(ConnectionDone()))
        self.assertEqual(self.call._answers, 0)

    def test_stopping(self) -> None:
        """A client that waits at the stop is told that nothing comes."""
        client = self.send()
        self.recorder.close()
        self.assertIn(b"The history is not available now.", client.transport.value())

    def test_nothing_yet(self) -> None:
        """Before the first second is over there is nothing, which is an answer, too."""
        relay = PretendedRelay(connections=1)
        parts = (relay.clock, relay.connection_table, relay.store, relay.now)
        recorder = Recorder(*parts, relay.clock.seconds)
        told = recorder.tell(Asked())
        relay.clock.advance(0)
        answer = json.loads(self.successResultOf(told))
        self.assertEqual((answer["start"], answer["totals"]["uplink"]), (None, []))

    def test_usual(self) -> None:
        """Without arguments it is the last five minutes."""
        self.assertEqual(parse_asked({}), Asked("5m", (), 6))
        self.assertEqual(self.told()["range"], "5m")
