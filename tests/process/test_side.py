"""A command as a side of a connection, with commands in memory."""

from __future__ import annotations

import signal

from twisted.internet.error import ConnectionLost
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.interfaces import ISide
from pipetwist.process.side import END_OF_FILE_SECONDS, ProcessSide
from pipetwist.process.standard_error import StandardErrorLines
from pipetwist.testing import FakeSpawner, RecordingReceiver

_TERM, _KILL = signal.SIGTERM, signal.SIGKILL


class _SideTestCase(SynchronousTestCase):
    """A side whose command is the test's, with a grace of 5 s."""

    stubborn = False

    def setUp(self) -> None:
        """Start the command, and attach a receiver."""
        self.clock = Clock()
        self.spawner = FakeSpawner(stubborn=self.stubborn)
        self.logged: list[str] = []
        self.ended: list[ISide] = []
        self.receiver = RecordingReceiver()
        self.side = self.start()
        (self.process,) = self.spawner.processes
        self.side.attach(self.receiver)

    def start(self) -> ProcessSide:
        """Start a command; its side."""
        lines = StandardErrorLines(self.clock, self.logged.append)
        side = ProcessSide(self.clock, self.spawner, 5, lines, self.ended.append)
        self.spawner.spawn(side, ["tool"], {})
        return side

    def signals(self) -> list[int]:
        """The signals that were sent."""
        return [number for _, number in self.spawner.signals]

    def assertLost(self, reason: str) -> None:
        """The side is over, as it was told once and last, and nothing of it is left after a turn of
        the reactor.
        """
        self.clock.advance(0)
        self.assertEqual(
            (self.receiver.heard.count("lost"), self.receiver.heard[-1], self.receiver.reason),
            (1, "lost", reason),
        )
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertEqual(self.ended, [self.side])


class ReadingTest(_SideTestCase):
    """What the command says."""

    def test_end_of_output(self) -> None:
        """A command that closes its standard output has ended, and may still read."""
        self.side.resume_reading()
        self.process.closeStdout()
        self.assertEqual(self.receiver.heard, ["read_ended"])
        self.side.pause_reading()
        self.side.resume_reading()
        self.side.write(b"more")
        self.assertEqual(self.process.stdin, b"more")

    def test_standard_error(self) -> None:
        """Its standard error goes to the log by lines, the last one too, and is not counted."""
        self.side.resume_reading()
        self.process.say(b"warning\nlast", 2)
        self.process.exit()
        self.assertEqual(
            (self.logged, self.receiver.data, self.side.received), (["warning", "last"], b"", 0)
        )

    def test_exit(self) -> None:
        """Its exit ends the side after everything that it said, however long that is paused;
        nothing that is written waits meanwhile.
        """
        self.process.say(b"answer")
        self.process.exit()
        self.assertEqual(self.receiver.heard, [])
        self.side.resume_reading()
        self.assertEqual(
            (self.receiver.data, self.receiver.heard), (b"answer", ["read_ended", "lost"])
        )
        self.assertLost("")

    def test_causes(self) -> None:
        """A bad exit is reported with its status or its signal."""
        for status, number, reason in (
            (3, None, "exited with status 3"),
            (0, signal.SIGSEGV, "was killed by SIGSEGV"),
        ):
            self.setUp()
            self.side.resume_reading()
            self.process.exit(status, number)
            self.assertLost(f"the command {reason}")

    def test_other_ends(self) -> None:
        """An end that is reported in another way is reported in its words."""
        self.side.processEnded(Failure(ConnectionLost("gone")))
        self.assertIn("gone", str(self.receiver.reason))

    def test_ends_unread(self) -> None:
        """A command that ends in silence before somebody is attached is known to have ended, and
        told so then.
        """
        side = self.start()
        self.spawner.processes[-1].exit(1)
        self.assertEqual(self.ended, [side])
        side.attach(self.receiver)
        self.assertEqual(
            (self.receiver.heard, self.receiver.reason),
            (["lost"], "the command exited with status 1"),
        )

    def test_attached_late(self) -> None:
        """A receiver that is attached after its end is notified immediately."""
        side = self.start()
        process = self.spawner.processes[-1]
        side.abort()
        receiver = RecordingReceiver()
        side.attach(receiver)
        self.assertEqual((receiver.heard, receiver.reason), (["lost"], ""))
        side.write(b"late")
        side.write_eof()
        side.close()
        side.disconnect()
        side.abort()
        self.assertEqual((receiver.heard, self.signals(), process.stdin), (["lost"], [_TERM], b""))


class WritingTest(_SideTestCase):
    """What the command hears."""

    def test_written(self) -> None:
        """What is written goes to its standard input."""
        self.side.write(b"question")
        self.assertEqual((self.process.stdin, self.side.delivered), (b"question", 8))

    def test_back_pressure(self) -> None:
        """A full standard input is reported, and an empty one."""
        self.process.fill()
        self.process.drain()
        self.assertEqual(self.receiver.heard, ["pause_writing", "resume_writing"])

    def test_write_eof(self) -> None:
        """The end of file closes its standard input, and reading goes on."""
        self.side.resume_reading()
        self.side.write_eof()
        self.side.write_eof()
        self.side.write(b"late")
        self.assertEqual((self.process.stdin, self.process.open), (b"", {1, 2}))
        self.process.say(b"answer")
        self.assertEqual((self.receiver.data, self.receiver.heard), (b"answer", []))

    def test_command_reads_no_more(self) -> None:
        """A command that closes its standard input is given no more, relieves who waits, and may go
        on writing.
        """
        self.side.resume_reading()
        self.process.fill()
        self.process.closeStdin()
        self.side.write(b"late")
        self.process.say(b"answer")
        self.assertEqual(
            (self.receiver.heard, self.receiver.data, self.side.delivered),
            (["pause_writing", "resume_writing"], b"answer", 0),
        )

    def test_attached_when_it_reads_no_more(self) -> None:
        """One that closed it before somebody was attached is no different."""
        side = self.start()
        process = self.spawner.processes[-1]
        process.closeStdin()
        side.attach(self.receiver)
        side.write(b"late")
        self.assertEqual((process.stdin, self.receiver.heard), (b"", []))


