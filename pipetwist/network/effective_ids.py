"""Makes a call with somebody's effective ids and groups, in the thread that asks for it alone.

The system calls are made as such: the C library's would change every thread of the process
(nptl(7)), the kernel's change the one that calls (credentials(7)).

Only the effective ids are changed. They are what SO_PEERCRED shows (unix(7)) and what a file's mode
is held against. A thread whose real or saved uid is somebody's can be killed by them (kill(2)), and
the whole process with it. What goes by the effective one, such as how a thread is scheduled
(setpriority(2)), the kernel refuses them nevertheless, since this one may have capabilities again.
"""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Callable, Iterable
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple, NoReturn

__all__ = [
    "CannotChangeBackError",
    "Ids",
    "call_as",
    "overflow_uid",
    "why_impossible",
]

# setgroups, setresgid and setresuid, by the machine (asm/unistd.h)
_GENERIC = (159, 149, 147)
_NUMBERS = {
    "x86_64": (116, 119, 117),
    "aarch64": _GENERIC,
    "riscv64": _GENERIC,
    "loongarch64": _GENERIC,
    "ppc64le": (81, 169, 164),
    "s390x": (206, 210, 208),
}
_OVERFLOW_UID = Path("/proc/sys/kernel/overflowuid")
_USUAL_OVERFLOW_UID = 65534
_SAME = ctypes.c_long(-1)

System = Callable[..., int]
"""syscall(2): takes a number and its arguments, and returns what the call does."""


class Ids(NamedTuple):
    """Who somebody is.

    Attributes:
        uid: the system's user.
        gid: its primary group.
        groups: the other groups that it is in.
    """

    uid: int
    gid: int
    groups: Iterable[int]


class CannotChangeBackError(Exception):
    """A thread can't have its own ids again, and must do nothing any more."""


def why_impossible() -> str | None:
    """Why nobody's ids can be taken here; None if they can."""
    if not hasattr(os, "geteuid") or os.uname().sysname != "Linux":
        return "only Linux lets one thread be another user"
    machine = os.uname().machine
    if machine not in _NUMBERS or struct.calcsize("P") != 8:
        return f"on this machine ({machine}) it is not known how one thread becomes another user"
    return None


@lru_cache(maxsize=1)
def overflow_uid() -> int:
    """The uid that stands for every user of another user namespace that is none here
    (user_namespaces(7)).
    """
    try:
        return int(_OVERFLOW_UID.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return _USUAL_OVERFLOW_UID


def call_as(ids: Ids, call: Callable[[], int], system: System | None = None) -> int:
    """Make a call as somebody. This thread runs nothing else meanwhile.

    Args:
        ids: who.
        call: what is called; it must not raise.
        system: makes a system call; the C library's ``syscall`` where it is None.

    Returns:
        What the call has returned.

    Raises:
        OSError: this thread can't become that user.
        CannotChangeBackError: it has, and can't change back.
    """
    system = system or _syscall()
    numbers = _NUMBERS[os.uname().machine]
    own = _steps(numbers, Ids(os.geteuid(), os.getegid(), os.getgroups()))
    theirs = _steps(numbers, ids)
    done = failed = result = 0
    for step in theirs:
        if system(*step) != 0:
            failed = ctypes.get_errno()
            break
        done += 1
    else:
        result = call()
    # In the other order: who is not root may change neither group.
    for step in reversed(own[:done]):
        if system(*step) != 0:
            _fail()
    if failed:
        raise OSError(failed, os.strerror(failed))
    return result


def _steps(numbers: tuple[int, int, int], ids: Ids) -> tuple[tuple[object, ...], ...]:
    """The system calls that take these ids, each with its arguments, made before any is."""
    groups = tuple(ids.groups)
    array = (ctypes.c_uint32 * len(groups))(*groups)
    set_groups, set_gid, set_uid = map(ctypes.c_long, numbers)
    return (
        (set_groups, ctypes.c_long(len(groups)), array),
        (set_gid, _SAME, ctypes.c_long(ids.gid), _SAME),
        (set_uid, _SAME, ctypes.c_long(ids.uid), _SAME),
    )


def _fail() -> NoReturn:
    number = ctypes.get_errno()
    message = f"a thread can't have its own ids again: {os.strerror(number)}"
    raise CannotChangeBackError(message)


@lru_cache(maxsize=1)
def _syscall() -> System:
    found: System = ctypes.CDLL(None, use_errno=True).syscall
    return found
