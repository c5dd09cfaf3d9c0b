"""A command as a side, alone: what it says and does is reported, and it ends as it is asked to."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
from pathlib import Path
from typing import Any

from pipetwist.kernel.pipe_pool import PIPE_SIZE
from pipetwist.kernel.writer import HIGH_WATER_BYTES
from pipetwist.process.side import END_OF_FILE_SECONDS
from pipetwist.testing import RecordingReceiver
from tests.kernel.commands import GRACE, CommandCase
from tests.support.loop import open_descriptors

_DEFAULT_PIPE = 1 << 16
_DEAF = "trap '' TERM; echo ready; exec sleep 60"


class OutputTest(CommandCase):
    """What a command says."""

    def test_shown(self) -> None:
        """It shows its number and its halves, and so do its halves."""
        side, _ = self.command("/bin/cat")
        shown = f"<KernelProcessSide pid={side.process.pid} reading=PAUSED writing=OPEN>"
        self.assertEqual((repr(side), repr(side.reader)), (shown, f"<OutputReader of {shown}>"))
        side.close()
        self.assertEqual(
            repr(side), shown.replace("PAUSED", "OPEN").replace("writing=OPEN", "writing=LINGERING")
        )

    def test_both_ways(self) -> None:
        """What is written to it it reads, what it writes is read, and both are counted."""
        side, receiver = self.command("/bin/cat")
        side.write(b"hello ")
        side.write(b"there")
        self.says(side, receiver, b"hello there")
        self.assertEqual((side.received, side.delivered, receiver.heard), (11, 11, []))

    def test_not_before_it_is_asked_for(self) -> None:
        """Nothing is read before reading is resumed, nor while it is paused."""
        side, receiver = self.shell("echo one; read x; echo two; read x")
        self.loop.until(lambda: self._waits(side) == 4, "its output")
        self.assertEqual(receiver.data, b"")
        self.says(side, receiver, b"one\n")
        side.pause_reading()
        side.write(b"\n")
        self.loop.until(lambda: self._waits(side) == 4, "its output")
        self.loop.settle()
        self.assertEqual(receiver.data, b"one\n")
        self.says(side, receiver, b"one\ntwo\n")

    def test_closes_its_output(self) -> None:
        """A command that closes its output has ended that way, and is written to as before."""
        file = Path(self.mktemp())
        side, receiver = self.shell(f"echo last; exec >&-; exec cat > {file}")
        side.resume_reading()
        self.loop.until(self.heard(receiver, "read_ended"), "the end of its output")
        self.assertEqual(receiver.data, b"last\n")
        side.write(b"still heard")
        side.write_eof()
        self.loop.until(self.heard(receiver, "read_ended", "lost"), "its end")
        self.assertEqual((file.read_bytes(), receiver.reason), (b"still heard", ""))

    def test_closes_its_output_unread(self) -> None:
        """A command that closes its output while nothing is read costs nothing, and its end is
        reported when reading goes on.
        """
        side, receiver = self.shell("exec >&-; read x")
        side.resume_reading()
        side.pause_reading()
        self.loop.until(lambda: not self._has_writer(side), "the end of its output")
        self.loop.settle()
        self.assertEqual(receiver.heard, [])
        side.resume_reading()
        self.loop.settle()
        self.assertEqual(receiver.heard, ["read_ended"])

    def test_standard_error(self) -> None:
        """What it says on standard error goes to the log by lines, the last one as well."""
        _, receiver = self.shell("echo one >&2; printf 'two' >&2")
        self.loop.until(self.lost(receiver), "its end")
        self.assertEqual((self.lines, receiver.data), (["one", "two"], b""))

    def _waits(self, side: Any) -> int:
        """How many bytes of its output wait."""
        self.loop.turn()
        count = fcntl.ioctl(side.reader.descriptor, 0x541B, b"\0\0\0\0")  # FIONREAD
        return int.from_bytes(count, "little")

    def _has_writer(self, side: Any) -> bool:
        try:
            return bool(os.read(side.reader.descriptor, 1))
        except BlockingIOError:
            return True


class InputTest(CommandCase):
    """What a command is told."""

    def test_crowded(self) -> None:
        """What a command that is busy does not take waits; more than a little crowds the side,
        until all of it is taken.
        """
        side, receiver = self.stopped()
        written = self.crowd(side, receiver)
        assert side.writer.queue is not None
        self.assertGreater(len(side.writer.queue), HIGH_WATER_BYTES)
        self.assertEqual(side.delivered + len(side.writer.queue), written)
        self.go_on(side)
        self.says(side, receiver, bytes(written))
        self.assertEqual(
            (receiver.heard, side.delivered, side.writer.queue),
            (["pause_writing", "resume_writing"], written, None),
        )

    def test_enlarged(self) -> None:
        """The pipe of a command that is full is enlarged, once, and counts in the pool until it is
        closed.
        """
        side, receiver = self.stopped()
        side.write(bytes(_DEFAULT_PIPE))
        self.assertEqual((self.size(side), self.kernel.pool.lent), (_DEFAULT_PIPE, 0))
        side.write(bytes(2 * PIPE_SIZE))
        self.loop.settle()
        self.assertEqual((self.size(side), self.kernel.pool.lent), (PIPE_SIZE, 1))
        self.assertEqual(side.delivered, PIPE_SIZE)
        self.go_on(side)
        self.says(side, receiver, bytes(_DEFAULT_PIPE + 2 * PIPE_SIZE))
        side.write_eof()
        self.assertEqual(self.kernel.pool.lent, 0)

    def test_no_more_large_pipes(self) -> None:
        """If the pool has no more the pipe stays as it is, and everything arrives all the same."""
        for _ in range(self.pipes):
            self.kernel.pool.claim()
            self.addCleanup(self.kernel.pool.release)
        side, receiver = self.stopped()
        side.write(bytes(3 * _DEFAULT_PIPE))
        self.loop.settle()
        self.assertEqual((self.size(side), side.delivered), (_DEFAULT_PIPE, _DEFAULT_PIPE))
        self.go_on(side)
        self.says(side, receiver, bytes(3 * _DEFAULT_PIPE))

    def test_finish(self) -> None:
        """Its standard input is closed after what waits for it; what it says then is heard, and its
        end told.
        """
        side, receiver = self.stopped()
        side.write(bytes(3 * PIPE_SIZE))
        side.write_eof()
        side.write_eof()
        side.write(b"too late")
        self.go_on(side)
        side.resume_reading()
        self.loop.until(
            self.heard(receiver, "pause_writing", "resume_writing", "read_ended", "lost"), "its end"
        )
        self.assertEqual((len(receiver.data), receiver.reason), (3 * PIPE_SIZE, ""))

    def test_closes_its_input(self) -> None:
        """A command that has closed its input gets nothing more, which ends nothing: it may go on
        writing.
        """
        side, receiver = self.shell("exec <&-; echo ready; kill -STOP $$; echo more; exec sleep 60")
        self.says(side, receiver, b"ready\n")
        side.write(b"unheard")
        side.write(b"unheard")
        self.assertEqual((side.delivered, receiver.heard, not side.ending.delivers), (0, [], True))
        self.go_on(side)
        self.says(side, receiver, b"ready\nmore\n")
        self.assertEqual(receiver.heard, [])

    def test_closes_its_input_while_more_waits(self) -> None:
        """What is buffered for a command that closes its input is dropped, and the other side is
        resumed.
        """
        side, receiver = self.shell("kill -STOP $$; exec <&-; exec sleep 60")
        self.crowd(side, receiver)
        self.go_on(side)
        self.loop.until(self.heard(receiver, "pause_writing", "resume_writing"), "relief")
        self.assertEqual(
            (side.writer.queue, side.writer.waiting, self.kernel.pool.lent), (None, False, 0)
        )

    def stopped(self) -> tuple[Any, RecordingReceiver]:
        """A command cat that is stopped before it reads."""
        side, receiver = self.shell("kill -STOP $$; exec cat")
        return side, receiver

    def go_on(self, side: Any) -> None:
        """Have a command that stops itself go on, once it has stopped."""
        number = self.number(side)
        os.waitid(os.P_PID, number, os.WSTOPPED)
        os.kill(number, signal.SIGCONT)

    def size(self, side: Any) -> int:
        """The size of the pipe that is its input."""
        return fcntl.fcntl(side.writer.descriptor, getattr(fcntl, "F_GETPIPE_SZ", 1032))


class ExitTest(CommandCase):
    """A command ends by itself."""

    def test_causes(self) -> None:
        """A good end is no cause; a status and a signal are. After a signal its output had no end
        of its own, and is not whole.
        """
        for script, reason, heard in (
            ("exit 0", "", ["read_ended", "lost"]),
            ("exit 3", "the command exited with status 3", ["read_ended", "lost"]),
            ("kill -KILL $$", "the command was killed by SIGKILL", ["lost"]),
        ):
            side, receiver = self.shell(script)
            side.resume_reading()
            self.loop.until(self.lost(receiver), "its end")
            self.assertTrue(self.heard(receiver, *heard)())
            self.assertEqual((receiver.reason, receiver.whole), (reason, "read_ended" in heard))
            self.assertEqual((side.ending.over, self.ended[-1]), (True, side))

    def test_unread(self) -> None:
        """What it wrote before it exited, which is reported, is read, all of it, when its reader
        wants it, and then its end.
        """
        side, receiver = self.shell("head -c 50000 /dev/zero")
        self.loop.until(lambda: receiver.heard == ["peer_closed"], "its exit")
        self.assertEqual((receiver.data, side.ending.over), (b"", False))
        self.says(side, receiver, bytes(50_000))
        self.assertEqual(
            (receiver.heard, receiver.reason), (["peer_closed", "read_ended", "lost"], "")
        )

    def test_while_written_to(self) -> None:
        """What is buffered for a command that exits is dropped, and the other side is resumed
        before its end.
        """
        side, receiver = self.shell("kill -STOP $$")
        self.crowd(side, receiver)
        side.resume_reading()
        os.waitid(os.P_PID, self.number(side), os.WSTOPPED)
        os.kill(self.number(side), signal.SIGCONT)
        self.loop.until(self.lost(receiver), "its end")
        self.assertEqual(
            sorted(receiver.heard), ["lost", "pause_writing", "read_ended", "resume_writing"]
        )
        side.write(b"late")
        self.assertEqual(self.kernel.pool.lent, 0)

    def test_descendant_goes_on(self) -> None:
        """A descendant that holds its pipes open is not waited for, and what is left of the group
        is ended.
        """
        side, receiver = self.shell("sleep 60 & echo said; echo $! >&2")
        side.resume_reading()
        self.loop.until(self.heard(receiver, "read_ended", "lost"), "its end")
        self.assertEqual((receiver.data, receiver.reason), (b"said\n", ""))
        self.loop.until(lambda: side in self.ended, "the end of its group")
        self.assertRaises(ProcessLookupError, os.kill, int(self.lines[0]), 0)

    def test_before_anybody_is_attached(self) -> None:
        """If it ends before a receiver is attached, that is reported when one is attached."""
        side = self.start("/bin/sh", "-c", "exit 3")
        self.loop.until(lambda: side.ending.over, "its end")
        receiver = RecordingReceiver()
        side.attach(receiver)
        self.assertEqual(receiver.heard, ["lost"])
        self.assertEqual(self.ended, [side])

    def test_not_there(self) -> None:
        """One that can't be started raises, and leaves nothing behind."""
        self.assertRaises(FileNotFoundError, self.start, "/no/such/command")


