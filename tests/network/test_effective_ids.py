"""One thread as somebody else: what is asked of the kernel, and what the kernel makes of it."""

from __future__ import annotations

import ctypes
import errno
import os
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import skipUnless

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from pipetwist.network import effective_ids
from pipetwist.network.effective_ids import (
    CannotChangeBackError,
    Ids,
    call_as,
    overflow_uid,
    why_impossible,
)
from pipetwist.transfer.peer_credentials import other_groups, peer_credentials

_UID, _GID, _GROUPS = 4711, 4712, (4713, 4714)
_THEIRS = Ids(_UID, _GID, _GROUPS)
_SAME = -1
# Of the user whose number it is given: says what comes of each thing that it tries.
_STRANGER = """
import ctypes, os, sys
os.setgroups([])
os.setgid(int(sys.argv[1]))
os.setuid(int(sys.argv[1]))
libc = ctypes.CDLL(None, use_errno=True)
TGKILL = {"x86_64": 234}.get(os.uname().machine, 131)
print("ready", flush=True)
for line in sys.stdin:
    what, process, thread = line.split()
    if what == "signal":
        failed = libc.syscall(TGKILL, int(process), int(thread), 0)
    else:
        failed = libc.setpriority(0, int(thread), 19)
    print(ctypes.get_errno() if failed else 0, flush=True)
"""


def need_root() -> None:
    """Skip the test where this process is not root.

    Raises:
        SkipTest: it is not.
    """
    if os.geteuid() != 0:
        message = "only root may take other users' ids"
        raise SkipTest(message)


class _System:
    """Makes no system call, and notes which.

    Args:
        fails: the number of the one that fails, from 0.
    """

    def __init__(self, fails: int | None = None) -> None:
        self.fails = fails
        self.made: list[tuple[object, ...]] = []

    def __call__(self, number: Any, *arguments: Any) -> int:
        self.made.append(
            (
                number.value,
                *(
                    tuple(argument) if hasattr(argument, "_length_") else argument.value
                    for argument in arguments
                ),
            )
        )
        if len(self.made) - 1 == self.fails:
            ctypes.set_errno(errno.EPERM)
            return -1
        return 0


@skipUnless(why_impossible() is None, str(why_impossible()))
class CallsTest(SynchronousTestCase):
    """What is asked of the kernel, in which order."""

    def setUp(self) -> None:
        """Know the numbers of this machine."""
        self.numbers = effective_ids._NUMBERS[os.uname().machine]
        self.called = 0

    def call(self) -> int:
        """What is to be called."""
        self.called += 1
        return 5

    def there(self) -> list[tuple[object, ...]]:
        """The way to the other ids."""
        groups, gid, uid = self.numbers
        return [
            (groups, len(_GROUPS), _GROUPS),
            (gid, _SAME, _GID, _SAME),
            (uid, _SAME, _UID, _SAME),
        ]

    def back(self) -> list[tuple[object, ...]]:
        """The way back."""
        groups, gid, uid = self.numbers
        own = tuple(os.getgroups())
        return [
            (uid, _SAME, os.geteuid(), _SAME),
            (gid, _SAME, os.getegid(), _SAME),
            (groups, len(own), own),
        ]

    def test_order(self) -> None:
        """Groups, group and user are taken, of which the last two are the effective ones alone;
        they are given back in the other order.
        """
        system = _System()
        self.assertEqual(call_as(_THEIRS, self.call, system), 5)
        self.assertEqual(system.made, [*self.there(), *self.back()])

    def test_refused(self) -> None:
        """If one of them can't be taken, nothing is called, and those that were are given back."""
        for fails in range(3):
            system = _System(fails)
            error = self.assertRaises(OSError, call_as, _THEIRS, self.call, system)
            self.assertEqual(error.errno, errno.EPERM)
            self.assertEqual(
                system.made, [*self.there()[: fails + 1], *self.back()[3 - fails :]], fails
            )
        self.assertEqual(self.called, 0)

    def test_stuck(self) -> None:
        """If one can't be given back, that is an error of its own, and the rest is left."""
        for fails in range(3, 6):
            system = _System(fails)
            error = self.assertRaises(CannotChangeBackError, call_as, _THEIRS, self.call, system)
            self.assertEqual(
                str(error), "a thread can't have its own ids again: Operation not permitted"
            )
            self.assertEqual(len(system.made), fails + 1)

    def test_elsewhere(self) -> None:
        """On a machine whose calls have numbers that are not known it is not tried."""
        name = os.uname()
        self.patch(os, "uname", lambda: type(name)((*name[:4], "vax")))
        self.assertEqual(
            why_impossible(),
            "on this machine (vax) it is not known how one thread becomes another user",
        )

    def test_overflow(self) -> None:
        """The uid that stands for all others is the kernel's, or the usual one."""
        self.addCleanup(overflow_uid.cache_clear)
        overflow_uid.cache_clear()
        self.patch(effective_ids, "_OVERFLOW_UID", Path("/nonexistent"))
        self.assertEqual(overflow_uid(), 65534)


