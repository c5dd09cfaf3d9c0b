"""Runs a command with what a unit of systemd takes from it, as systemd.exec(5) says: system calls,
families of sockets, and memory that is written and executed.

`python -m tests.interop.confined UNIT COMMAND...`; libseccomp, which systemd itself works with,
makes the filter.
"""

from __future__ import annotations

import ctypes
import errno
import os
import socket
import subprocess
import sys
from pathlib import Path

_ERRNO = 0x00050000  # SCMP_ACT_ERRNO of seccomp_rule_add(3), to which the number is added
_ALLOW = 0x7FFF0000
_EQUAL = 4  # SCMP_CMP_EQ
_PR_SET_MDWE = 65
_FAMILIES = 64  # more than Linux has
# What systemd.exec(5) allows in any case: so that the command can be started, and end.
_ALWAYS = {"@default", "execve", "exit", "exit_group", "getrlimit", "rt_sigreturn", "sigreturn"}


def main() -> None:
    """Become the command."""
    unit, *command = sys.argv[1:]
    settings = [
        line.partition("=")[::2]
        for line in Path(unit).read_text(encoding="utf-8").splitlines()
        if line[:1] not in {"#", "["}
    ]
    allowed = _allowed([value for key, value in settings if key == "SystemCallFilter"])
    libc = ctypes.CDLL(None)
    # Before Linux 6.3 the kernel does not know it; systemd then does it by other means.
    if ("MemoryDenyWriteExecute", "yes") in settings and libc.prctl(_PR_SET_MDWE, 1, 0, 0, 0) != 0:
        sys.stderr.write("this kernel can't deny memory that is written and executed\n")
    families = [value.split() for key, value in settings if key == "RestrictAddressFamilies"]
    if families:
        _restrict({int(getattr(socket, name)) for names in families for name in names})
    _filter(allowed)
    os.execvp(command[0], command)


def _allowed(filters: list[str]) -> set[str]:
    allowed = _calls(_ALWAYS)
    for one in filters:
        if one.startswith("~"):
            allowed -= _calls(set(one[1:].split()))
        else:
            allowed |= _calls(set(one.split()))
    return allowed


def _calls(names: set[str]) -> set[str]:
    """The system calls of these names, of which those with an ``@`` are sets of them."""
    calls = {name for name in names if not name.startswith("@")}
    for name in names - calls:
        listed = subprocess.run(
            ["systemd-analyze", "syscall-filter", name], capture_output=True, text=True, check=True
        ).stdout
        calls |= _calls(
            {
                line.strip()
                for line in listed.splitlines()[1:]
                if line.strip() and not line.strip().startswith("#")
            }
        )
    return calls


class _Comparison(ctypes.Structure):
    """struct scmp_arg_cmp of seccomp_rule_add(3)."""

    _fields_ = (
        ("argument", ctypes.c_uint),
        ("operator", ctypes.c_int),
        ("first", ctypes.c_uint64),
        ("second", ctypes.c_uint64),
    )


class _Filter:
    """A filter of libseccomp's.

    Args:
        otherwise: what becomes of a call without a rule.
    """

    def __init__(self, otherwise: int) -> None:
        self._library = ctypes.CDLL("libseccomp.so.2")
        self._library.seccomp_init.restype = ctypes.c_void_p
        self._context = ctypes.c_void_p(self._library.seccomp_init(ctypes.c_uint32(otherwise)))

    def add(self, name: str, action: int, first_argument: int | None = None) -> None:
        """Say what becomes of a call, or of one with this first argument."""
        number = self._library.seccomp_syscall_resolve_name(name.encode())
        if number < 0:  # another architecture's
            return
        comparisons = (_Comparison * 1)(_Comparison(0, _EQUAL, first_argument or 0, 0))
        count = 0 if first_argument is None else 1
        _succeed(
            self._library.seccomp_rule_add_array(
                self._context,
                ctypes.c_uint32(action),
                ctypes.c_int(number),
                ctypes.c_uint(count),
                comparisons,
            )
        )

    def load(self) -> None:
        """Have the kernel keep to it, besides those that were loaded before."""
        _succeed(self._library.seccomp_load(self._context))


def _restrict(families: set[int]) -> None:
    restriction = _Filter(_ALLOW)
    for family in set(range(_FAMILIES)) - families:
        restriction.add("socket", _ERRNO + errno.EAFNOSUPPORT, family)
    restriction.load()


def _filter(allowed: set[str]) -> None:
    restriction = _Filter(_ERRNO + errno.EPERM)
    for name in allowed:
        restriction.add(name, _ALLOW)
    restriction.load()


def _succeed(status: int) -> None:
    if status != 0:
        raise OSError(-status, os.strerror(-status))


if __name__ == "__main__":
    main()