class EndingTest(CommandCase):
    """A command is to end."""

    def ends(self, receiver: RecordingReceiver, side: Any) -> None:
        """Wait for the end of one that was signalled; it is told once, and has no cause."""
        self.loop.until(lambda: "lost" in receiver.heard and side in self.ended, "its end")
        self.assertEqual(
            (receiver.heard.count("lost"), receiver.heard[-1], receiver.reason), (1, "lost", "")
        )

    def test_close(self) -> None:
        """It gets an end of file, what it says then is dropped, and it may take its time."""
        side, receiver = self.shell("read x; echo ready; cat; echo dropped")
        side.write(b"\n")
        self.says(side, receiver, b"ready\n")
        side.close()
        self.ends(receiver, side)
        self.assertEqual((receiver.data, side.received), (b"ready\n", 14))

    def test_close_one_that_does_not_end(self) -> None:
        """One that does not end by itself gets SIGTERM after its grace, not earlier."""
        side, receiver = self.shell("echo ready; exec sleep 60")
        self.says(side, receiver, b"ready\n")
        side.close()
        side.close()
        self.loop.advance(GRACE * 0.99)
        self.assertFalse(side._terminator.signalled)
        self.loop.advance(GRACE * 0.02)
        self.assertTrue(side._terminator.signalled)
        self.ends(receiver, side)

    def test_disconnect(self) -> None:
        """One whose client has gone gets SIGTERM soon after its end of file."""
        side, receiver = self.shell("echo ready; exec sleep 60")
        self.says(side, receiver, b"ready\n")
        side.disconnect()
        self.loop.advance(END_OF_FILE_SECONDS * 0.9)
        self.assertFalse(side._terminator.signalled)
        self.loop.advance(END_OF_FILE_SECONDS * 0.2)
        self.assertTrue(side._terminator.signalled)
        self.ends(receiver, side)

    def test_disconnect_after_its_end_of_file(self) -> None:
        """So does one that has got its end of file before."""
        side, receiver = self.shell("echo ready; exec sleep 60")
        self.says(side, receiver, b"ready\n")
        side.write_eof()
        side.disconnect()
        self.loop.advance(END_OF_FILE_SECONDS * 1.1)
        self.assertTrue(side._terminator.signalled)
        self.ends(receiver, side)

    def test_disconnect_while_it_takes_its_input(self) -> None:
        """One that still takes what was written has its grace for it, and after its end of file
        half a second.
        """
        side, receiver = self.shell("kill -STOP $$; cat > /dev/null; exec sleep 60")
        side.write(bytes(2 * PIPE_SIZE))
        side.disconnect()
        self.loop.advance(END_OF_FILE_SECONDS * 2)
        self.assertFalse(side._terminator.signalled)
        os.waitid(os.P_PID, self.number(side), os.WSTOPPED)
        os.kill(self.number(side), signal.SIGCONT)
        self.loop.until(lambda: not side.ending.delivers, "its input to be taken")
        self.assertEqual(side.delivered, 2 * PIPE_SIZE)
        self.ends(receiver, side)

    def test_abort(self) -> None:
        """It gets SIGTERM at once, whatever waits for it, and is read no more."""
        side, receiver = self.shell("echo ready; exec sleep 60")
        self.says(side, receiver, b"ready\n")
        side.write(bytes(2 * PIPE_SIZE))
        side.abort()
        side.abort()
        self.assertTrue(side._terminator.signalled)
        self.assertEqual(side.writer.queue, None)
        self.ends(receiver, side)
        for call in (
            side.abort,
            side.close,
            side.disconnect,
            side.write_eof,
            side.resume_reading,
            side.pause_reading,
        ):
            call()
        side.write(b"late")
        self.assertEqual(receiver.heard.count("lost"), 1)

    def test_abort_one_that_is_deaf(self) -> None:
        """One that does not hear SIGTERM gets SIGKILL after its grace, and so does its group."""
        side, receiver = self.shell(_DEAF)
        self.says(side, receiver, b"ready\n")
        side.abort()
        self.loop.advance(GRACE * 0.99)
        os.kill(self.number(side), 0)
        self.loop.settle()
        self.assertFalse(side.ending.over)
        self.loop.advance(GRACE * 0.02)
        self.ends(receiver, side)

    def test_abort_after_close(self) -> None:
        """One that was to close can be aborted meanwhile."""
        side, receiver = self.shell("echo ready; exec sleep 60")
        self.says(side, receiver, b"ready\n")
        side.close()
        self.assertFalse(side._terminator.signalled)
        side.abort()
        self.ends(receiver, side)


