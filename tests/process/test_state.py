"""How a command is told to end, and what is said of its end."""

from __future__ import annotations

import os
import select
import signal

from twisted.internet.error import ProcessDone, ProcessTerminated
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.process.launch import launch
from pipetwist.process.state import (
    ProcessState,
    ProcessTerminator,
    describe_exit,
    exit_failure,
    is_ending,
    is_truncated,
)

_TERM, _KILL = signal.SIGTERM, signal.SIGKILL


class EndingTest(SynchronousTestCase):
    """What its end says of its output."""

    def test_is_ending(self) -> None:
        """A command that runs is not at its end; one whose pipes are closed by its exit is, whether
        it can be waited for yet or not.
        """
        launched = launch(("/bin/sh", "-c", "read line"), {})
        self.addCleanup(os.close, launched.stderr)
        self.addCleanup(os.close, launched.pidfd)
        self.addCleanup(os.waitpid, launched.pid, 0)
        self.addCleanup(os.close, launched.stdout)
        self.assertFalse(is_ending(launched.pid))
        os.close(launched.stdin)
        self.assertTrue(select.select([launched.stdout], [], [], 20)[0])
        self.assertTrue(is_ending(launched.pid))

    def test_unknown(self) -> None:
        """Of one that is nobody's, or was never started, it is not said."""
        self.assertFalse(is_ending(None))
        self.assertFalse(is_ending(2**22 + 1))  # more than there can be, proc_sys_kernel(5)

    def test_cut_off(self) -> None:
        """A signal cuts it off, an exit status where that is what it means."""
        said = [
            is_truncated(status, reset_on_failure=failure)
            for failure in (False, True)
            for status in (None, 0, 3, -9)
        ]
        self.assertEqual(said, [False, False, False, True, False, False, True, True])


class TerminationTest(SynchronousTestCase):
    """SIGTERM, then SIGKILL."""

    def setUp(self) -> None:
        """Give a command 5 s."""
        self.clock = Clock()
        self.sent: list[tuple[float, int]] = []
        self.termination = ProcessTerminator(
            self.clock, lambda number: self.sent.append((self.clock.seconds(), number)), 5
        )

    def test_now(self) -> None:
        """SIGTERM is sent at once, SIGKILL when the grace is over."""
        self.termination.now()
        self.assertEqual((self.sent, self.termination.signalled), ([(0, _TERM)], True))
        self.clock.pump([1] * 20)
        self.assertEqual(self.sent, [(0, _TERM), (5, _KILL)])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_after(self) -> None:
        """SIGTERM is sent after so long, and nothing was signalled before."""
        self.termination.after(0.5)
        self.assertFalse(self.termination.signalled)
        self.clock.pump([0.25] * 40)
        self.assertEqual(self.sent, [(0.5, _TERM), (5.5, _KILL)])

    def test_after_the_grace_at_most(self) -> None:
        """It is never waited for longer than the grace."""
        self.termination.after(60)
        self.clock.advance(5)
        self.assertEqual(self.sent, [(5, _TERM)])

    def test_again(self) -> None:
        """What is asked for last counts, until SIGTERM is sent."""
        self.termination.after(5)
        self.termination.after(1)
        self.clock.advance(1)
        self.termination.after(1)
        self.termination.now()
        self.clock.pump([1] * 20)
        self.assertEqual(self.sent, [(1, _TERM), (6, _KILL)])

    def test_now_instead_of_later(self) -> None:
        """What was to happen later can happen now instead."""
        self.termination.after(3)
        self.clock.advance(1)
        self.termination.now()
        self.clock.pump([1] * 20)
        self.assertEqual(self.sent, [(1, _TERM), (6, _KILL)])

    def test_ended(self) -> None:
        """A command that has ended gets no signal more, before SIGTERM and after it."""
        self.termination.after(1)
        self.termination.cancel()
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.termination.now()
        self.termination.cancel()
        self.termination.cancel()
        self.clock.advance(60)
        self.assertEqual(self.sent, [(0, _TERM)])

    def test_shown(self) -> None:
        """It shows which signal is next, and when."""
        self.assertEqual(repr(self.termination), "<ProcessTerminator SIGTERM not due>")
        self.termination.after(1)
        self.clock.advance(0.5)
        self.assertEqual(repr(self.termination), "<ProcessTerminator SIGTERM in 0.5 s>")
        self.termination.now()
        self.assertEqual(repr(self.termination), "<ProcessTerminator SIGKILL in 5 s>")


class ExitTest(SynchronousTestCase):
    """The end in words, and as Twisted has it."""

    def test_description(self) -> None:
        """A good end needs no words; a status and a signal are named."""
        self.assertEqual(describe_exit(0, None), "")
        self.assertEqual(describe_exit(0, 0), "")
        self.assertEqual(describe_exit(3, None), "the command exited with status 3")
        self.assertEqual(describe_exit(3, None, "it"), "it exited with status 3")
        self.assertEqual(describe_exit(None, 9, "it"), "it was killed by SIGKILL")
        self.assertEqual(describe_exit(None, 15), "the command was killed by SIGTERM")
        self.assertEqual(describe_exit(None, 9), "the command was killed by SIGKILL")

    def test_signal_without_name(self) -> None:
        """A signal that has no name is named by its number."""
        self.assertEqual(describe_exit(None, 40), "the command was killed by signal 40")

    def test_failure(self) -> None:
        """A good end is ProcessDone, another ProcessTerminated with its status or signal."""
        self.assertIsInstance(exit_failure(0).value, ProcessDone)
        for status, expected in ((3, (3, None)), (-15, (None, 15))):
            error = exit_failure(status).value
            assert isinstance(error, ProcessTerminated)
            self.assertEqual((error.exitCode, error.signal), expected)


class LifeTest(SynchronousTestCase):
    """A real command."""

    def test_not_exited(self) -> None:
        """A command whose pidfd was said to be readable by mistake goes on, and its exit is noted
        when it comes.
        """
        launched = launch(["/bin/cat"], {})
        for descriptor in (launched.stdout, launched.stderr):
            self.addCleanup(os.close, descriptor)
        life = ProcessState(Clock(), launched.pid, launched.pidfd)
        unwatched: list[int] = []
        self.assertFalse(life.exited(lambda: unwatched.append(life.pidfd)))
        self.assertEqual((life.status, life.pidfd, unwatched), (None, launched.pidfd, []))
        os.close(launched.stdin)
        select.select([launched.pidfd], [], [], 10)
        self.assertTrue(life.exited(lambda: unwatched.append(life.pidfd)))
        self.assertEqual((life.status, life.pidfd, unwatched), (0, -1, [launched.pidfd]))
        life.reap()
        self.assertIsNone(life.pid)
