"""Descriptors and streams that the log goes to, and syslog."""

from __future__ import annotations

import io
import os
import syslog
from threading import Thread
from typing import Any

from twisted.logger import Logger, LogPublisher
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.logs.outputs import StreamOutput, output_to, write_all
from pipetwist.logs.syslog_lines import SyslogOutput, syslog_observer
from pipetwist.logs.writer import Written


class DescriptorsTest(SynchronousTestCase):
    """Writing to a descriptor."""

    def setUp(self) -> None:
        """Make a pipe."""
        self.reading, self.writing = os.pipe()
        self.addCleanup(self.close_reading)
        self.addCleanup(os.close, self.writing)

    def close_reading(self) -> None:
        """The reader goes."""
        if self.reading >= 0:
            os.close(self.reading)
            self.reading = -1

    def test_not_blocking(self) -> None:
        """A pipe that somebody has set not to block is waited for as any other."""
        os.set_blocking(self.writing, False)
        data = bytes(range(256)) * 4096
        results: list[Written] = []
        thread = Thread(target=lambda: results.append(write_all(self.writing, data)), daemon=True)
        thread.start()
        read = b""
        while len(read) < len(data):
            read += os.read(self.reading, 1 << 16)
        thread.join(20)
        self.assertEqual(results, [(len(data), None)])
        self.assertEqual(read, data)

    def test_reader_gone(self) -> None:
        """A reader that has gone is an error, and what it did not take is known."""
        self.close_reading()
        size, error = write_all(self.writing, b"line\n")
        self.assertEqual((size, type(error)), (0, BrokenPipeError))

    def test_stream(self) -> None:
        """What a stream holds already goes before what is written past its buffer."""
        with open(os.dup(self.writing), "w", encoding="utf-8") as stream:  # noqa: PTH123 - it is a descriptor
            stream.write("before\n")
            output = output_to(stream)
            self.assertEqual(output.write(b"line\n"), (5, None))
            output.rotate()
        self.assertEqual(os.read(self.reading, 99), b"before\nline\n")

    def test_no_descriptor(self) -> None:
        """A stream without a descriptor is written to as a stream."""
        stream = io.StringIO()
        output = output_to(stream)
        self.assertIsInstance(output, StreamOutput)
        self.assertEqual(output.write("\u00e9\n".encode()), (3, None))
        output.rotate()
        self.assertEqual(stream.getvalue(), "\u00e9\n")


class SyslogTest(SynchronousTestCase):
    """The system's log."""

    def test_lines(self) -> None:
        """Each line of an event goes to the system with its priority and nothing harmful in it, by
        way of the queue.
        """
        sent: list[tuple[int, str]] = []
        output = SyslogOutput(lambda priority, text: sent.append((priority, text)))
        opened: list[Any] = []
        self.patch(syslog, "openlog", lambda *arguments: opened.append(arguments))
        lines: list[str] = []
        observer = syslog_observer("prefix", lines.append)
        log = Logger("pipetwist", observer=LogPublisher(observer))
        log.info("{text}", text="one\nt\x1bwo > 1")
        log.error("three")
        self.assertEqual(sent, [])
        self.assertEqual(output.write("".join(lines).encode()), (len("".join(lines)), None))
        output.rotate()
        self.assertEqual(
            [priority for priority, _ in sent], [syslog.LOG_INFO, syslog.LOG_INFO, syslog.LOG_ALERT]
        )
        self.assertEqual(
            [text.rpartition("] ")[2] for _, text in sent], ["one", "\tt\\x1bwo > 1", "three"]
        )