class TroubleTest(CommandCase):
    """The system is short of something, or somebody makes a mistake."""

    def test_unwatchable(self) -> None:
        """A command that the kernel can't watch is not kept: it raises, and nothing is left."""
        before = open_descriptors()
        add = self.kernel.poller.add
        for works in range(2):
            calls: list[int] = []

            def refuse(
                descriptor: int,
                told: Any,
                events: int,
                calls: list[int] = calls,
                works: int = works,
            ) -> None:
                calls.append(descriptor)
                if len(calls) > works:
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                add(descriptor, told, events)

            self.patch(self.kernel.poller, "add", refuse)
            self.assertRaises(OSError, self.start, "/bin/sleep", "60")
            self.assertEqual(len(calls), works + 1)
            self.assertRaises(ChildProcessError, os.waitpid, -1, os.WNOHANG)
            self.kernel.close()
            self.assertEqual(open_descriptors() - before, set())

    def test_unwatchable_and_not_ours(self) -> None:
        """One that has become another user's besides is not waited for: that could last."""
        asked: list[int] = []

        def killpg(pid: int, number: int) -> None:
            asked.append(pid)
            raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

        before = open_descriptors()
        kill = os.killpg
        self.patch(self.kernel.poller, "add", self._no_space)
        self.patch(os, "killpg", killpg)
        error = self.assertRaises(OSError, self.start, "/bin/sleep", "60")
        self.assertEqual(error.errno, errno.ENOSPC)
        self.assertEqual(os.waitpid(asked[0], os.WNOHANG), (0, 0))
        kill(asked[0], signal.SIGKILL)
        os.waitpid(asked[0], 0)
        self.kernel.close()
        self.assertEqual(open_descriptors() - before, set())

    def test_unwatchable_later(self) -> None:
        """One whose output or input the kernel can't watch is ended, for the kernel's reason."""
        for call in ("resume_reading", "write"):
            side, receiver = self.shell("exec sleep 60")
            add = self.kernel.poller.add
            self.patch(self.kernel.poller, "add", self._no_space)
            if call == "write":
                side.write(bytes(2 * PIPE_SIZE))
                side.write(b"late")
            else:
                side.resume_reading()
            self.patch(self.kernel.poller, "add", add)
            self.loop.until(self.lost(receiver), "its end")
            self.assertEqual(receiver.reason, "No space left on device")

    def test_mistake_in_logging(self) -> None:
        """A mistake of who logs its standard error ends the log of it, and nothing else."""
        self.patch(self, "_log", lambda pid, line: 1 // 0)
        side, receiver = self.shell("echo one >&2; read x; echo said")
        self.loop.until(lambda: side._stderr.over, "the mistake")
        side.write(b"\n")
        side.resume_reading()
        self.loop.until(self.lost(receiver), "its end")
        self.assertEqual((receiver.data, receiver.reason), (b"said\n", ""))
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_mistake(self) -> None:
        """A mistake of the receiver's ends the command."""
        side, receiver = self.shell("echo said; exec sleep 60")
        self.patch(receiver, "data_received", self._stumble)
        side.resume_reading()
        self.loop.until(self.lost(receiver), "its end")
        self.assertEqual(receiver.reason, "internal error")
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_no_memory(self) -> None:
        """What the system has no memory for is delivered when it has."""
        side, receiver = self.command("/bin/cat")
        short = [True]
        write = os.write

        def scarce(descriptor: int, data: bytes) -> int:
            if short[0]:
                raise OSError(errno.ENOMEM, os.strerror(errno.ENOMEM))
            return write(descriptor, data)

        self.patch(os, "write", scarce)
        side.write(b"hello")
        self.loop.turn()
        self.assertEqual(side.delivered, 0)
        short[0] = False
        self.says(side, receiver, b"hello")

    def _stumble(self, side: object, data: bytes) -> None:
        raise ZeroDivisionError

    def _no_space(self, descriptor: int, told: Any, events: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
