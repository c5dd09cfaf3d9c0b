"""A reload that needs to know who the system's users and groups are, and a system that is slow to
say so.
"""

from __future__ import annotations

import grp
import os
import pwd
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from unittest import skipUnless

from pipetwist import accounts
from pipetwist.errors import StartError
from pipetwist.inbounds.unix import UnixInboundOptions
from pipetwist.outbounds.fork import ForkOutboundOptions
from tests.service.case import TreeTestCase


class AccountsTest(TreeTestCase):
    """A system that answers once the test lets it."""

    def setUp(self) -> None:
        """Have the system wait in whatever thread it is asked, but for a start."""
        super().setUp()
        self.tree = self.make()
        self.tree.startService()
        self.answer = threading.Event()
        self.addCleanup(self.answer.set)
        self.asked: list[str] = []
        self.user = pwd.getpwuid(os.geteuid()).pw_name
        self.group = grp.getgrgid(os.getegid()).gr_name
        self.patch(pwd, "getpwnam", self.slow(pwd.getpwnam))
        self.patch(grp, "getgrnam", self.slow(grp.getgrnam))

    def slow(self, ask: Callable[[str], Any]) -> Callable[[str], Any]:
        """Ask the system, once the test lets it answer."""

        def asking(name: str) -> Any:
            self.asked.append(name)
            assert threading.current_thread() is not threading.main_thread(), "it stands still"
            assert self.answer.wait(60)
            return ask(name)

        return asking

    def end_thread(self) -> None:
        """Let the thread that asks end."""
        self.answer.set()
        self.reactor.do_one()

    def given(self, **owners: Any) -> UnixInboundOptions:
        """The inbound with an owner or a group."""
        return UnixInboundOptions(tag="in", path=str(self.folder / "in"), mode=0o640, **owners)

    def test_goes_on(self) -> None:
        """Who connects meanwhile is served, and then the file is given to its owner."""
        reloading = self.tree.reload(
            replace(self.tree.document, inbounds=(self.given(owner=self.user, group=self.group),))
        )
        self.assertNoResult(reloading)
        self.connect().sendall(b"there")
        self.turn()
        self.assertEqual(self.spawner.processes[0].stdin, b"there")
        self.answer.set()
        for _ in range(2):
            self.reactor.do_one()
        self.successResultOf(reloading)
        self.assertEqual((self.folder / "in").stat().st_mode & 0o777, 0o640)
        self.assertEqual(sorted(self.asked), sorted([self.user, self.group]))

    def test_silent(self) -> None:
        """If it says nothing for too long the reload is refused, and nothing has changed."""
        before = self.tree.document
        reloading = self.tree.reload(replace(before, inbounds=(self.given(owner=self.user),)))
        self.reactor.advance(accounts.MAX_SECONDS + 1)
        error = self.failureResultOf(reloading, StartError).value
        self.assertEqual(
            str(error),
            f"inbound in: owner: the system has not answered in time who the user {self.user!r} is",
        )
        self.end_thread()
        self.assertIs(self.tree.document, before)
        self.assertEqual((self.folder / "in").stat().st_mode & 0o777, 0o600)
        self.connect()

    def test_stopped(self) -> None:
        """A stop does not wait for it."""
        reloading = self.tree.reload(
            replace(self.tree.document, inbounds=(self.given(owner=self.user),))
        )
        stopping = self.tree.stopService()
        self.failureResultOf(reloading, StartError)
        self.end_thread()
        self.successResultOf(stopping)

    @skipUnless(os.geteuid() == 0, "needs root")
    def test_command(self) -> None:
        """The user of a command is asked for in the same way."""
        outbound = ForkOutboundOptions(tag="tool", command=("cat",), user=self.user)
        reloading = self.tree.reload(replace(self.tree.document, outbounds=(outbound,)))
        self.assertNoResult(reloading)
        self.answer.set()
        self.reactor.do_one()
        self.successResultOf(reloading)
        self.assertEqual(self.asked, [self.user])
