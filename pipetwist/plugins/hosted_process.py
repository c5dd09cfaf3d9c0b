"""The process of a plug-in: its standard input held open, its output passed on, its end by the
contract, then by signals.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from twisted.internet.interfaces import IReactorTime
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure

from pipetwist.interfaces import AnyTransport, SpawnerLike
from pipetwist.process.standard_error import StandardErrorLines
from pipetwist.process.state import ProcessTerminator, describe_exit

__all__ = ["HostedProcess", "ProcessReceiver"]

# A plug-in that ends with its standard input gets this long before SIGTERM.
STDIN_SECONDS = 1.0


class ProcessReceiver(Protocol):
    """Is told what becomes of a process."""

    def process_said(self, data: bytes) -> None:
        """It has written to its standard output."""

    def process_logged(self, line: str) -> None:
        """It has written a line that is for the log."""

    def process_exited(self, how: str) -> None:
        """It has ended.

        Args:
            how: with which status, or by which signal, for people.
        """

    def process_ended(self) -> None:
        """Nothing of its group is left. Called once, after `process_exited`."""


class HostedProcess(ProcessProtocol):
    """One process of a plug-in, from its start until nothing of its group is left.

    Args:
        clock: counts the time.
        spawner: starts and signals it.
        kill_grace: seconds from SIGTERM to SIGKILL.
        receiver: is told what becomes of it.
    """

    transport: AnyTransport

    def __init__(
        self,
        clock: IReactorTime,
        spawner: SpawnerLike,
        kill_grace: float,
        receiver: ProcessReceiver,
    ) -> None:
        self._spawner = spawner
        self._lines = StandardErrorLines(clock, receiver.process_logged)
        self._output_lines = StandardErrorLines(clock, receiver.process_logged)
        self._receiver = receiver
        self._terminator = ProcessTerminator(clock, self._signal, kill_grace)
        self.pid = 0
        """Its process ID; after its end, the one that it had."""
        self.exited = False
        """Whether it has ended; others of its group may be left."""

    def __repr__(self) -> str:
        return f"<HostedProcess pid={self.pid} {self._terminator!r}>"

    def start(self, command: Sequence[str], env: Mapping[str, str]) -> None:
        """Start it.

        Raises:
            OSError: it can't be started.
        """
        self._spawner.spawn(self, command, env)
        self.pid = self.transport.pid

    def end(self, *, by_stdin: bool) -> None:
        """End it.

        Args:
            by_stdin: whether it ends when its standard input is closed; SIGTERM follows then after
                a moment.
        """
        if by_stdin:
            self._terminator.after(STDIN_SECONDS)
            self.transport.closeStdin()
        else:
            self._terminator.now()

    def log_output(self, data: bytes) -> None:
        """Log what is for the log of its standard output, within the same bounds."""
        self._output_lines.data_received(data)

    def _signal(self, number: int) -> None:
        self._spawner.signal_group(self.transport, number)

    # ProcessProtocol.

    def childDataReceived(self, childFD: int, data: bytes) -> None:
        """Pass standard output on, and log standard error."""
        if childFD == 1:
            self._receiver.process_said(data)
        else:
            self._lines.data_received(data)

    def processEnded(self, reason: Failure) -> None:
        """End what is left of its group as well."""
        self._lines.ended()
        self._output_lines.ended()
        self._terminator.cancel()
        value = reason.value
        status, number = getattr(value, "exitCode", None), getattr(value, "signal", None)
        self.exited = True
        self._receiver.process_exited(
            describe_exit(status, number, "it") or "it exited with status 0"
        )
        self._spawner.end_group(
            self.transport, self._terminator.grace, self._receiver.process_ended
        )
