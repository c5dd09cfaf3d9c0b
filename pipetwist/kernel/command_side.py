"""A side of a connection that is a command's standard input and output, spliced straight to and from the other side."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Mapping, Sequence

from zope.interface import implementer

from pipetwist.interfaces import ICommand, IDescriptorSide
from pipetwist.kernel.command_errors import CommandErrors
from pipetwist.kernel.pipe_ends import held_bytes
from pipetwist.kernel.poller import IN, OUT, Events
from pipetwist.kernel.setting import KernelSetting
from pipetwist.kernel.side import DescriptorSide
from pipetwist.process.identity import CommandIdentity
from pipetwist.process.launch import abandon, launch
from pipetwist.process.life import Life, Termination, cut_off, describe_exit, is_ending
from pipetwist.process.side import END_OF_FILE_SECONDS
from pipetwist.process.standard_error import StandardErrorLines
from pipetwist.transfer.causes import describe_error

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

    __slots__ = (
        "_ended",
        "_hanging_up",
        "_held_end",
        "_input_claimed",
        "_input_watched",
        "_life",
        "_output_claimed",
        "_output_events",
        "_output_watched",
        "_reset_on_failure",
        "_stderr",
        "_stdin",
        "_stdout",
        "_termination",
        "command",
    )

    is_pipe = True
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
        super().__init__(kernel)
        launched = launch(command, env)
        self._life = Life(kernel.reactor, launched.pid, launched.pidfd)
        self._termination = Termination(kernel.reactor, self._life.signal_group, kill_grace)
        self._ended = ended
        self._stdin, self._stdout = launched.stdin, launched.stdout
        identity = self.command = CommandIdentity(launched.pid)
        lines = StandardErrorLines(kernel.reactor, lambda line: log(identity, line))
        self._input_watched = self._input_claimed = self._output_watched = self._output_claimed = False
        self._output_events = 0
        self._hanging_up = self._held_end = False
        self._reset_on_failure = reset_on_failure
        with contextlib.ExitStack() as unwatched:
            unwatched.callback(abandon, launched)
            kernel.poller.add(launched.pidfd, Events(self._exited, self.failed), IN)
            unwatched.callback(kernel.poller.remove, launched.pidfd)
            self._stderr = CommandErrors(kernel.poller, launched.stderr, lines, self._end)
            unwatched.pop_all()

    # Descriptor.

    def receive(self) -> int:
        """See `Descriptor`."""
        view = self.kernel.buffer if self.unread is None else self.kernel.buffer[: max(self.unread, 1)]
        return os.readv(self._stdout, [view])

    def send(self, data: memoryview | bytearray) -> int:
        """See `Descriptor`."""
        return os.write(self._stdin, data)

    def splice_from(self) -> int:
        """See `Descriptor`."""
        return self._stdout

    def splice_to(self) -> int:
        """See `Descriptor`."""
        return self._stdin

    def watch(self) -> None:
        """See `Descriptor`."""
        try:
            if self._stdin >= 0 and self.waiting != self._input_watched:
                self._watch_input()
            events = IN if self.wants_to_read() else 0
            if self._stdout >= 0 and events != self._output_events:
                self._watch_output(events)
        except OSError as error:  # the kernel's bound on what may be watched, epoll_ctl(2)
            self.cause = describe_error(error)
            self.abort()

    def _watch_input(self) -> None:
        if self.waiting:
            self.kernel.poller.add(self._stdin, Events(self._input_ready, self.failed), OUT)
        else:
            self.kernel.poller.remove(self._stdin)
        self._input_watched = self.waiting

    def _watch_output(self, events: int) -> None:
        if self._output_watched:
            self.kernel.poller.change(self._stdout, events)
        else:
            self.kernel.poller.add(self._stdout, Events(self.ready, self.failed), events)
            self._output_watched = True
        self._output_events = events

    def shut(self) -> None:
        """See `Descriptor`."""
        self._close_stdin()

    def all_read(self) -> None:
        """See `Descriptor`: the command has closed its output, or has exited and all of it is read."""
        self._close_stdout()
        if not self.closing:
            # Whether this is the end of all that it had to send its exit says, which nobody is told of before its output is closed.
            if self._life.status is None and is_ending(self._life.pid):
                self._held_end = True
                return
            self._tell_end()
        self._end()

    def _tell_end(self) -> None:
        if not cut_off(self._life.status, reset_on_failure=self._reset_on_failure):
            self.receiver.read_ended(self)

    def all_delivered(self) -> None:
        """See `Descriptor`."""
        if self._hanging_up:
            self._termination.after(END_OF_FILE_SECONDS)

    def wait(self) -> None:
        """See `Delivery`: a pipe that is full is enlarged at first."""
        if not self._input_claimed and not self.waiting:
            self._input_claimed = self.kernel.pool.enlarge(self._stdin)
        super().wait()

    def found_full(self) -> None:
        """See `DescriptorSide`."""
        if not self._output_claimed:
            self._output_claimed = self.kernel.pool.enlarge(self._stdout)

    def unwritable(self, error: OSError) -> None:
        """See `Descriptor`: a command that has closed its standard input gets no more of it, and may go on writing."""
        self._close_stdin()
        self.all_delivered()

    def broken(self, cause: str) -> None:
        """See `Descriptor`."""
        self.end_reading()

    # Its descriptors' events.

    def _input_ready(self, events: int) -> None:
        if self.waiting:
            self.flush()

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
        if not self.attached:
            # It was ready for a connection and is of no use any more.
            self.abort()
        if not self.write_over:
            self.write_over = True
            self.finishing = False
            self.queue = None
            self._close_stdin()
            self.relieve()
        self._stderr.read_rest()
        if self._stdout >= 0:
            self.unread = held_bytes(self._stdout)
            if self.closing or not self.unread:
                self.end_reading()
            else:
                self.receiver.hung_up(self)
            return
        if self._held_end and not self.closing:
            self._tell_end()
        self._end()

    def runs(self) -> bool:
        """Whether it has not exited, by the kernel's word."""
        return self._life.runs()

    # ISide.

    def close(self) -> None:
        """See `ISide`: it may take as long to end by itself as it may take after SIGTERM."""
        if not self.over and not self.closing:
            self.closing = True
            self._termination.after(self._termination.grace)
            self.finish_writing()
            self.discard_reading()

    def hang_up(self) -> None:
        """See `ISide`: SIGTERM follows soon after its end of file, or after ``kill_grace`` where it does not take its input."""
        if not self.over and not self.closing:
            self.closing = self._hanging_up = True
            self._termination.after(END_OF_FILE_SECONDS if self.write_over else self._termination.grace)
            self.finish_writing()
            self.discard_reading()

    def break_off(self) -> None:
        """See `ISide`."""
        self.hang_up()

    def abort(self) -> None:
        """See `ISide`: SIGTERM now, SIGKILL after ``kill_grace``."""
        if self.over:
            return
        self.closing = True
        self._hanging_up = False
        self.write_over = True
        self.queue = None
        self._close_stdin()
        self.release_source()
        if self._life.status is None:
            self._termination.now()
        if self._stdout >= 0:
            self.end_reading()

    # Its end.

    def _end(self) -> None:
        if self._life.status is None or self._stdout >= 0 or not self._stderr.over or self.over:
            return
        self.over = self.read_over = self.write_over = True
        self._termination.cancel()
        self._life.reap()
        status = self._life.status or 0
        if not self.cause and not self._termination.signalled:
            self.cause = describe_exit(max(status, 0), max(-status, 0))
        self._life.end_group(self._termination.grace, lambda: self._ended(self))
        self.sink = self.source = None
        if self.attached:
            receiver, self.receiver = self.receiver, None
            receiver.lost(self, self.cause, whole=not cut_off(self._life.status, reset_on_failure=self._reset_on_failure))

    def _close_stdin(self) -> None:
        self.waiting = False
        if self._stdin >= 0:
            if self._input_watched:
                self.kernel.poller.remove(self._stdin)
                self._input_watched = False
            os.close(self._stdin)
            self._stdin = -1
            if self._input_claimed:
                self.kernel.pool.release()

    def _close_stdout(self) -> None:
        if self._stdout >= 0:
            if self._output_watched:
                self.kernel.poller.remove(self._stdout)
            os.close(self._stdout)
            self._stdout = -1
            if self._output_claimed:
                self.kernel.pool.release()
