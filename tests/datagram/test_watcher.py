"""Descriptors that a reactor watches."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from pipetwist.datagram.watcher import Watcher
from pipetwist.kernel.poller import IN, OUT
from tests.support.memory_transport import TurningReactor


class _Told:
    """Records events."""

    def __init__(self) -> None:
        self.events: list[int] = []

    def ready(self, events: int) -> None:
        self.events.append(events)

    def failed(self) -> None:
        pass


class WatcherTest(SynchronousTestCase):
    """One descriptor."""

    def test_events(self) -> None:
        """The reactor watches for just what is asked for, and for nothing in the end."""
        reactor: Any = TurningReactor()
        watcher, told = Watcher(reactor), _Told()
        watcher.add(0, told, 0)
        self.assertEqual(repr(watcher), "<Watcher 1 watched>")
        for events in (IN, 0, OUT, IN | OUT, IN, OUT, 0, IN | OUT):
            watcher.change(0, events)
            self.assertEqual(
                (bool(reactor.readers), bool(reactor.writers)),
                (bool(events & IN), bool(events & OUT)),
                events,
            )
        (watched,) = reactor.readers
        watched.doRead()
        watched.doWrite()
        self.assertEqual((told.events, watched.fileno()), ([IN, OUT], 0))
        watcher.remove(0)
        self.assertEqual((reactor.readers, reactor.writers), (set(), set()))
