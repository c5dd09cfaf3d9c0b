"""A side of a connection that is a command's standard input and output, spliced straight to and from the other side."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence

from zope.interface import implementer

from pipetwist.interfaces import ICommand, IDescriptorSide
from pipetwist.kernel.command_errors import CommandErrors
from pipetwist.kernel.command_pipes import InputWriter, OutputReader
from pipetwist.kernel.pipe_ends import held_bytes
from pipetwist.kernel.poller import IN, Events
from pipetwist.kernel.setting import KernelSetting
from pipetwist.kernel.side import DescriptorSide
from pipetwist.process.identity import CommandIdentity
from pipetwist.process.launch import abandon, launch
from pipetwist.process.life import Life, Termination, cut_off, describe_exit, is_ending
from pipetwist.process.side import END_OF_FILE_SECONDS
from pipetwist.process.standard_error import StandardErrorLines
from pipetwist.transfer.causes import describe_error
from pipetwist.transfer.ending import ABSENT, CLOSE, END, LOST, PEER_ENDED, UNSURE, Reading, Step

__all__ = ["CommandSide"]


@implementer(IDescriptorSide)
class CommandSide(DescriptorSide):
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

    __slots__ = ("_ended", "_hanging_up", "_life", "_reset_on_failure", "_stderr", "_termination", "command")

    command: CommandIdentity
    reader: OutputReader
    writer: InputWriter
    notices_loss = True

    def __init__(
        self,
        kernel: KernelSetting,
        command: Sequence[str],
        env: Mapping[str, str],
        kill_grace: float,
        log: Callable[[ICommand, str], None],
        ended: Callable[[CommandSide], None],
        *,
        reset_on_failure: bool = False,
    ) -> None:
        super().__init__(kernel, OutputReader, InputWriter)
        launched = launch(command, env)
        self._life = Life(kernel.reactor, launched.pid, launched.pidfd)
        self._termination = Termination(kernel.reactor, self._life.signal_group, kill_grace)
        self._ended = ended
        self.writer.descriptor, self.reader.descriptor = launched.stdin, launched.stdout
        self.command = identity = CommandIdentity(launched.pid)
        lines = StandardErrorLines(kernel.reactor, lambda line: log(identity, line))
        self._hanging_up = False
        self._reset_on_failure = reset_on_failure
        with contextlib.ExitStack() as unwatched:
            unwatched.callback(abandon, launched)
            kernel.poller.add(launched.pidfd, Events(self._exited, self.failed), IN)
            unwatched.callback(kernel.poller.remove, launched.pidfd)
            self._stderr = CommandErrors(kernel.poller, launched.stderr, lines, self._end)
            unwatched.pop_all()

    # DescriptorSide.

    def watch(self) -> None:
        """See `DescriptorSide`."""
        if self.ending.over:
            return
        try:
            self.writer.watch()
            self.reader.watch()
        except OSError as error:  # the kernel's bound on what may be watched, epoll_ctl(2)
            self.cause = describe_error(error)
            self.abort()

    def all_read(self) -> None:
        """See `DescriptorSide`: the command has closed its output, or has exited and all of it is read."""
        self.reader.close()
        self.hear(UNSURE)
        if not self.ending.closing:
            # Whether this is the end of all that it had to send its exit says, which nobody is told of before its output is closed.
            if self._life.status is None and is_ending(self._life.pid):
                return
            self._tell_end()
        self._end()

    def _tell_end(self) -> None:
        if not cut_off(self._life.status, reset_on_failure=self._reset_on_failure):
            self.follow(self.hear(PEER_ENDED))

    def unwritable(self, error: OSError) -> None:
        """See `DescriptorSide`: a command that has closed its standard input gets no more of it, and may go on writing."""
        self.writer.close()
        self.follow(self.hear(ABSENT))

    def broken(self, cause: str) -> None:
        """See `DescriptorSide`."""
        self.reader.end()

    def follow(self, step: Step) -> None:
        """See `DescriptorSide`: it ends by itself or by a signal, and what a socket does at its end comes with that."""
        if step.sends_end or step.leaves:
            self.writer.close()
        if step.tells_end:
            self.receiver.read_ended(self)
        elif self._hanging_up and (step.lingers or step.leaves):
            self._termination.after(END_OF_FILE_SECONDS)

    # Its descriptors' events.

    def failed(self) -> None:
        """See `Pollable`."""
        self.cause = "internal error"
        self._stderr.close()
        self.abort()

    def peer_gone(self) -> None:
        """See `DescriptorSide`: a command is gone when it exits, and no sooner."""

    def _exited(self, events: int) -> None:
        if not self._life.exited(lambda: self.kernel.poller.remove(self._life.pidfd)):
            return
        if self.receiver is None:
            # It was ready for a connection and is of no use any more.
            self.abort()
        if self.ending.delivers:
            self.hear(ABSENT)
            self.writer.close()
            self.writer.relieve()
        self._stderr.read_rest()
        if self.ending.over:
            return
        if self.reader.open:
            self.reader.unread = held_bytes(self.reader.descriptor)
            if self.ending.closing or not self.reader.unread:
                self.reader.end()
            else:
                self.receiver.hung_up(self)
            return
        if self.ending.reading is Reading.UNSURE and not self.ending.closing:
            self._tell_end()
        self._end()

    def runs(self) -> bool:
        """Whether it has not exited, by the kernel's word."""
        return self._life.runs()

    # ISide.

    def close(self) -> None:
        """See `ISide`: it may take as long to end by itself as it may take after SIGTERM."""
        if self.ending.closing:
            return
        self._termination.after(self._termination.grace)
        self.follow(self.hear(CLOSE))
        self.writer.finish()
        self.reader.discard()

    def hang_up(self) -> None:
        """See `ISide`: SIGTERM follows soon after its end of file, or after ``kill_grace`` where it does not take its input."""
        if not self.ending.closing:
            self._hanging_up = True
            self.close()

    def break_off(self) -> None:
        """See `ISide`."""
        self.hang_up()

    def abort(self) -> None:
        """See `ISide`: SIGTERM now, SIGKILL after ``kill_grace``."""
        if self.ending.over:
            return
        self.hear(END)
        self._hanging_up = False
        self.writer.close()
        self.writer.release_source()
        if self._life.status is None:
            self._termination.now()
        if self.reader.open:
            self.reader.end()

    # Its end.

    def _end(self) -> None:
        if self.ending.over or self._life.status is None or self.reader.open or not self._stderr.over:
            return
        self.hear(LOST)
        self._termination.cancel()
        self._life.reap()
        status = self._life.status
        if not self.cause and not self._termination.signalled:
            self.cause = describe_exit(max(status, 0), max(-status, 0))
        self._life.end_group(self._termination.grace, lambda: self._ended(self))
        receiver = self.part()
        if receiver is not None:
            receiver.lost(self, self.cause, whole=not cut_off(status, reset_on_failure=self._reset_on_failure))

    @property
    def place(self) -> str:
        """See `EndingSide`."""
        return f"pid={self.command.pid}"
