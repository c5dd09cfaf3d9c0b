"""Starts a command with as few steps as the system allows: posix_spawn, three pipes, a process
group of its own, a pidfd.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

__all__ = ["Launched", "abandon", "group_exists", "launch", "running", "signal_group"]

# Python ignores these, and what is ignored stays ignored in a command.
_DEFAULT_SIGNALS = [signal.SIGPIPE, signal.SIGXFSZ] if hasattr(signal, "SIGPIPE") else []

running: set[int] = set()
"""The numbers of those that were launched and are not reaped."""


@dataclass(frozen=True)
class Launched:
    """A command that runs.

    Attributes:
        pid: its number, and its group's, until it is reaped.
        pidfd: becomes readable when it exits (pidfd_open(2)).
        stdin: the end to write of its standard input.
        stdout: the end to read of its standard output.
        stderr: the end to read of its standard error. None of the three blocks.
    """

    pid: int
    pidfd: int
    stdin: int
    stdout: int
    stderr: int


def launch(command: Sequence[str], env: Mapping[str, str]) -> Launched:
    """Start a command.

    posix_spawn neither copies the daemon's page tables nor runs what threads such as gRPC's have
    registered for a fork. Every descriptor of the daemon's closes on exec, also those that it has
    inherited (`pipetwist.process.close_on_exec`), so that none has to be looked for.

    Args:
        command: the executable's path and its arguments.
        env: the whole environment.

    Raises:
        OSError: where it can't be started.
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
    """End a command at once that can't be kept, and all that it brought."""
    running.discard(launched.pid)
    for descriptor in (launched.pidfd, launched.stdin, launched.stdout, launched.stderr):
        os.close(descriptor)
    _end(launched.pid)


def _end(pid: int) -> None:
    """Kill a command and wait for it, which takes no time.

    One that has become another user's can't be killed and may go on for long. It is left to
    `pipetwist.process.orphans`.
    """
    try:
        os.killpg(pid, signal.SIGKILL)
    except PermissionError:
        return
    os.waitpid(pid, 0)


def signal_group(pid: int, number: int) -> None:
    """Signal every process of the group that a command leads. Its number is its group's until it is
    reaped and the group is empty.
    """
    # Nobody is left to signal, or what is left has become another user's.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def group_exists(pid: int) -> bool:
    """Whether anybody is left of the group that a reaped command has led.

    Those who have ended are left until their parent waits for them. Where that is this process, as
    in a container that it is the first process of, it does so here.
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
    """The command's end and the daemon's, which does not block. The stacks close them when they are
    left.
    """
    reading, writing = os.pipe2(os.O_CLOEXEC)
    their_end, our_end = (reading, writing) if name == 0 else (writing, reading)
    ours.callback(os.close, our_end)
    if their_end <= 2:
        # The daemon runs without standard descriptors; a dup2 in the command would overwrite an end
        # still needed.
        moved = fcntl.fcntl(their_end, fcntl.F_DUPFD_CLOEXEC, 3)
        os.close(their_end)
        their_end = moved
    theirs.callback(os.close, their_end)
    os.set_blocking(our_end, False)
    return their_end, our_end
