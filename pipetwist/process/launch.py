"""Starts a command in as few steps as possible: posix_spawn, three pipes, a process group of its
own, a pidfd.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

__all__ = ["Launched", "abandon", "group_exists", "launch", "running", "signal_group"]

# Python ignores these signals, and a command would inherit that.
_DEFAULT_SIGNALS = [signal.SIGPIPE, signal.SIGXFSZ] if hasattr(signal, "SIGPIPE") else []

running: set[int] = set()
"""The process IDs of launched commands that are not reaped yet."""


@dataclass(frozen=True)
class Launched:
    """A running command.

    Attributes:
        pid: its process ID, which is its group's as well, until it is reaped.
        pidfd: becomes readable when it exits (pidfd_open(2)).
        stdin: the end of its standard input that we write.
        stdout: the end of its standard output that we read.
        stderr: the end of its standard error that we read. None of the three blocks.
    """

    pid: int
    pidfd: int
    stdin: int
    stdout: int
    stderr: int


def launch(command: Sequence[str], env: Mapping[str, str]) -> Launched:
    """Start a command.

    posix_spawn neither copies the daemon's page tables nor runs fork handlers, such as gRPC's.
    Every descriptor of the daemon closes on exec, the inherited ones too
    (`pipetwist.process.close_on_exec`), so that there is no need to look for open ones.

    Args:
        command: the executable's path and its arguments.
        env: the whole environment.

    Raises:
        OSError: it can't be started.
    """
    with contextlib.ExitStack() as theirs, contextlib.ExitStack() as ours:
        ends = [_pipe(name, theirs, ours) for name in range(3)]
        pid = os.posix_spawn(
            command[0],
            list(command),
            env,
            file_actions=[(os.POSIX_SPAWN_DUP2, end, name) for name, (end, _) in enumerate(ends)],
            setpgroup=0,
            setsigmask=(),
            setsigdef=_DEFAULT_SIGNALS,
        )
        try:
            pidfd = os.pidfd_open(pid)
        except OSError:
            _end(pid)
            raise
        running.add(pid)
        ours.pop_all()
    return Launched(pid, pidfd, *(end for _, end in ends))


def abandon(launched: Launched) -> None:
    """Kill a command that can't be used, and close its pipes."""
    running.discard(launched.pid)
    for descriptor in (launched.pidfd, launched.stdin, launched.stdout, launched.stderr):
        os.close(descriptor)
    _end(launched.pid)


def _end(pid: int) -> None:
    """Kill a command and wait for it, which does not block.

    A command that runs as another user can't be killed and may run for long.
    `pipetwist.process.orphans` ends it later.
    """
    try:
        os.killpg(pid, signal.SIGKILL)
    except PermissionError:
        return
    os.waitpid(pid, 0)


def signal_group(pid: int, number: int) -> None:
    """Signal every process of a command's group. The process ID is the group's too, until the
    command is reaped and the group is empty.
    """
    # No process is left, or those that are left run as another user.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def group_exists(pid: int) -> bool:
    """Whether any process is left in the group of a reaped command.

    Processes that have ended stay in the group until their parent waits for them. If that is this
    process, as it is for the first process of a container, it waits for them here.
    """
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-pid, os.WNOHANG)[0]:
            pass
    try:
        os.killpg(pid, 0)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def _pipe(name: int, theirs: contextlib.ExitStack, ours: contextlib.ExitStack) -> tuple[int, int]:
    """Make a pipe: the command's end, and the daemon's end, which does not block. The exit stacks
    close them.
    """
    reading, writing = os.pipe2(os.O_CLOEXEC)
    their_end, our_end = (reading, writing) if name == 0 else (writing, reading)
    ours.callback(os.close, our_end)
    if their_end <= 2:
        # The daemon has no standard descriptors; a dup2 in the command would overwrite an end that
        # is still needed.
        moved = fcntl.fcntl(their_end, fcntl.F_DUPFD_CLOEXEC, 3)
        os.close(their_end)
        their_end = moved
    theirs.callback(os.close, their_end)
    os.set_blocking(our_end, False)
    return their_end, our_end
