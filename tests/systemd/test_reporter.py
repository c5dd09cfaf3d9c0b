"""What is reported to the service manager, and when."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterator

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.systemd.notifier import Notifier
from pipetwist.systemd.reporter import Reporter
from tests.support.scratch import scratch_folder


class ReporterTest(SynchronousTestCase):
    """A daemon's states."""

    def setUp(self) -> None:
        """Be the service manager."""
        path = str(scratch_folder(self) / "notify")
        self.manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(self.manager.close)
        self.manager.bind(path)
        self.manager.setblocking(False)
        self.notifier = Notifier(path)
        self.clock = Clock()
        self.status = "0 connections are open"

    def make(self, watchdog: float | None = None) -> Reporter:
        """Make the reporter."""
        return Reporter(self.clock, self.notifier, lambda: self.status, watchdog)

    def heard(self) -> list[list[str]]:
        """What the manager has been told since it was asked last."""
        return list(self._told())

    def _told(self) -> Iterator[list[str]]:
        with contextlib.suppress(BlockingIOError):
            while True:
                yield self.manager.recv(1000).decode().splitlines()

    def test_ready(self) -> None:
        """It is ready once, and its status is said again when it is another."""
        reporter = self.make()
        reporter.ready()
        self.assertEqual(self.heard(), [["READY=1", "STATUS=0 connections are open"]])
        self.clock.advance(5)
        self.assertEqual(self.heard(), [])
        self.status = "1 connections are open"
        self.clock.advance(5)
        self.assertEqual(self.heard(), [["STATUS=1 connections are open"]])

    def test_watchdog(self) -> None:
        """The watchdog is fed twice in its time by the reactor's clock, until it has stopped, and
        never while the clock stands still.
        """
        reporter = self.make(watchdog=3.0)
        reporter.ready()
        self.heard()
        for _ in range(4):
            self.clock.advance(1.5)
            self.assertEqual(self.heard(), [["WATCHDOG=1"]])
        reporter.stopping(20)
        self.assertEqual(self.heard(), [["STOPPING=1", "EXTEND_TIMEOUT_USEC=20000000"]])
        self.clock.advance(1.5)
        self.assertEqual(self.heard(), [["WATCHDOG=1"]])
        reporter.stopped()
        self.assertEqual((self.clock.getDelayedCalls(), self.heard()), ([], []))

    def test_reload(self) -> None:
        """A reload begins at a moment of the monotonic clock and ends with being ready; the reports
        go on as one.
        """
        reporter = self.make(watchdog=3.0)
        reporter.ready()
        before = time.monotonic_ns() // 1000
        reporter.reloading()
        (_, (reloading, moment, _)) = self.heard()
        self.assertEqual(reloading, "RELOADING=1")
        self.assertTrue(
            before <= int(moment.removeprefix("MONOTONIC_USEC=")) <= time.monotonic_ns() // 1000
        )
        reporter.ready()
        self.assertEqual(self.heard()[0][0], "READY=1")
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)

    def test_reload_and_stop(self) -> None:
        """A reload that is over only when the daemon stops already makes nobody think that it is
        ready.
        """
        reporter = self.make(watchdog=3.0)
        reporter.ready()
        reporter.reloading()
        reporter.stopping(1)
        self.heard()
        reporter.ready()
        reporter.stopped()
        reporter.ready()
        self.assertEqual((self.clock.getDelayedCalls(), self.heard()), ([], []))

    def test_failed(self) -> None:
        """Why it does not start is its status."""
        self.make().failed("inbound in: taken")
        self.assertEqual(self.heard(), [["STATUS=inbound in: taken"]])

    def test_nobody(self) -> None:
        """If nobody wants to know, nothing is left on the clock."""
        self.notifier = Notifier(None)
        reporter = self.make(watchdog=3.0)
        reporter.ready()
        reporter.stopping(1)
        reporter.stopped()
        self.assertEqual(self.clock.getDelayedCalls(), [])
