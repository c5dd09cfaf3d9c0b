"""What the service manager passes in the environment. It is meant for this process only, so it is
removed, and commands do not inherit it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from pathlib import Path

__all__ = ["SystemdEnvironment", "take_environment"]

_FIRST_DESCRIPTOR = 3  # SD_LISTEN_FDS_START, sd_listen_fds(3)
_AT_START = Path("/proc/self/environ")
_NAMES = (
    "LISTEN_PID",
    "LISTEN_PIDFDID",
    "LISTEN_FDS",
    "LISTEN_FDNAMES",
    "NOTIFY_SOCKET",
    "WATCHDOG_PID",
    "WATCHDOG_USEC",
)


@dataclass(frozen=True)
class SystemdEnvironment:
    """The values from the environment.

    Attributes:
        descriptors: the inherited sockets (sd_listen_fds(3)).
        notify_socket: where to report states (sd_notify(3)); None for nowhere.
        watchdog: the longest time in seconds between two reports that it is alive
            (sd_watchdog_enabled(3)); None if there is no watchdog.
    """

    descriptors: tuple[int, ...] = ()
    notify_socket: str | None = None
    watchdog: float | None = None


def take_environment(
    ours: MutableMapping[str, str], at_start: Mapping[str, str] | None = None
) -> SystemdEnvironment:
    """Remove the values from the environment, and return them.

    Args:
        ours: the process's environment.
        at_start: the environment when the process was started; None to ask the kernel. Twisted
            takes LISTEN_FDS out of the environment as soon as it is imported.
    """
    said = _environment_at_start() if at_start is None else at_start
    for name in _NAMES:
        ours.pop(name, None)
    watched = said.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
    seconds = _number(said, "WATCHDOG_USEC") / 1e6 if watched else 0.0
    return SystemdEnvironment(
        _descriptors(said), said.get("NOTIFY_SOCKET") or None, seconds or None
    )


def _descriptors(said: Mapping[str, str]) -> tuple[int, ...]:
    if said.get("LISTEN_PID") != str(os.getpid()):
        return ()
    return tuple(range(_FIRST_DESCRIPTOR, _FIRST_DESCRIPTOR + _number(said, "LISTEN_FDS")))


def _number(said: Mapping[str, str], name: str) -> int:
    text = said.get(name, "")
    return int(text) if text.isascii() and text.isdigit() else 0


def _environment_at_start() -> dict[str, str]:
    try:
        entries = os.fsdecode(_AT_START.read_bytes()).split("\0")
    except OSError:  # without /proc there is no systemd
        return {}
    return dict(entry.split("=", 1) for entry in entries if "=" in entry)
