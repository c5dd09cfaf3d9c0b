"""Processes that commands leave behind, played by children in sessions of their own."""

from __future__ import annotations

import subprocess
import sys

from twisted.internet.task import Clock
from twisted.logger import Logger, LogPublisher
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.process import orphans
from pipetwist.process.launch import running
from pipetwist.process.orphans import LOOK_SECONDS, Orphans
from tests.support.scratch import wait_until


class OrphansTest(SynchronousTestCase):
    """Children of this process, which is not made the parent of others'."""

    if sys.platform != "linux":
        skip = "only Linux gives orphans to who asks for them"

    def setUp(self) -> None:
        """Begin to look, without any change of this process."""
        self.patch(orphans, "_become_parent", lambda: None)
        self.clock = Clock()
        self.events: list[object] = []
        self.orphans = Orphans(
            self.clock,
            Logger("pipetwist", observer=LogPublisher(self.events.append)),  # type: ignore[arg-type]  # a list's append observes well
        )

    def child(self, *command: str, alone: bool = True) -> subprocess.Popen[bytes]:
        """Start one, in a session of its own or in this process's group; the test's clean-up kills
        it.
        """
        child = subprocess.Popen(command or ("sleep", "1000"), start_new_session=alone)
        self.addCleanup(child.wait, 20)
        self.addCleanup(child.kill)
        return child

    def end(self, grace: float) -> None:
        """End them all, as many looks as that takes."""
        ended = self.orphans.end(grace)

        def gone() -> bool:
            self.clock.advance(0.1)
            return bool(ended.called)

        wait_until(gone, "all to be ended")
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_ended(self) -> None:
        """They are told to end."""
        self.orphans.begin()
        child = self.child()
        self.end(1e6)
        self.assertIsNotNone(child.poll())
        self.assertEqual(len(self.events), 1)

    def test_killed(self) -> None:
        """A process that ignores that is killed after the grace."""
        self.orphans.begin()
        child = self.child("sh", "-c", "trap : TERM; echo; while :; do read line; done")
        self.end(0.5)
        self.assertIsNotNone(child.poll())

    def test_spared(self) -> None:
        """Processes from before, those in this process's group, and commands that their outbound
        has to end, survive.
        """
        before = self.child()
        self.orphans.begin()
        beside, launched = self.child(alone=False), self.child()
        running.add(launched.pid)
        self.addCleanup(running.discard, launched.pid)
        self.end(1e6)
        self.assertEqual([one.poll() for one in (before, beside, launched)], [None] * 3)
        self.assertEqual(self.events, [])

    def test_waited_for(self) -> None:
        """Processes that have ended are waited for while the others run."""
        self.orphans.begin()
        short, long = self.child("true"), self.child()

        def waited_for() -> bool:
            self.clock.advance(LOOK_SECONDS)
            try:
                short.send_signal(0)
            except ProcessLookupError:
                return True
            return short.poll() is not None

        wait_until(waited_for, "it to be waited for")
        self.assertIsNone(long.poll())
        self.end(1e6)
