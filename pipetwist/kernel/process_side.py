"""A side of a connection that is a command's standard input and output, spliced straight to and
from the other side.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence

from zope.interface import implementer

from pipetwist.interfaces import IDescriptorSide, ILimitedSide, IProcess
from pipetwist.kernel.context import KernelContext
from pipetwist.kernel.poller import IN, Events
from pipetwist.kernel.process_pipes import InputWriter, OutputReader
from pipetwist.kernel.process_stderr import ProcessStderr
from pipetwist.kernel.side import DescriptorSide
from pipetwist.process.identity import ProcessIdentity
from pipetwist.process.launch import abandon, launch
from pipetwist.process.pipe_ends import held_bytes
from pipetwist.process.side import END_OF_FILE_SECONDS
from pipetwist.process.standard_error import StandardErrorLines
from pipetwist.process.state import (
    ProcessState,
    ProcessTerminator,
    describe_exit,
    is_ending,
    is_truncated,
)
from pipetwist.transfer.ending import ABSENT, CLOSE, END, LOST, PEER_ENDED, UNSURE, Reading, Step
from pipetwist.transfer.loss_reasons import describe_error

__all__ = ["KernelProcessSide"]


@implementer(IDescriptorSide, ILimitedSide)
class KernelProcessSide(DescriptorSide):
    """A command, started for one connection.

    Args:
        kernel: what it works with.
        command: the executable's path and its arguments.
        env: the whole environment.
        kill_grace: seconds from SIGTERM to SIGKILL.
        log: takes the lines of its standard error, and says by whom they are.
        ended: called once it has ended and been reaped.
        reset_on_failure: whether what it has sent is not whole where its exit status is not 0.

    Raises:
        OSError: where it can't be started.
    """

    __slots__ = (
        "_disconnecting",
        "_ended",
        "_reset_on_failure",
        "_state",
        "_stderr",
        "_terminator",
        "process",
    )

    process: ProcessIdentity
    reader: OutputReader
    writer: InputWriter
    notices_loss = True

    def __init__(
        self,
        kernel: KernelContext,
        command: Sequence[str],
        env: Mapping[str, str],
        kill_grace: float,
        log: Callable[[IProcess, str], None],
        ended: Callable[[KernelProcessSide], None],
        *,
        reset_on_failure: bool = False,
    ) -> None:
        super().__init__(kernel, OutputReader, InputWriter)
        launched = launch(command, env)
        self._state = ProcessState(kernel.reactor, launched.pid, launched.pidfd)
        self._terminator = ProcessTerminator(kernel.reactor, self._state.signal_group, kill_grace)
        self._ended = ended
        self.writer.descriptor, self.reader.descriptor = launched.stdin, launched.stdout
        self.process = identity = ProcessIdentity(launched.pid)
        lines = StandardErrorLines(kernel.reactor, lambda line: log(identity, line))
        self._disconnecting = False
        self._reset_on_failure = reset_on_failure
        with contextlib.ExitStack() as unwatched:
            unwatched.callback(abandon, launched)
            kernel.poller.add(launched.pidfd, Events(self._exited, self.failed), IN)
            unwatched.callback(kernel.poller.remove, launched.pidfd)
            self._stderr = ProcessStderr(kernel.poller, launched.stderr, lines, self._end)
            unwatched.pop_all()

    # DescriptorSide.

    def watch(self) -> None:
        if self.ending.over:
            return
        try:
            self.writer.watch()
            self.reader.watch()
        except OSError as error:  # the kernel's bound on what may be watched, epoll_ctl(2)
            self.reason = describe_error(error)
            self.abort()

    def all_read(self) -> None:
        """See `DescriptorSide`: the command has closed its output, or has exited and all of it is
        read.
        """
        self.reader.close()
        self.hear(UNSURE)
        if not self.ending.closing:
            # Whether this is the end of all that it had to send its exit says, which nobody is told
            # of before its output is closed.
            if self._state.status is None and is_ending(self._state.pid):
                return
            self._tell_end()
        self._end()

    def _tell_end(self) -> None:
        if not is_truncated(self._state.status, reset_on_failure=self._reset_on_failure):
            self.follow(self.hear(PEER_ENDED))

    def unwritable(self, error: OSError) -> None:
        """See `DescriptorSide`: a command that has closed its standard input gets no more of it,
        and may go on writing.
        """
        self.writer.close()
        self.follow(self.hear(ABSENT))

    def broken(self, reason: str) -> None:
        self.reader.end()

    def follow(self, step: Step) -> None:
        """See `DescriptorSide`: it ends by itself or by a signal, and what a socket does at its end
        comes with that.
        """
        if step.sends_end or step.leaves:
            self.writer.close()
        if step.tells_end:
            self.receiver.read_ended(self)
        elif self._disconnecting and (step.lingers or step.leaves):
            self._terminator.after(END_OF_FILE_SECONDS)

    # Its descriptors' events.

    def failed(self) -> None:
        self.reason = "internal error"
        self._stderr.close()
        self.abort()

    def peer_gone(self) -> None:
        """See `DescriptorSide`: a command is gone when it exits, and no sooner."""

    def _exited(self, events: int) -> None:
        if not self._state.exited(lambda: self.kernel.poller.remove(self._state.pidfd)):
            return
        if self.receiver is None:
            # It was ready for a connection and is of no use any more.
            self.abort()
        if self.ending.delivers:
            self.hear(ABSENT)
            self.writer.close()
            self.writer.drained()
        self._stderr.read_rest()
        if self.ending.over:
            return
        if self.reader.open:
            self.reader.unread = held_bytes(self.reader.descriptor)
            if self.ending.closing or not self.reader.unread:
                self.reader.end()
            else:
                self.receiver.peer_closed(self)
            return
        if self.ending.reading is Reading.UNSURE and not self.ending.closing:
            self._tell_end()
        self._end()

    def runs(self) -> bool:
        """Whether it has not exited, by the kernel's word."""
        return self._state.runs()

    # ISide.

    def close(self) -> None:
        """See `ISide`: it may take as long to end by itself as it may take after SIGTERM."""
        if self.ending.closing:
            return
        self._terminator.after(self._terminator.grace)
        self.follow(self.hear(CLOSE))
        self.writer.finish()
        self.reader.discard()

    def disconnect(self) -> None:
        """See `ISide`: SIGTERM follows soon after its end of file, or after ``kill_grace`` where it
        does not take its input.
        """
        if not self.ending.closing:
            self._disconnecting = True
            self.close()

    def close_with_error(self) -> None:
        self.disconnect()

    def abort(self) -> None:
        """See `ISide`: SIGTERM now, SIGKILL after ``kill_grace``."""
        if self.ending.over:
            return
        self.hear(END)
        self._disconnecting = False
        self.writer.close()
        self.writer.release_source()
        if self._state.status is None:
            self._terminator.now()
        if self.reader.open:
            self.reader.end()

    # Its end.

    def _end(self) -> None:
        if (
            self.ending.over
            or self._state.status is None
            or self.reader.open
            or not self._stderr.over
        ):
            return
        self.hear(LOST)
        self._terminator.cancel()
        self._state.reap()
        status = self._state.status
        if not self.reason and not self._terminator.signalled:
            self.reason = describe_exit(max(status, 0), max(-status, 0))
        self._state.end_group(self._terminator.grace, lambda: self._ended(self))
        receiver = self.part()
        if receiver is not None:
            receiver.lost(
                self,
                self.reason,
                whole=not is_truncated(status, reset_on_failure=self._reset_on_failure),
            )

    @property
    def descriptor_text(self) -> str:
        return f"pid={self.process.pid}"
