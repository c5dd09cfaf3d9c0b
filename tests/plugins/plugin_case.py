"""A plug-in whose processes, threads and kernel are the test's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.task import Clock
from twisted.logger import Logger, LogPublisher, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.interfaces import Medium
from pipetwist.plugins import readiness
from pipetwist.plugins.contract import Contract, Place
from pipetwist.plugins.owners import Listens
from pipetwist.plugins.plugin import Plugin
from pipetwist.plugins.sip003 import Sip003Client
from pipetwist.process.command import PreparedCommand
from pipetwist.testing import FakeSpawner

__all__ = ["NoThreads", "PluginCase", "ThreadedClock"]


class ThreadedClock(Clock):
    """A clock that is called from threads, of which there is none."""

    def callFromThread(self, call: Callable[..., Any], *arguments: object) -> None:
        """See ``IReactorFromThreads``."""
        call(*arguments)


class NoThreads:
    """Makes every call at once.

    Attributes:
        error: why it may have no more threads; None if it may.
    """

    error: RuntimeError | None = None

    def start(self, call: Callable[[], None]) -> None:
        """See `UnawaitedThreads`."""
        if self.error is not None:
            raise self.error
        call()


class PluginCase(SynchronousTestCase):
    """Has a plug-in of the contract SIP003."""

    def setUp(self) -> None:
        """Make it."""
        self.clock = ThreadedClock()
        self.spawner = FakeSpawner()
        self.events: list[dict[str, Any]] = []
        self.listens = self.datagrams_listen = Listens.NOBODY
        self.asked: list[Sequence[Place]] = []
        self.threads = NoThreads()
        self.error: OSError | None = None
        self.patch(readiness, "who_listens", self._who_listens)
        self.plugin = self.make(Sip003Client("obfs-local", "obfs=http", ("192.0.2.1", 8388)))
        self.addCleanup(self._stop)

    def make(self, contract: Contract) -> Plugin:
        """Make one."""
        log = Logger("pipetwist", observer=LogPublisher(self.events.append))  # type: ignore[arg-type]  # a list's append observes well
        prepared = PreparedCommand(("/usr/bin/obfs-local",), {"PATH": "/bin"})
        threads: Any = self.threads
        return Plugin(
            self.clock, self.spawner, log, "outbound a", prepared, None, contract, 5.0, threads
        )

    def _who_listens(self, process: object, places: Sequence[Place]) -> list[Listens]:
        self.asked.append(places)
        if self.error is not None:
            raise self.error
        return [
            self.datagrams_listen if place.medium is Medium.DATAGRAMS else self.listens
            for place in places
        ]

    def _stop(self) -> None:
        self.plugin.stop()
        if self.process.pid is not None:
            self.process.exit()

    @property
    def process(self) -> Any:
        """Its last process."""
        return self.spawner.processes[-1]

    def become_ready(self) -> None:
        """Have the kernel say that it listens."""
        self.listens = Listens.PLUGIN
        self.clock.advance(1)

    def said(self) -> list[str]:
        """What was logged, without what is for debugging."""
        return [formatEvent(event) for event in self.events if event["log_level"].name != "debug"]
