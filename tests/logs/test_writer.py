"""The thread that writes the log."""

from __future__ import annotations

import errno
import os
from threading import Event, Thread, current_thread

from twisted.trial.unittest import SynchronousTestCase

from pipetwist.logs.writer import LogWriter, Written

_FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


class _Output:
    """Holds what is written, in as many bytes as there is room for, once it is let.

    Args:
        room: bytes.
    """

    def __init__(self, room: int = 1 << 20) -> None:
        self.room = room
        self.text = b""
        self.asked = Event()
        self.moving = Event()
        self.moving.set()
        self.threads: set[Thread] = set()

    def write(self, data: bytes) -> Written:
        self.asked.set()
        self.threads.add(current_thread())
        self.moving.wait()
        piece, self.room = data[: self.room], max(self.room - len(data), 0)
        self.text += piece
        return Written(len(piece), None if len(piece) == len(data) else _FULL)

    def rotate(self) -> None:
        self.text += b"<rotated>\n"


def _left_out(count: int, why: str) -> bytes:
    return f"<{count}: {why}>\n".encode()


class _WriterTestCase(SynchronousTestCase):
    """A writer, and what it writes to."""

    def setUp(self) -> None:
        """Begin with an output that takes everything."""
        self.output = _Output()
        self.addCleanup(self.output.moving.set)
        self.writer = LogWriter(self.output, _left_out, max_bytes=10)

    def stand_still(self) -> None:
        """Have the output take nothing, in the middle of a write."""
        self.output.moving.clear()
        self.writer.write("first\n")
        self.assertTrue(self.output.asked.wait(20))

    def go_on(self) -> None:
        """Let it go on, and wait until all is written."""
        self.output.moving.set()
        self.assertTrue(self.writer._queue.wait_until_written(20))


class WriterTest(_WriterTestCase):
    """What becomes of lines."""

    def test_not_started(self) -> None:
        """Before the start lines are held, since a fork would leave the thread behind; they are
        written then, by another thread, once.
        """
        self.writer.write("one\n")
        self.assertEqual(self.output.text, b"")
        self.writer.start()
        self.writer.start()
        self.go_on()
        self.assertEqual(self.output.text, b"one\n")
        (thread,) = self.output.threads
        self.assertIsNot(thread, current_thread())
        self.assertTrue(thread.daemon)

    def test_stands_still(self) -> None:
        """While nothing is taken lines are held, and then counted; their number stands in their
        place.
        """
        self.writer.start()
        self.stand_still()
        for line in ("one\n", "two\n", "three\n", "four\n"):
            self.writer.write(line)
        self.go_on()
        self.writer.write("five\n")
        self.go_on()
        self.assertEqual(
            self.output.text,
            b"first\none\ntwo\n<2: the reader of the log, or its disk, was too slow>\nfive\n",
        )

    def test_rotation(self) -> None:
        """Another file begins after the lines that were there when it was asked for."""
        self.writer.start()
        self.stand_still()
        self.writer.write("one\n")
        self.writer.rotate()
        self.go_on()
        self.writer.write("two\n")
        self.go_on()
        self.assertEqual(self.output.text, b"first\none\n<rotated>\ntwo\n")

    def test_no_room(self) -> None:
        """What a full disk did not take is counted, and said once there is room, after the end of
        the line that was torn.
        """
        for room, line, text in (
            (8, "one\ntwo\nthree\n", b"one\ntwo\n"),
            (0, "four\n", b"one\ntwo\n"),
            (3, "", b"one\ntwo\n<2:"),
            (1000, "", b"one\ntwo\n<2:\n<2: No space left on device>\n"),
            (1000, "five\n", b"one\ntwo\n<2:\n<2: No space left on device>\nfive\n"),
        ):
            self.output.room = room
            self.writer.write(line)
            # As the thread does, which tries again after a second.
            self.writer._write(self.writer._queue.take(0))
            self.assertEqual(self.output.text, text)

    def test_lost(self) -> None:
        """Lines that are lost are counted, each once, whether there was no room for them or they
        could not be written.
        """
        self.output.room = 0
        for line in ("one\n", "two, three and four\nthree\n", "four\n"):
            self.writer.write(line)
        self.assertEqual(self.writer.lost, 3)
        for _ in range(3):
            self.writer._write(self.writer._queue.take(0))
            self.assertEqual(self.writer.lost, 4)

    def test_end(self) -> None:
        """Its thread ends once everything is written, and says so."""
        ended = Event()
        self.writer.start()
        self.stand_still()
        self.writer.write("last\n")
        self.writer.end(ended.set)
        self.assertFalse(ended.is_set())
        self.output.moving.set()
        self.assertTrue(ended.wait(20))
        self.assertEqual(self.output.text, b"first\nlast\n")
        (thread,) = self.output.threads
        thread.join(20)
        self.assertFalse(thread.is_alive())

    def test_end_when_idle(self) -> None:
        """So it does if there is nothing to write."""
        ended = Event()
        self.writer.start()
        self.writer.end(ended.set)
        self.assertTrue(ended.wait(20))

    def test_no_encoding(self) -> None:
        """A file's name that is no UTF-8 is written with the numbers of its bytes."""
        self.writer.write("caf\udce9 \u00e9\n")
        self.writer.start()
        self.go_on()
        self.assertEqual(self.output.text, b"caf\\udce9 \xc3\xa9\n")

    def test_repr(self) -> None:
        """Its state is shown."""
        self.assertEqual(
            repr(self.writer),
            "<LogWriter not started, <LineQueue of 0 lines, 0 bytes; 0 lines left out>>",
        )
        self.writer.start()
        self.assertIn("running", repr(self.writer))


class LingerTest(_WriterTestCase):
    """The end of the process."""

    def test_waits(self) -> None:
        """At the end each line is written before its writer goes on, whatever its size, and though
        nobody has started the thread.
        """
        self.writer.write("one\n")
        self.writer.linger(20)
        self.assertEqual(self.output.text, b"one\n")
        for line in ("two, which is long\n", "three, which is long\n"):
            self.writer.write(line)
            self.assertTrue(self.output.text.endswith(line.encode()))

    def test_stands_still(self) -> None:
        """For an output that takes nothing the end does not wait beyond its time, and lines cost
        none after that.
        """
        self.writer.start()
        self.stand_still()
        self.writer.linger(0.01)
        self.writer.linger(3600)
        for _ in range(1000):
            self.writer.write("more\n")
        self.assertEqual(self.output.text, b"")

    def test_no_thread(self) -> None:
        """If the interpreter starts no thread any more the lines are written all the same."""

        def refuse(thread: Thread) -> None:
            message = "can't create new thread at interpreter shutdown"
            raise RuntimeError(message)

        self.writer.write("one\n")
        self.patch(Thread, "start", refuse)
        self.writer.linger(0.01)
        self.assertEqual(self.output.text, b"one\n")
