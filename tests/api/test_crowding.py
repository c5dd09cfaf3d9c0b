"""An API on a unix socket that has as many connections as it takes, in the daemon's log."""

from __future__ import annotations

import socket
from typing import Any, cast

from twisted.internet import reactor
from twisted.internet.defer import Deferred, fail
from twisted.internet.error import ConnectionRefusedError as Refused
from twisted.internet.task import Clock, deferLater
from twisted.internet.testing import StringTransport
from twisted.logger import ILogObserver, LogEvent, Logger, formatEvent, globalLogPublisher
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase, TestCase

from pipetwist.api import crowding
from pipetwist.api.crowding import INTERVAL, CrowdWatch
from pipetwist.api.options import ApiOptions
from pipetwist.api.service import StatsApi
from pipetwist.stats.counters import MemoryCounterStore
from pipetwist.stats.online import OnlineUsers
from tests.interop.scratch import scratch_folder

__all__ = ["CrowdWatchTest", "CrowdedApiTest"]

_FULL = "The StatsService has 128 connections, as many as it takes; who comes beyond is closed"
_AGAIN = "The StatsService takes connections again"


class _Endpoint:
    """A server that is the test's."""

    def __init__(self) -> None:
        self.made: list[tuple[Any, StringTransport]] = []
        self.refuses = False

    def connect(self, factory: Any) -> Deferred[Any]:
        self.factory = factory
        if self.refuses:
            return fail(Refused())
        protocol = factory.buildProtocol(None)
        transport = StringTransport()
        transport.abortConnection = lambda: None  # type: ignore[method-assign]  # it has none that is quiet
        self.made.append((protocol, transport))
        protocol.makeConnection(transport)
        done: Deferred[Any] = Deferred()
        done.callback(protocol)
        return done

    def last(self) -> Any:
        """The protocol of the connection that was made last."""
        return self.made[-1][0]


class CrowdWatchTest(SynchronousTestCase):
    """Looks at a server."""

    def setUp(self) -> None:
        """Begin."""
        self.clock = Clock()
        self.endpoint = _Endpoint()
        self.said: list[str] = []
        log = _log(self.said)
        self.watch = CrowdWatch(self.endpoint, self.clock, log)  # type: ignore[arg-type]  # what is used of one

    def look(self, *, crowded: bool) -> None:
        """Let it look once."""
        self.clock.advance(INTERVAL)
        if crowded:
            self.endpoint.last().connectionLost(Failure(Refused()))
        else:
            self.endpoint.last().dataReceived(b"settings")

    def test_told_once(self) -> None:
        """It is logged once when the server is full, and once when it is no longer."""
        for crowded in (False, True, True, False, False, True):
            self.look(crowded=crowded)
        self.assertEqual(self.said, [_FULL, _AGAIN, _FULL])
        self.assertEqual(len(self.endpoint.made), 6)

    def test_says_nothing_itself(self) -> None:
        """A look leaves no line in the log: there is one twice a minute."""
        heard: list[LogEvent] = []
        observer = cast("ILogObserver", heard.append)
        globalLogPublisher.addObserver(observer)
        self.addCleanup(globalLogPublisher.removeObserver, observer)
        self.clock.advance(INTERVAL)
        self.endpoint.factory.doStart()
        self.endpoint.factory.doStop()
        self.assertEqual(heard, [])

    def test_silence(self) -> None:
        """A server that waits to be spoken to is not full."""
        self.clock.advance(INTERVAL)
        self.clock.advance(10)
        self.endpoint.last().connectionLost(Failure(Refused()))  # that is the look's own doing
        self.assertEqual(self.said, [])
        self.look(crowded=True)
        self.assertEqual(self.said, [_FULL])

    def test_not_reached(self) -> None:
        """Where it can't be connected to nothing is known, and it is tried again."""
        self.look(crowded=True)
        self.endpoint.refuses = True
        self.clock.advance(INTERVAL)
        self.endpoint.refuses = False
        self.look(crowded=False)
        self.assertEqual(self.said, [_FULL, _AGAIN])

    def test_stop(self) -> None:
        """After a stop nothing is left, before a look and within one."""
        self.clock.advance(INTERVAL)
        self.watch.stop()
        self.endpoint.last().connectionLost(Failure(Refused()))
        self.assertEqual((self.said, self.clock.getDelayedCalls()), ([], []))
        watch = CrowdWatch(self.endpoint, self.clock, Logger())  # type: ignore[arg-type]  # see above
        watch.stop()
        self.assertEqual(self.clock.getDelayedCalls(), [])


class CrowdedApiTest(TestCase):
    """A real one."""

    timeout = 120

    def setUp(self) -> None:
        """Look often."""
        self.patch(crowding, "INTERVAL", 0.05)
        self.said: list[str] = []
        self.taken: list[socket.socket] = []
        self.addCleanup(self.free)

    def start(self) -> str:
        """Start it; the path of its socket."""
        path = scratch_folder(self) / "api.sock"
        api = StatsApi(
            ApiOptions(listen=f"unix:{path}"), MemoryCounterStore(), OnlineUsers(lambda: 0.0), _reactor, grace=0.0, log=_log(self.said)
        )
        api.startService()
        self.addCleanup(api.stopService)
        return str(path)

    async def crowd(self, path: str) -> None:
        """Take every connection, and give them back when that was logged."""
        while _FULL not in self.said:
            if len(self.taken) < 200:
                self.taken.append(connected := socket.socket(socket.AF_UNIX))
                connected.settimeout(60)
                connected.connect(path)
            await deferLater(_reactor, 0.01)
        self.free()
        while _AGAIN not in self.said:
            await deferLater(_reactor, 0.01)

    def free(self) -> None:
        """Give every connection back."""
        while self.taken:
            self.taken.pop().close()

    async def test_full(self) -> None:
        """Connections up to the bound, and the log says that it is full; they go, and it says that as well."""
        await self.crowd(self.start())


def _log(said: list[str]) -> Logger:
    """A log whose lines are noted."""

    def note(event: LogEvent) -> None:
        said.append(formatEvent(event))

    return Logger(observer=note)  # type: ignore[arg-type]  # all that an observer is asked for


_reactor: Any = reactor
