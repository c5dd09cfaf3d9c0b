"""A feed whose clock, relay and readers are the test's."""

from __future__ import annotations

import json
from typing import Any

from twisted.internet.task import Clock
from twisted.logger import Logger
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.page.feed import Feed
from pipetwist.page.stream import Stream
from pipetwist.page.view import View
from tests.support.pretended_relay import PretendedRelay

__all__ = ["FeedCase", "Request"]


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


class Request:
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


class FeedCase(SynchronousTestCase):
    """A relay that carries nothing, and its feed."""

    def setUp(self) -> None:
        """Make a relay that carries nothing, and its feed."""
        self.relay = PretendedRelay(connections=20)
        self.clock: Clock = self.relay.clock
        self.logged: list[Any] = []
        self.feed = Feed(
            self.clock,
            self.relay.connection_table,
            self.relay.store,
            self.relay.now,
            Logger(observer=self.logged.append),  # type: ignore[arg-type]  # a list's append observes well
        )
        self.addCleanup(self.check_rest)

    def check_rest(self) -> None:
        """Once it is closed nothing is left to be called."""
        self.feed.close()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def watch(self, view: View | None = None) -> tuple[Request, Stream]:
        """Somebody watches."""
        request = Request()
        stream = Stream(request, view or View(), self.clock)  # type: ignore[arg-type]  # it has what is used of one
        self.feed.watch(stream)
        return request, stream

    def turn(self) -> None:
        """Have the reactor do what is due now."""
        self.clock.advance(0)
