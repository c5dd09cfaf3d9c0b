"""A file of users that is watched."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from twisted.internet import inotify, reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock, deferLater
from twisted.trial.unittest import SynchronousTestCase, TestCase

from pipetwist.files import mark_of
from pipetwist.network.threads import start_thread
from pipetwist.service import users_watch
from pipetwist.service.users_watch import UsersWatch
from tests.support.scratch import scratch_folder


class UsersWatchTest(TestCase):
    """By inotify."""

    timeout = 20

    def setUp(self) -> None:
        """Watch a file."""
        self.path = Path(scratch_folder(self)) / "users.jsonl"
        self.path.write_text("one")
        self.told = 0
        self.waiting: Deferred[None] | None = None
        self.patch(users_watch, "QUIET_SECONDS", 0.05)
        self.patch(users_watch, "LOOK_SECONDS", 0.05)
        self.watch = UsersWatch(reactor, self.changed)
        self.addCleanup(self.settle)
        self.addCleanup(self.watch.stop)

    async def settle(self) -> None:
        """Have the reactor close what is closing."""
        await deferLater(reactor, 0.01)

    def changed(self) -> None:
        """See UsersWatch."""
        self.told += 1
        waiting, self.waiting = self.waiting, None
        if waiting is not None:
            waiting.callback(None)

    async def next(self) -> None:
        """Wait until it tells."""
        self.waiting = Deferred()
        await self.waiting

    async def begin(self, path: Path | None = None) -> None:
        """Begin to watch."""
        begun: Deferred[None] = Deferred()
        compare: Any = partial(UsersWatch._compare, self.watch)

        def compare_and_say(seen: Any) -> None:
            compare(seen)
            if not begun.called:
                begun.callback(None)

        self.patch(self.watch, "_compare", compare_and_say)
        path = path or self.path
        self.watch.follow(str(path), users_watch._seen(str(path)))
        await begun

    def replace(self, text: str) -> None:
        """Replace the file."""
        other = self.path.with_suffix(".new")
        other.write_text(text)
        other.rename(self.path)

    async def test_replaced(self) -> None:
        """A file that was replaced is told of, each time, and so is one that was written."""
        await self.begin()
        for text in ("two", "three"):
            self.replace(text)
            await self.next()
        self.path.write_text("four")
        await self.next()
        self.assertEqual(self.told, 3)

    async def test_before(self) -> None:
        """A change between the reading and the begin of the watch is told of, too."""
        read = mark_of(self.path.stat())
        self.replace("two")
        self.watch.follow(str(self.path), read)
        await self.next()
        await deferLater(reactor, 0.3)
        self.assertEqual(self.told, 1)

    async def test_no_threads(self) -> None:
        """Where no thread can be started for a look, the next one finds the change."""
        failing = [True]

        def start(call: Callable[[], None]) -> None:
            if failing:
                message = "can't start new thread"
                raise RuntimeError(message)
            start_thread(call)

        self.patch(users_watch, "RARE_LOOK_SECONDS", 0.05)
        self.watch = UsersWatch(reactor, self.changed, start)
        self.addCleanup(self.watch.stop)
        read = mark_of(self.path.stat())
        self.replace("two")
        self.watch.follow(str(self.path), read)
        failing.clear()
        await self.next()

    async def test_once(self) -> None:
        """Many changes in a short time are told of once; other files are not."""
        await self.begin()
        for number in range(20):
            self.replace(str(number))
        await self.next()
        self.path.with_suffix(".other").write_text("x")
        await deferLater(reactor, 0.3)
        self.assertEqual(self.told, 1)

    async def test_back(self) -> None:
        """One that was removed, and comes back, is told of when it is there."""
        await self.begin()
        self.path.unlink()
        self.replace("two")
        await self.next()

    async def test_follow(self) -> None:
        """Another file may be watched instead, and none."""
        await self.begin()
        other = self.path.with_name("other.jsonl")
        self.watch.follow(None)
        await self.begin(other)
        self.replace("two")
        other.write_text("x")
        await self.next()
        self.watch.follow(None)
        other.write_text("y")
        await deferLater(reactor, 0.3)
        self.assertEqual(self.told, 1)
        self.assertEqual(repr(self.watch), "<UsersWatch of nothing, by looking>")


class _Reactor(Clock):
    """A reactor whose threads are done at once."""

    def callFromThread(self, call: Callable[..., object], *args: object) -> None:
        """Call it."""
        call(*args)


class UnsettledTest(SynchronousTestCase):
    """A file that is looked at while somebody writes it."""

    def test_told_at_its_end(self) -> None:
        """It is told of once, when a look finds it as the one before did: not half written."""
        seen = [(1, 1, size, size) for size in (1, 2, 3, 4, 4, 4)]
        told: list[object] = []
        looks = iter(seen)
        self.patch(users_watch, "_notifier", lambda *_: None)
        self.patch(users_watch, "_seen", lambda _: next(looks))
        clock = _Reactor()
        watch = UsersWatch(
            clock,
            lambda: told.append(watch._seen),
            lambda call: call(),
        )
        watch.follow("/users", seen[0])
        for seconds in (users_watch.LOOK_SECONDS, *[users_watch.QUIET_SECONDS] * 3):
            self.assertEqual(told, [])
            clock.advance(seconds)
        self.assertEqual(told, [seen[-1]])
        clock.advance(users_watch.LOOK_SECONDS)
        self.assertEqual(told, [seen[-1]])
        watch.stop()
        self.assertEqual(clock.getDelayedCalls(), [])


class LookingTest(UsersWatchTest):
    """By a thread that looks, where the system has no inotify."""

    def setUp(self) -> None:
        """Take it away."""
        super().setUp()

        def none(*_: object) -> None:
            raise OSError(24, os.strerror(24))

        self.patch(inotify, "INotify", none)

    async def begin(self, path: Path | None = None) -> None:
        """See above; it is known that it looks."""
        await super().begin(path)
        self.assertIn("by looking", repr(self.watch))

    async def test_link(self) -> None:
        """A link that leads to another file is a change, too."""
        link = self.path.with_name("link")
        link.symlink_to(self.path)
        await self.begin(link)
        other = self.path.with_name("other")
        other.write_text("other")
        new = self.path.with_name("new")
        new.symlink_to(other)
        new.rename(link)
        await self.next()
