"""Who users and groups are, with a system that says so or keeps silent."""

from __future__ import annotations

import grp
import pwd
from collections.abc import Callable
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from pipetwist import accounts
from pipetwist.accounts import Account, Accounts
from pipetwist.errors import StartError

_ALICE: Account = ("user", "alice")
_STAFF: Account = ("group", "staff")


class _Reactor(Clock):
    """One that threads can talk to."""

    def callFromThread(self, call: Callable[..., object], *arguments: object) -> None:
        call(*arguments)


class AccountsTest(SynchronousTestCase):
    """A system that is asked in threads which the test has run."""

    def setUp(self) -> None:
        """Know nobody yet."""
        self.reactor = _Reactor()
        self.threads: list[Callable[[], None]] = []
        self.asked: list[Account] = []
        self.said: dict[Account, Any] = {
            _ALICE: pwd.struct_passwd(("alice", "x", 4711, 4712, "", "/home/alice", "/bin/sh")),
            _STAFF: grp.struct_group(("staff", "x", 4713, [])),
        }
        self.accounts = Accounts(self.reactor, self.threads.append, self.ask)

    def ask(self, account: Account) -> Any:
        """Ask the system."""
        self.asked.append(account)
        return self.said.get(account)

    def refusal(self, call: Callable[..., object], *arguments: object) -> str:
        """Why something can't be told."""
        return str(self.assertRaises(StartError, call, *arguments))

    def test_start(self) -> None:
        """Who has learnt nothing waits for the system; numbers are nobody's names."""
        self.assertEqual(self.accounts.user("tool: user", "alice").pw_dir, "/home/alice")
        for given, numbers in (
            ((None, None), (-1, -1)),
            ((1, 2), (1, 2)),
            (("alice", "staff"), (4711, 4713)),
            ((None, "staff"), (-1, 4713)),
        ):
            self.assertEqual(self.accounts.numbers_of("in", *given), numbers)
        self.assertEqual(self.threads, [])

    def test_unknown(self) -> None:
        """A missing user is reported."""
        self.assertEqual(
            self.refusal(self.accounts.numbers_of, "in", "bob", None),
            "in: owner: the system has no user 'bob'",
        )
        self.assertEqual(
            self.refusal(self.accounts.numbers_of, "in", None, "{kind}"),
            "in: group: the system has no group '{kind}'",
        )

    def test_real(self) -> None:
        """The system itself knows its first user and group, and no one whose name can't be one."""
        system = Accounts()
        user, group = pwd.getpwall()[0], grp.getgrall()[0]
        self.assertEqual(
            system.numbers_of("in", user.pw_name, group.gr_name), (user.pw_uid, group.gr_gid)
        )
        self.assertIn("no user", self.refusal(system.user, "tool: user", "\ud800"))

    def test_learnt(self) -> None:
        """What was learnt is not asked for again, until it is forgotten."""
        learning = self.accounts.learn([_ALICE, _STAFF, _ALICE])
        self.assertNoResult(learning)
        self.assertEqual(self.asked, [])
        for run in self.threads:
            run()
        self.successResultOf(learning)
        self.assertEqual(self.asked, [_ALICE, _STAFF])
        self.said.clear()
        self.assertEqual(self.accounts.numbers_of("in", "alice", "staff"), (4711, 4713))
        self.accounts.forget()
        self.assertIn("no user", self.refusal(self.accounts.user, "tool: user", "alice"))
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_nobody(self) -> None:
        """If nobody is named, nothing is waited for."""
        self.successResultOf(self.accounts.learn([]))

    def test_silence(self) -> None:
        """A system that keeps silent is waited for no longer than ten seconds, and only who needs
        to know is refused. It is not asked again while it has not answered.
        """
        learning = self.accounts.learn([_ALICE, _STAFF])
        self.threads[0]()
        self.reactor.advance(accounts.MAX_SECONDS - 0.1)
        self.assertNoResult(learning)
        self.reactor.advance(0.2)
        self.successResultOf(learning)
        self.assertEqual(self.accounts.numbers_of("in", "alice", 1), (4711, 1))
        self.assertEqual(
            self.refusal(self.accounts.numbers_of, "in", "alice", "staff"),
            "in: group: the system has not answered in time who the group 'staff' is",
        )
        again = self.accounts.learn([_STAFF])
        self.assertEqual(len(self.threads), 2)
        self.threads[1]()
        self.successResultOf(again)
        self.assertEqual(self.accounts.numbers_of("in", None, "staff"), (-1, 4713))

    def test_given_up(self) -> None:
        """A stop does not wait for it."""
        for give_up in (self.accounts.give_up, self.accounts.forget):
            learning = self.accounts.learn([_ALICE])
            give_up()
            self.successResultOf(learning)
        for run in self.threads:
            run()
        self.accounts.give_up()

    def test_no_thread(self) -> None:
        """If no thread can be started, that is told to who needs it."""

        def refuse(run: object) -> None:
            message = "can't start new thread"
            raise RuntimeError(message)

        refused = Accounts(self.reactor, refuse, self.ask)
        self.successResultOf(refused.learn([_ALICE, _STAFF]))
        self.assertIn("no more threads", self.refusal(refused.user, "tool: user", "alice"))
        self.assertEqual(self.asked, [])
