"""The state of a command from its start until it is reaped: its exit status, its process group, and
the signals that end it.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

from twisted.internet.error import ProcessDone, ProcessTerminated
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.python.failure import Failure

from pipetwist.process.launch import group_exists, running, signal_group
from pipetwist.transfer.polling import FIRST_POLL_SECONDS, next_poll_seconds

__all__ = [
    "ProcessState",
    "ProcessTerminator",
    "describe_exit",
    "exit_failure",
    "is_ending",
    "is_truncated",
]

# Windows has no SIGKILL; terminating a process there always has this effect.
_SIGKILL = getattr(signal, "SIGKILL", signal.SIGTERM)

_PF_EXITING = 0x4  # include/linux/sched.h


class ProcessState:
    """Knows whether a command still runs, reaps it, and ends the processes that it leaves behind.

    A command that has exited is not reaped until its output is read. Until then its process ID
    can't be reused, so that signals to its group can't reach a stranger. While processes are left
    in the group the kernel does not reuse the number either.

    Args:
        clock: counts the time.
        pid: its process ID.
        pidfd: becomes readable when it exits.
    """

    __slots__ = ("_clock", "_group", "_terminated_at", "pid", "pidfd", "status")

    def __init__(self, clock: IReactorTime, pid: int, pidfd: int) -> None:
        self._clock = clock
        self._group: int | None = pid
        self._terminated_at: float | None = None
        self.pid: int | None = pid
        """Its process ID; None once it is reaped."""
        self.pidfd = pidfd
        self.status: int | None = None
        """Its exit status, or the negative number of the signal that killed it; None while it
        runs.
        """

    def __repr__(self) -> str:
        state = (
            "runs"
            if self.status is None
            else f"status={self.status}"
            if self.pid is not None
            else f"status={self.status} reaped"
        )
        return f"<ProcessState {'' if self.pid is None else f'pid={self.pid} '}{state}>"

    def exited(self, unwatch: Callable[[], None]) -> bool:
        """Its pidfd is readable: get its exit status, and close the pidfd.

        Args:
            unwatch: stops watching the pidfd.

        Returns:
            False if it has not exited after all.
        """
        found = os.waitid(os.P_PID, self.pid or 0, os.WEXITED | os.WNOWAIT | os.WNOHANG)
        if found is None:
            return False
        unwatch()
        os.close(self.pidfd)
        self.pidfd = -1
        self.status = found.si_status if found.si_code == os.CLD_EXITED else -found.si_status
        return True

    def runs(self) -> bool:
        """Whether it has not exited. Asks the kernel, which knows it before the pidfd is read."""
        return (
            self.pid is not None
            and os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is None
        )

    def signal_group(self, number: int) -> None:
        """Signal every process of its group."""
        if self._group is not None:
            if number == signal.SIGTERM and self._terminated_at is None:
                self._terminated_at = self._clock.seconds()
            signal_group(self._group, number)

    def reap(self) -> None:
        """Its output is read: wait for it, so that it is no zombie."""
        if self.pid is not None:
            os.waitpid(self.pid, 0)
            running.discard(self.pid)
            self.pid = None

    def end_group(self, grace: float, ended: Callable[[], None]) -> None:
        """End the processes that are left in the group of a reaped command.

        If SIGTERM was sent before, it is not sent again: many programs take a second one as an
        order to exit without cleaning up.

        Args:
            grace: seconds from SIGTERM to SIGKILL.
            ended: called when none is left, possibly within this call, or when those that are left
                have got SIGKILL.
        """
        if self._terminated_at is None and self._group is not None and group_exists(self._group):
            self.signal_group(signal.SIGTERM)
        self._look(grace, FIRST_POLL_SECONDS, ended)

    def _look(self, grace: float, pause: float, ended: Callable[[], None]) -> None:
        late = (
            self._terminated_at is not None and self._clock.seconds() - self._terminated_at >= grace
        )
        if late:
            self.signal_group(_SIGKILL)
        if late or self._group is None or not group_exists(self._group):
            self._group = None
            ended()
        else:
            self._clock.callLater(pause, self._look, grace, next_poll_seconds(pause), ended)


class ProcessTerminator:
    """Ends a command: SIGTERM, and SIGKILL if it has not ended after the grace.

    Args:
        clock: counts the time.
        send: sends a signal to the command's group.
        grace: seconds from SIGTERM to SIGKILL.
    """

    __slots__ = ("_call", "_clock", "_send", "grace", "signalled")

    def __init__(self, clock: IReactorTime, send: Callable[[int], None], grace: float) -> None:
        self._clock = clock
        self._send = send
        self._call: IDelayedCall | None = None
        self.grace = grace
        self.signalled = False

    def __repr__(self) -> str:
        waits = (
            ""
            if self._call is None
            else f" in {max(self._call.getTime() - self._clock.seconds(), 0):g} s"
        )
        return (
            f"<ProcessTerminator {'SIGKILL' if self.signalled else 'SIGTERM'}{waits or ' not due'}>"
        )

    def after(self, seconds: float) -> None:
        """Send SIGTERM after this time, at most the grace. This replaces an earlier request."""
        if not self.signalled:
            self.cancel()
            self._call = self._clock.callLater(min(seconds, self.grace), self._terminate)

    def now(self) -> None:
        """Send SIGTERM, unless it was sent."""
        if not self.signalled:
            self.cancel()
            self._terminate()

    def cancel(self) -> None:
        """The command has ended."""
        if self._call is not None:
            self._call.cancel()
            self._call = None

    def _terminate(self) -> None:
        self.signalled = True
        self._call = self._clock.callLater(self.grace, self._kill)
        self._send(signal.SIGTERM)

    def _kill(self) -> None:
        self._call = None
        self._send(_SIGKILL)


def exit_failure(status: int | None) -> Failure:
    """The reason of a command's end, as a ProcessProtocol gets it."""
    if status == 0:
        return Failure(ProcessDone(0))
    if status is not None and status < 0:
        return Failure(ProcessTerminated(None, -status, status))
    return Failure(ProcessTerminated(status))


def is_truncated(status: int | None, *, reset_on_failure: bool) -> bool:
    """Whether a command's output must not be taken for complete.

    Args:
        status: its exit status, or the negative number of the signal that killed it; None if it has
            not ended.
        reset_on_failure: whether an exit status that is not 0 means that.
    """
    return status is not None and (status < 0 or (reset_on_failure and status > 0))


def is_ending(pid: int | None) -> bool:
    """Whether a command has exited, or is exiting: its pipes are closed before its parent can see
    its exit.

    If the system does not say the latter, the result is False until it has exited.
    """
    if not pid or not hasattr(os, "waitid"):
        return False
    try:
        if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is not None:
            return True
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return False
    # The flags are the seventh field after the name in brackets, which may have anything in it,
    # proc_pid_stat(5).
    return bool(int(stat[stat.rindex(b")") + 2 :].split()[6]) & _PF_EXITING)


def describe_exit(status: int | None, number: int | None, subject: str = "the command") -> str:
    """Why a command failed, for people; empty if it did not.

    Args:
        status: its exit status.
        number: the signal that killed it.
        subject: what it is called.
    """
    if number:
        return f"{subject} was killed by {_signal_name(number)}"
    return f"{subject} exited with status {status}" if status else ""


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # most real-time signals have no name, signal(7)
        return f"signal {number}"
