"""Real commands started with posix_spawn: their groups and their descendants."""

from __future__ import annotations

import os
import signal

from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessDone
from twisted.internet.task import deferLater

from tests.process.listener import Listener
from tests.process.posix_process_case import ChildTestCase, any_reactor
from tests.support.scratch import scratch_folder, wait_until


class GroupTest(ChildTestCase):
    """The process group that a command leads."""

    async def test_own_group(self) -> None:
        """A command leads a group of its own."""
        listener = self.shell("read line")
        self.assertEqual(os.getpgid(listener.pid), listener.pid)
        self.assertNotEqual(os.getpgid(listener.pid), os.getpgid(0))
        listener.transport.closeStdin()
        await listener.end

    async def test_group_signal(self) -> None:
        """A signal to its group reaches what it has started."""
        listener = self.shell("sleep 60 & echo $! started; wait")
        await listener.says(b"started\n")
        other = int(listener.output[1].split()[0])
        listener.transport.state.signal_group(signal.SIGTERM)
        self.assertEqual((await listener.end).signal, signal.SIGTERM)
        self.assertEnds(other)

    async def test_signal_alone(self) -> None:
        """A signal to the command does not reach what it has started, whether by number or by name,
        and none is sent to the gone.
        """
        for name in ("HUP", "SIGHUP", signal.SIGHUP):
            listener = self.shell(
                "exec 3<&0; trap 'echo one' HUP; (trap 'echo two' HUP; echo ready; read line "
                "<&3; echo three) & wait; wait"
            )
            await listener.says(b"ready\n")
            listener.transport.signalProcess(name)
            await listener.says(b"one\n")
            listener.transport.closeStdin()
            await listener.end
            self.assertEqual(listener.output[1], b"ready\none\nthree\n")
            listener.transport.signalProcess(name)

    async def test_ignored_signals(self) -> None:
        """What Python ignores is not ignored by the command."""
        end = await self.shell("kill -PIPE $$; echo survived").end
        self.assertEqual(end.signal, signal.SIGPIPE)

    async def test_blocked_signals(self) -> None:
        """What this thread has blocked is not blocked in the command."""
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
        self.addCleanup(signal.pthread_sigmask, signal.SIG_SETMASK, before)
        self.assertEqual(
            (await self.shell("kill -USR1 $$; echo survived").end).signal, signal.SIGUSR1
        )


class DescendantsTest(ChildTestCase):
    """What a command has started, and leaves behind."""

    def group_ended(self, listener: Listener, grace: float) -> Deferred[None]:
        """End what a command that has ended has left behind."""
        ended: Deferred[None] = Deferred()
        listener.transport.state.end_group(grace, lambda: ended.callback(None))
        return ended

    async def test_nobody(self) -> None:
        """Where a command leaves nobody its group has ended at once."""
        listener = self.shell("exit 0")
        await listener.end
        self.assertTrue(self.group_ended(listener, 1000).called)

    async def test_holds_the_pipe(self) -> None:
        """One that holds the output open when the command has exited is not waited for, and ends by
        SIGTERM.
        """
        listener = self.shell("sleep 60 & echo $!")
        self.assertIsInstance(await listener.end, ProcessDone)
        ended = self.group_ended(listener, 1)
        self.assertEnds(int(listener.output[1]))
        await ended

    async def test_outlives_sigterm(self) -> None:
        """One that outlives SIGTERM gets SIGKILL after the grace."""
        ready = scratch_folder(self) / "ready"
        listener = self.shell(
            f"(trap '' TERM; echo $(exec sh -c 'echo $PPID'); touch {ready}; exec sleep 60) & "
            f"until test -e {ready}; do :; done"
        )
        await listener.end
        await self.group_ended(listener, 0.1)
        self.assertEnds(int(listener.output[1]))

    async def test_may_clean_up(self) -> None:
        """One has the grace after SIGTERM for what it still has to do."""
        folder = scratch_folder(self)
        descendant = (
            f"trap 'sleep 0.1; echo done > {folder}/file; exit' TERM; echo ready > "
            f"{folder}/ready; sleep 60 & wait"
        )
        listener = self.shell(f"({descendant}) & until test -s {folder}/ready; do :; done")
        await listener.end
        await self.group_ended(listener, 1)
        self.assertEqual((folder / "file").read_text(encoding="utf-8"), "done\n")

    async def test_signalled_before(self) -> None:
        """One that got SIGTERM with the command gets no second, and SIGKILL when the grace from
        then is over.
        """
        folder = scratch_folder(self)
        descendant = (
            f"trap 'echo again >> {folder}/file' TERM; echo ready > {folder}/ready; while :; do "
            "sleep 60 & wait; done"
        )
        listener = self.shell(
            f"({descendant}) & until test -s {folder}/ready; do :; done; exec sleep 60"
        )
        wait_until((folder / "ready").exists, "the descendant to be ready")
        await deferLater(any_reactor, 0.05)
        listener.transport.state.signal_group(signal.SIGTERM)
        await listener.end
        await self.group_ended(listener, 0.3)
        self.assertEqual((folder / "file").read_text(encoding="utf-8"), "again\n")

    async def test_silent(self) -> None:
        """One that holds nothing open does not hold up the end, and does not live on either."""
        listener = self.shell(
            "sleep 60 > /dev/null 2>&1 & echo $!; until [ $(readlink /proc/$!/fd/2) = "
            "/dev/null ]; do :; done"
        )
        await listener.end
        ended = self.group_ended(listener, 1)
        self.assertEnds(int(listener.output[1]))
        await ended

    async def test_goes_on_writing(self) -> None:
        """What the pipes hold when the command exits is read to its end; what descendants go on to
        write is not.
        """
        listener = self.shell(
            "head -c 40000 /dev/zero; (i=0; while [ $i -lt 200000 ]; do echo yes; i=$((i+1)); "
            "done) & exit 0"
        )
        await listener.end
        self.assertEqual(listener.output[1][:40000], bytes(40000))
        self.assertLess(len(listener.output[1]), 400_000)
