"""Checks of whose something is, when the kernel can't be asked, or the plug-in ends meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from pipetwist.plugins.owner_check import OwnerCheck
from pipetwist.plugins.owners import PluginProcess
from tests.plugins.plugin_case import NoThreads, ThreadedClock


class OwnerCheckTest(SynchronousTestCase):
    """What is to be checked is refused then, and what comes later is checked."""

    def setUp(self) -> None:
        """Have a kernel that can be asked."""
        self.error: OSError | None = None
        self.group = self.next_group = 1
        self.found: list[tuple[str, bool]] = []
        self.threads = NoThreads()
        threads: Any = self.threads
        self.check: OwnerCheck[str, int] = OwnerCheck(
            ThreadedClock(),  # type: ignore[arg-type]  # what it needs of a reactor
            threads,
            lambda: PluginProcess(self.group),
            self._look,
            lambda one, is_plugin: self.found.append((one, is_plugin)),
        )

    def _look(self, _: PluginProcess, asked: Sequence[int]) -> list[bool]:
        if self.error is not None:
            raise self.error
        self.group = self.next_group
        return [True for _ in asked]

    def test_no_descriptor(self) -> None:
        """There is no free descriptor."""
        self.error = OSError(24, "Too many open files")
        self.check.check("one", 1)
        self.error = None
        self.check.check("other", 2)
        self.assertEqual(self.found, [("one", False), ("other", True)])

    def test_ended(self) -> None:
        """The plug-in has ended meanwhile, and another one may have been started."""
        for self.next_group in (0, 2):
            self.check.check("one", 1)
            self.assertEqual(self.found.pop(), ("one", False))
        self.check.check("other", 2)
        self.assertEqual(self.found, [("other", True)])

    def test_no_thread(self) -> None:
        """There is no thread."""
        self.threads.error = RuntimeError("can't start new thread")
        self.check.check("one", 1)
        self.threads.error = None
        self.check.check("other", 2)
        self.assertEqual(self.found, [("one", False), ("other", True)])