class EndingTest(_SideTestCase):
    """Commands that end when they are told to."""

    def test_close(self) -> None:
        """A command that is to close gets an end of file, its output is dropped, and it may end by
        itself.
        """
        self.side.close()
        self.assertEqual(self.process.open, {1, 2})
        self.process.say(b"dropped")
        self.clock.advance(4)
        self.process.exit()
        self.assertEqual((self.receiver.data, self.side.received, self.signals()), (b"", 7, []))
        self.assertEqual(self.receiver.heard, ["lost"])
        self.assertLost("")

    def test_shown(self) -> None:
        """It shows its number and how its halves end."""
        shown = f"<ProcessSide pid={self.side.process.pid} reading="
        self.assertEqual(repr(self.side), f"{shown}OPEN writing=OPEN>")
        self.side.close()
        self.process.exit()
        self.assertEqual(repr(self.side), f"{shown}EOF writing=CLOSED>")

    def test_close_in_vain(self) -> None:
        """One that does not gets SIGTERM after its grace, which is no trouble to tell of."""
        self.side.close()
        self.clock.advance(4.9)
        self.assertEqual(self.signals(), [])
        self.clock.advance(0.1)
        self.assertEqual(self.signals(), [_TERM])
        self.assertLost("")

    def test_close_with_trouble(self) -> None:
        """Trouble that it ends with by itself is reported."""
        self.side.close()
        self.process.exit(1)
        self.assertLost("the command exited with status 1")

    def test_disconnect(self) -> None:
        """When its client has gone it gets an end of file, and SIGTERM soon after."""
        self.side.disconnect()
        self.assertEqual(self.process.open, {1, 2})
        self.clock.advance(END_OF_FILE_SECONDS - 0.1)
        self.assertEqual(self.signals(), [])
        self.clock.advance(0.1)
        self.assertEqual(self.signals(), [_TERM])
        self.assertLost("")

    def test_disconnect_after_end_of_file(self) -> None:
        """One that had its end of file before gets as long."""
        self.side.write_eof()
        self.clock.advance(60)
        self.side.disconnect()
        self.clock.advance(END_OF_FILE_SECONDS)
        self.assertEqual(self.signals(), [_TERM])

    def test_disconnect_unread(self) -> None:
        """One that has not read everything may do so before, within its grace."""
        self.patch(self.process, "closeStdin", lambda: None)
        self.side.disconnect()
        self.clock.advance(4)
        self.assertEqual(self.signals(), [])
        self.process.closeChildFD(0)
        self.clock.advance(END_OF_FILE_SECONDS)
        self.assertEqual(self.signals(), [_TERM])

    def test_disconnect_never_read(self) -> None:
        """One that reads nothing gets SIGTERM after its grace."""
        self.patch(self.process, "closeStdin", lambda: None)
        self.side.disconnect()
        self.clock.advance(5)
        self.assertEqual(self.signals(), [_TERM])

    def test_disconnect_paused(self) -> None:
        """One whose output nobody reads is read on, so that it can end."""
        self.process.say(b"answer")
        self.side.disconnect()
        self.process.exit()
        self.assertLost("")

    def test_once(self) -> None:
        """It closes and hangs up once."""
        self.side.close()
        self.side.disconnect()
        self.side.close()
        self.side.pause_reading()
        self.assertFalse(self.process.paused)
        self.clock.advance(5)
        self.assertEqual(self.signals(), [_TERM])

    def test_abort(self) -> None:
        """An abort closes all of its descriptors and sends SIGTERM at once, once."""
        self.side.abort()
        self.side.abort()
        self.assertEqual(
            (self.signals(), self.process.open, self.receiver.data), ([_TERM], set(), b"")
        )
        self.assertLost("")

    def test_abort_while_closing(self) -> None:
        """One that closes or hangs up can be aborted."""
        for method in ("close", "disconnect"):
            self.setUp()
            getattr(self.side, method)()
            self.side.abort()
            self.assertEqual(self.signals(), [_TERM])
            self.assertLost("")


class StubbornTest(_SideTestCase):
    """Commands that do not end by SIGTERM."""

    stubborn = True

    def test_killed(self) -> None:
        """One that outlives SIGTERM by its grace gets SIGKILL."""
        self.side.abort()
        self.clock.advance(4.9)
        self.assertEqual((self.signals(), self.receiver.reason), ([_TERM], None))
        self.clock.advance(0.1)
        self.assertEqual(self.signals(), [_TERM, _KILL])
        self.assertLost("")

    def test_killed_after_close(self) -> None:
        """The same after it was closed in vain."""
        self.side.close()
        self.clock.pump([1] * 10)
        self.assertEqual(self.signals(), [_TERM, _KILL])
        self.assertLost("")
