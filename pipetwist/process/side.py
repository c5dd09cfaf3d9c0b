"""A side of a connection that is the standard input and output of a command."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.error import ProcessDone, ProcessTerminated
from twisted.internet.interfaces import IDelayedCall, IPushProducer, IReactorTime
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure
from zope.interface import implementer

from pipetwist.interfaces import ISide, ISideReceiver, ISpawner, Medium
from pipetwist.process.identity import CommandIdentity
from pipetwist.process.life import Termination, cut_off, describe_exit, is_ending
from pipetwist.process.standard_error import StandardErrorLines
from pipetwist.stats.counting import count_writes
from pipetwist.transfer.causes import describe_error

__all__ = ["ChildSide"]

# A command whose client has gone gets so long after its end of file to end by itself, and to keep what it has just read, before SIGTERM.
END_OF_FILE_SECONDS = 0.5


@implementer(IPushProducer)
class _Crowding:
    """Turns the pipe's wish for fewer bytes into the side's words."""

    def __init__(self, side: ChildSide) -> None:
        self._side = side

    def pauseProducing(self) -> None:
        self._side.receiver.crowded(self._side)

    def resumeProducing(self) -> None:
        self._side.receiver.relieved(self._side)

    def stopProducing(self) -> None:
        self._side.receiver.relieved(self._side)


@implementer(ISide)
class ChildSide(ProcessProtocol):
    """A side of a connection that is a command's standard input and output.

    Args:
        clock: bounds how long a command may take to end.
        spawner: signals it.
        kill_grace: seconds from SIGTERM to SIGKILL.
        stderr: takes its standard error.
        ended: called once it has ended and been reaped.
        reset_on_failure: whether what it has sent is not whole where its exit status is not 0.
    """

    dropped = 0
    medium = Medium.STREAM
    carrier: object = None
    half_closes = True
    notices_loss = False
    transport: Any  # an IProcessTransport, and a producer and a consumer besides
    receiver: ISideReceiver

    def __init__(
        self,
        clock: IReactorTime,
        spawner: ISpawner,
        kill_grace: float,
        stderr: StandardErrorLines,
        ended: Callable[[ChildSide], None],
        *,
        reset_on_failure: bool = False,
    ) -> None:
        self.command = CommandIdentity()
        self.received = 0
        self.delivered = 0
        self._clock = clock
        self._spawner = spawner
        self._termination = Termination(clock, lambda number: spawner.signal_group(self.transport, number), kill_grace)
        self._stderr = stderr
        self._ended = ended
        self._unread: IDelayedCall | None = None
        self._exited = False
        self._reset_on_failure = reset_on_failure
        self._cut_off = False
        self._held_end = False
        self._attached = False
        self._shows_writes = False
        self._read_over = False
        self._write_over = False
        self._stdin_closed = False
        self._hanging_up = False
        self._closing = False
        self._over = False
        self._cause = ""

    @property
    def moved(self) -> int:
        """See `ISide`."""
        return self.delivered

    # The ProcessProtocol.

    def connectionMade(self) -> None:
        """Hold still until someone is attached and wants bytes."""
        # One that is reaped has no number any more, and is still to be read.
        self.command.pid = self.transport.pid
        self.transport.pauseProducing()
        # Not every reactor's transport has pipes to look at.
        stdin = getattr(self.transport, "pipes", {}).get(0)
        self._shows_writes = stdin is not None and count_writes(stdin, self._count_delivered)

    def childDataReceived(self, childFD: int, data: bytes) -> None:
        """Hand its output on, its standard error to the log."""
        if childFD == 2:
            self._stderr.data_received(data)
            return
        self.received += len(data)
        if not self._closing:
            self.receiver.data_received(self, data)

    def childConnectionLost(self, childFD: int) -> None:
        """One of its pipes is over: its output has ended, or it reads no more."""
        if childFD == 0:
            self._stdin_closed = self._write_over = True
            if self._hanging_up:
                self._termination.after(END_OF_FILE_SECONDS)
        elif childFD == 1:
            self._read_over = True
            if self._attached and not self._closing:
                # Whether this is the end of all that it had to send its exit says, which nobody is told of before its output is closed.
                self._held_end = True
                if self._exited or not is_ending(self.command.pid):
                    self._tell_end()
        else:
            self._stderr.ended()

    def processExited(self, reason: Failure) -> None:
        """It has exited, and there may be output of it that is not read yet."""
        self._exited = True
        self._cut_off = not self._termination.signalled and cut_off(_status(reason), reset_on_failure=self._reset_on_failure)
        self._tell_end()
        # Twisted may tell of it before it has said that the command is started, and whoever had it started comes right after.
        self._unread = self._clock.callLater(0, self._left_unread)

    def _tell_end(self) -> None:
        if self._held_end and not self._closing and not self._cut_off:
            self._held_end = False
            self.receiver.read_ended(self)

    def _left_unread(self) -> None:
        self._unread = None
        if not self._attached:
            # It was ready for a connection and is of no use any more.
            self.abort()
        elif not self._read_over and not self._closing:
            self.receiver.hung_up(self)

    def processEnded(self, reason: Failure) -> None:
        """It has exited, and everything that it wrote was read."""
        self._over = self._read_over = self._write_over = True
        self._termination.cancel()
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None
        self._cause = "" if self._termination.signalled else _cause(reason)
        self._spawner.end_group(self.transport, self._termination.grace, lambda: self._ended(self))
        if self._attached:
            self.receiver.lost(self, self._cause, whole=not self._cut_off)

    # ISide.

    def attach(self, receiver: ISideReceiver) -> None:
        """See `ISide`."""
        self.receiver = receiver
        self._attached = True
        if self._over:
            receiver.lost(self, self._cause, whole=not self._cut_off)
        elif not self._write_over:
            self.transport.registerProducer(_Crowding(self), True)

    def write(self, data: bytes) -> None:
        """See `ISide`; a command that has closed its standard input gets no more of it, and may go on writing."""
        if not self._write_over:
            self.transport.write(data)
            if not self._shows_writes:
                self.delivered += len(data)

    def pause_reading(self) -> None:
        """See `ISide`."""
        if not self._read_over and not self._closing:
            self.transport.pauseProducing()

    def resume_reading(self) -> None:
        """See `ISide`."""
        if not self._read_over:
            self.transport.resumeProducing()

    def finish_writing(self) -> None:
        """See `ISide`: its standard input is closed after what was written."""
        if not self._write_over:
            self._write_over = True
            self.transport.unregisterProducer()
            self.transport.closeStdin()

    def close(self) -> None:
        """See `ISide`: it may take as long to end by itself as it may take after SIGTERM."""
        if self._over or self._closing:
            return
        self._closing = True
        self.finish_writing()
        self.resume_reading()
        self._termination.after(self._termination.grace)

    def hang_up(self) -> None:
        """See `ISide`: SIGTERM follows soon after its end of file, or after ``kill_grace`` where it does not take its input."""
        if self._over or self._closing:
            return
        self._closing = self._hanging_up = True
        self.finish_writing()
        self.resume_reading()
        self._termination.after(END_OF_FILE_SECONDS if self._stdin_closed else self._termination.grace)

    def break_off(self) -> None:
        """See `ISide`."""
        self.hang_up()

    def abort(self) -> None:
        """See `ISide`: SIGTERM now, SIGKILL after ``kill_grace``."""
        if not self._over:
            self._closing = True
            self._hanging_up = False
            self._write_over = True
            if not self._exited:
                self._termination.now()
            self.transport.loseConnection()

    def _count_delivered(self, count: int) -> None:
        self.delivered += count


def _status(reason: Failure) -> int | None:
    error = reason.value
    if not isinstance(error, ProcessTerminated):
        return None
    status: int | None = -error.signal if error.signal else error.exitCode
    return status


def _cause(reason: Failure) -> str:
    error = reason.value
    if isinstance(error, ProcessDone):
        return ""
    if isinstance(error, ProcessTerminated):
        return describe_exit(error.exitCode, error.signal)
    return describe_error(error)