class KernelTest(SynchronousTestCase):
    """Threads of this process that are somebody else, where it is root."""

    def setUp(self) -> None:
        """Start the user who they are to be."""
        need_root()
        self.stranger = subprocess.Popen(
            [sys.executable, "-c", _STRANGER, str(_UID)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.addCleanup(self.stranger.communicate)
        assert self.stranger.stdout is not None
        self.stranger.stdout.readline()

    def tries(self, what: str) -> int:
        """Have the user try something with this thread; the error's number, 0 for none."""
        assert self.stranger.stdin is not None
        assert self.stranger.stdout is not None
        self.stranger.stdin.write(f"{what} {os.getpid()} {threading.get_native_id()}\n")
        self.stranger.stdin.flush()
        return int(self.stranger.stdout.readline())

    def in_thread(self, call: Callable[[], Any]) -> Any:
        """What a call returns in a thread of its own, which has ended then."""
        returned: list[Any] = []
        thread = threading.Thread(target=lambda: returned.append(call()))
        thread.start()
        thread.join(60)
        return returned[0]

    def test_signal(self) -> None:
        """The user can send the thread no signal, though it could if the real uid were changed as
        well.
        """
        tries = self.in_thread(lambda: call_as(_THEIRS, lambda: self.tries("signal")))
        self.assertEqual(tries, errno.EPERM)

        def careless(number: Any, *arguments: Any) -> int:
            if number.value == effective_ids._NUMBERS[os.uname().machine][2]:
                arguments = (arguments[1], *arguments[1:])
            done: int = effective_ids._syscall()(number, *arguments)
            return done

        tries = self.in_thread(lambda: call_as(_THEIRS, lambda: self.tries("signal"), careless))
        self.assertEqual(tries, 0)

    def test_scheduling(self) -> None:
        """Nor can the user slow the thread down."""
        tries = self.in_thread(lambda: call_as(_THEIRS, lambda: self.tries("slow")))
        self.assertEqual(tries, errno.EPERM)

    def test_told(self) -> None:
        """A server is told the ids and the groups, and this process; afterwards the thread is
        itself again.
        """
        listening = socket.socket(socket.AF_UNIX)
        self.addCleanup(listening.close)
        name = f"\0pipetwist-test-{os.getpid()}-told"
        listening.bind(name)
        listening.listen()

        def connect(ids: Ids | None) -> None:
            with socket.socket(socket.AF_UNIX) as client:
                if ids is None:
                    client.connect(name)
                else:
                    self.assertEqual(call_as(ids, lambda: client.connect_ex(name)), 0)

        def both() -> bool:
            connect(_THEIRS)
            connect(None)
            return True

        own = (os.getpid(), os.geteuid(), os.getegid()), frozenset(os.getgroups())
        self.assertTrue(self.in_thread(both))
        for expected in (((os.getpid(), _UID, _GID), frozenset(_GROUPS)), own):
            connected, _ = listening.accept()
            with connected:
                said = tuple(peer_credentials(connected)), other_groups(connected)
            self.assertEqual(said, expected)

    def test_this_thread_alone(self) -> None:
        """Meanwhile every other thread is who it was."""
        own = struct.pack("6I", *os.getresuid(), *os.getresgid()), os.getgroups()
        here, go_on = threading.Event(), threading.Event()

        def wait() -> int:
            here.set()
            go_on.wait(60)
            return os.geteuid()

        changed: list[int] = []
        thread = threading.Thread(target=lambda: changed.append(call_as(_THEIRS, wait)))
        thread.start()
        self.assertTrue(here.wait(60))
        now = struct.pack("6I", *os.getresuid(), *os.getresgid()), os.getgroups()
        go_on.set()
        thread.join(60)
        self.assertEqual((now, changed[0]), (own, _UID))
