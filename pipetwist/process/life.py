"""A command's life from its start to its reaping: its exit status, its process group, and the signals that end it."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

from twisted.internet.error import ProcessDone, ProcessTerminated
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.python.failure import Failure

from pipetwist.process.launch import signal_group

__all__ = ["Life", "Termination", "describe_exit", "exit_failure"]

# Descendants that hold a command's output open when it has exited get so long from SIGTERM to SIGKILL.
DESCENDANTS_SECONDS = 1.0
# Windows has no SIGKILL; ending a process there is always this.
_SIGKILL = getattr(signal, "SIGKILL", signal.SIGTERM)


class Life:
    """Knows whether a command still runs, and reaps it.

    A command that has exited stays unreaped until its output is read: so long its number stays its group's, and can be signalled without
    meeting somebody else's.

    Args:
        clock: counts the time.
        pid: its number.
        pidfd: becomes readable when it exits.
    """

    __slots__ = ("_clock", "pid", "pidfd", "status")

    def __init__(self, clock: IReactorTime, pid: int, pidfd: int) -> None:
        self._clock = clock
        self.pid: int | None = pid
        self.pidfd = pidfd
        self.status: int | None = None
        """Its exit status, or the negative number of the signal that killed it; None while it runs."""

    def exited(self) -> None:
        """Its pidfd has become readable: note its status, and close the pidfd."""
        os.close(self.pidfd)
        self.pidfd = -1
        found = os.waitid(os.P_PID, self.pid or 0, os.WEXITED | os.WNOWAIT | os.WNOHANG)
        if found is not None:
            self.status = found.si_status if found.si_code == os.CLD_EXITED else -found.si_status

    def signal_group(self, number: int) -> None:
        """Signal every process of the group that it leads."""
        if self.pid is not None:
            signal_group(self.pid, number)

    def reap(self, output_held_open: bool, reaped: Callable[[], None]) -> None:
        """Its output is read: end what is left of its group, and reap it.

        Args:
            output_held_open: whether a descendant still had its output open; it gets SIGTERM and a moment.
            reaped: called when that is done, which may be at once.
        """
        self.signal_group(signal.SIGTERM)
        if output_held_open:
            self._clock.callLater(DESCENDANTS_SECONDS, self._reap, reaped)
        else:
            self._reap(reaped)

    def _reap(self, reaped: Callable[[], None]) -> None:
        self.signal_group(_SIGKILL)
        if self.pid is not None:
            os.waitpid(self.pid, 0)
        self.pid = None
        reaped()


class Termination:
    """Ends a command that is to end: SIGTERM, and SIGKILL if that was not enough.

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

    def after(self, seconds: float) -> None:
        """Send SIGTERM in so long, at most the grace; what was asked for before is forgotten."""
        if not self.signalled:
            self.cancel()
            self._call = self._clock.callLater(min(seconds, self.grace), self._terminate)

    def now(self) -> None:
        """Send SIGTERM, unless that was done."""
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
    """The reason that a ProcessProtocol is told."""
    if status == 0:
        return Failure(ProcessDone(0))
    if status is not None and status < 0:
        return Failure(ProcessTerminated(None, -status, status))
    return Failure(ProcessTerminated(status))


def describe_exit(status: int | None, number: int | None) -> str:
    """Why a command ended, for people; empty where it ended well.

    Args:
        status: its exit status.
        number: the signal that killed it.
    """
    if number:
        return f"the command was killed by {_signal_name(number)}"
    return f"the command exited with status {status}" if status else ""


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # most of the real-time signals have none, signal(7)
        return f"signal {number}"
