"""A side of a connection that is the standard input and output of a command."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.error import ProcessDone, ProcessTerminated
from twisted.internet.interfaces import IDelayedCall, IPushProducer, IReactorTime
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure
from zope.interface import implementer

from pipetwist.interfaces import (
    AnySideReceiver,
    AnyTransport,
    ILimitedSide,
    ISide,
    ISideReceiver,
    Medium,
    SpawnerLike,
)
from pipetwist.process.identity import ProcessIdentity
from pipetwist.process.standard_error import StandardErrorLines
from pipetwist.process.state import ProcessTerminator, describe_exit, is_ending, is_truncated
from pipetwist.stats.counting import count_writes
from pipetwist.transfer.ending import (
    ABSENT,
    BEGINNING,
    CLOSE,
    END,
    FINISH,
    LOST,
    PEER_ENDED,
    UNSURE,
    Ending,
    Reading,
    Step,
)
from pipetwist.transfer.ending_side import EndingSide
from pipetwist.transfer.loss_reasons import describe_error

__all__ = ["ProcessSide"]

# When its client has gone, a command gets this time after its end of file to finish what it has
# read and to exit, before SIGTERM.
END_OF_FILE_SECONDS = 0.5


@implementer(IPushProducer)
class _WriteFlowControl:
    """Passes the pipe's flow control on to the side's receiver."""

    def __init__(self, side: ProcessSide) -> None:
        self._side = side
        self._paused = False

    def pauseProducing(self) -> None:
        self._paused = True
        self._side.receiver.pause_writing(self._side)

    def resumeProducing(self) -> None:
        if self._paused:
            self._paused = False
            self._side.receiver.resume_writing(self._side)

    def stopProducing(self) -> None:
        self.resumeProducing()


@implementer(ILimitedSide, ISide)
class ProcessSide(EndingSide, ProcessProtocol):
    """A side of a connection that is a command's standard input and output.

    Args:
        clock: bounds how long a command may take to end.
        spawner: signals it.
        kill_grace: seconds from SIGTERM to SIGKILL.
        stderr: gets its standard error.
        ended: called once it has ended and been reaped.
        reset_on_failure: whether its output counts as incomplete if its exit status is not 0.
    """

    dropped = 0
    medium = Medium.STREAM
    carrier: object = None
    half_closes = True
    notices_loss = False
    transport: AnyTransport

    def __init__(
        self,
        clock: IReactorTime,
        spawner: SpawnerLike,
        kill_grace: float,
        stderr: StandardErrorLines,
        ended: Callable[[ProcessSide], None],
        *,
        reset_on_failure: bool = False,
    ) -> None:
        self.process = ProcessIdentity()
        self.received = 0
        self.delivered = 0
        self.receiver: AnySideReceiver = None
        self.ending: Ending = BEGINNING
        self._clock = clock
        self._spawner = spawner
        self._terminator = ProcessTerminator(
            clock, lambda number: spawner.signal_group(self.transport, number), kill_grace
        )
        self._stderr = stderr
        self._ended = ended
        self._unread: IDelayedCall | None = None
        self._exited = False
        self._reset_on_failure = reset_on_failure
        self._truncated = False
        self._disconnecting = False
        self._shows_writes = False
        self.reason = ""

    @property
    def moved(self) -> int:
        return self.delivered

    # The ProcessProtocol.

    def connectionMade(self) -> None:
        """Pause reading until a receiver is attached and resumes it."""
        # A reaped command has no process ID any more, but may still have output to read.
        self.process.pid = self.transport.pid
        self.transport.pauseProducing()
        # The transports of some reactors have no pipes to look at.
        stdin = getattr(self.transport, "pipes", {}).get(0)
        self._shows_writes = stdin is not None and count_writes(stdin, self._count_delivered)

    def childDataReceived(self, childFD: int, data: bytes) -> None:
        """Pass its output on, and its standard error to the log."""
        if childFD == 2:
            self._stderr.data_received(data)
            return
        self.received += len(data)
        if not self.ending.closing:
            self.receiver.data_received(self, data)

    def childConnectionLost(self, childFD: int) -> None:
        """One of its pipes has ended: its output has ended, or it reads no more input."""
        if childFD == 0:
            self._follow(self.hear(ABSENT))
        elif childFD == 1:
            self.hear(UNSURE)
            # Its exit says whether its output is complete, and is reported only after its output is
            # closed.
            if self._exited or not is_ending(self.process.pid):
                self._tell_end()
        else:
            self._stderr.ended()

    def processExited(self, reason: Failure) -> None:
        """It has exited; some of its output may not be read yet."""
        self._exited = True
        self._truncated = not self._terminator.signalled and is_truncated(
            _status(reason), reset_on_failure=self._reset_on_failure
        )
        self._tell_end()
        # Twisted may report the exit before it reports the start, and whoever started the command
        # gets it right after.
        self._unread = self._clock.callLater(0, self._left_unread)

    def _tell_end(self) -> None:
        if (
            self.receiver is not None
            and self.ending.reading is Reading.UNSURE
            and not self._truncated
        ):
            self._follow(self.hear(PEER_ENDED))

    def _follow(self, step: Step) -> None:
        # The command ends by itself or by a signal; there is nothing else to close.
        if step.tells_end:
            self.receiver.read_ended(self)
        elif self._disconnecting and (step.lingers or step.leaves):
            self._terminator.after(END_OF_FILE_SECONDS)

    def _left_unread(self) -> None:
        self._unread = None
        if self.receiver is None:
            # It was waiting for a connection, and is no longer needed.
            self.abort()
        elif self.ending.reads and not self.ending.closing:
            self.receiver.peer_closed(self)

    def processEnded(self, reason: Failure) -> None:
        """It has exited, and all its output was read."""
        self.hear(LOST)
        self._terminator.cancel()
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None
        self.reason = "" if self._terminator.signalled else _reason(reason)
        self._spawner.end_group(self.transport, self._terminator.grace, lambda: self._ended(self))
        if self.receiver is not None:
            self.receiver.lost(self, self.reason, whole=not self._truncated)

    # ISide.

    def attach(self, receiver: ISideReceiver) -> None:
        self.receiver = receiver
        if self.ending.over:
            receiver.lost(self, self.reason, whole=not self._truncated)
        elif self.ending.writable:
            self.transport.registerProducer(_WriteFlowControl(self), True)

    def write(self, data: bytes) -> None:
        """See `ISide`; a command that has closed its standard input gets nothing more, and may
        continue to write.
        """
        if self.ending.writable:
            self.transport.write(data)
            if not self._shows_writes:
                self.delivered += len(data)

    def pause_reading(self) -> None:
        if self.ending.reads and not self.ending.closing:
            self.transport.pauseProducing()

    def resume_reading(self) -> None:
        if self.ending.reads:
            self.transport.resumeProducing()

    def write_eof(self) -> None:
        """See `ISide`: its standard input is closed after what was written."""
        if self.ending.writable:
            self.hear(FINISH)
            self._close_input()

    def close(self) -> None:
        """See `ISide`: it may take as long to exit by itself as after SIGTERM."""
        if self.ending.closing:
            return
        self._terminator.after(self._terminator.grace)
        unended = self.ending.writable
        step = self.hear(CLOSE)
        if unended:
            self._close_input()
        self._follow(step)
        self.resume_reading()

    def disconnect(self) -> None:
        """See `ISide`: SIGTERM follows soon after its end of file, or after ``kill_grace`` if it
        does not read its input.
        """
        if not self.ending.closing:
            self._disconnecting = True
            self.close()

    def close_with_error(self) -> None:
        self.disconnect()

    def abort(self) -> None:
        """See `ISide`: SIGTERM now, SIGKILL after ``kill_grace``."""
        if not self.ending.over:
            self.hear(END)
            self._disconnecting = False
            if not self._exited:
                self._terminator.now()
            self.transport.loseConnection()

    def _close_input(self) -> None:
        self.transport.unregisterProducer()
        self.transport.closeStdin()

    @property
    def descriptor_text(self) -> str:
        return f"pid={self.process.pid}"

    def _count_delivered(self, count: int) -> None:
        self.delivered += count


def _status(reason: Failure) -> int | None:
    error = reason.value
    if not isinstance(error, ProcessTerminated):
        return None
    status: int | None = -error.signal if error.signal else error.exitCode
    return status


def _reason(reason: Failure) -> str:
    error = reason.value
    if isinstance(error, ProcessDone):
        return ""
    if isinstance(error, ProcessTerminated):
        return describe_exit(error.exitCode, error.signal)
    return describe_error(error)
