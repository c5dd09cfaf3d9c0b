"""The log of twistd and of twist."""

from __future__ import annotations

import io
import json
import os
import sys
import syslog
from pathlib import Path
from typing import IO, Any

from twisted.logger import (
    FileLogObserver,
    Logger,
    LogPublisher,
    jsonFileLogObserver,
    textFileLogObserver,
)
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.logs.runners import LogSettings, RunnerLog
from tests.support.scratch import scratch_folder


class _RunnersTestCase(SynchronousTestCase):
    """A log that is not open yet."""

    def make(self, form: Any = "text", *, timestamp: bool = True, **bounds: int) -> RunnerLog:
        """Make one."""
        self.opened: list[RunnerLog] = []
        settings = LogSettings(
            form, bounds.get("max_size", 0), bounds.get("max_files", 0), timestamp
        )
        log = RunnerLog(settings, lambda: self.opened.append(log), lambda: 0.0)
        return log

    def say(self, log: RunnerLog, observer: Any, text: str = "said") -> None:
        """Log a line, and have it written."""
        self.assertEqual(self.opened, [log])
        Logger("pipetwist", observer=LogPublisher(observer)).info("{text}", text=text)
        log.linger()


class TwistdTest(_RunnersTestCase):
    """What twistd's options name."""

    def test_standard_output(self) -> None:
        """It is standard output for '-', and in the foreground where no file is named."""
        for options in ({"logfile": "-", "nodaemon": True}, {"logfile": None, "nodaemon": True}):
            stream = io.StringIO()
            self.patch(sys, "stdout", stream)
            log = self.make()
            self.say(log, log.of_twistd(options))
            self.assertTrue(stream.getvalue().endswith("[pipetwist#info] said\n"))
            self.assertFalse(log.rotates)

    def test_untimed(self) -> None:
        """Without the time lines begin with what is behind it, as text and as JSON, whichever
        program opens the log.
        """
        for form, line in (
            ("text", "[pipetwist#info] said\n"),
            (
                "json",
                '{"level": "info", "logger": "pipetwist", "message": "said", "text": "said"}\n',
            ),
        ):
            stream = io.StringIO()
            self.patch(sys, "stdout", stream)
            log = self.make(form, timestamp=False)
            self.say(log, log.of_twistd({"logfile": "-", "nodaemon": True}))
            self.assertEqual(stream.getvalue(), line)
            log, stream = self.make(form, timestamp=False), io.StringIO()
            options: dict[str, Any] = {"fileLogObserverFactory": textFileLogObserver}
            log.of_twist(options)
            self.say(log, options["fileLogObserverFactory"](stream))
            self.assertEqual(stream.getvalue(), line)

    def test_unnamed(self) -> None:
        """It is twistd.log in the current folder for a daemon without a name for it."""
        folder = scratch_folder(self)
        self.addCleanup(os.chdir, Path.cwd())
        os.chdir(folder)
        log = self.make()
        self.say(log, log.of_twistd({"logfile": None, "nodaemon": False}))
        self.assertTrue((folder / "twistd.log").read_text(encoding="utf-8").endswith("said\n"))
        self.assertTrue(log.rotates)

    def test_can_not_be_put_aside(self) -> None:
        """A file that can't be put aside says so in a line like all others."""
        for form in ("text", "json"):
            path = scratch_folder(self) / "own.log"
            path.with_name("own.log.1").mkdir()
            log = self.make(form, max_size=1, max_files=1)
            observer = log.of_twistd({"logfile": str(path)})
            for text in ("one", "two"):
                self.say(log, observer, text)
            _, cannot, two = path.read_text(encoding="utf-8").splitlines()
            self.assertIn(
                f"the log could not be rotated, and keeps growing: Is a directory: {path}.1", cannot
            )
            self.assertIn("two", two)
            if form == "json":
                self.assertEqual(json.loads(cannot)["level"], "warn")

    def test_rotated(self) -> None:
        """Another file is begun when that is asked for."""
        path = scratch_folder(self) / "own.log"
        log = self.make()
        observer = log.of_twistd({"logfile": str(path)})
        log.start()
        log.rotate()
        self.say(log, observer)
        self.assertEqual(
            (
                path.with_name("own.log.1").read_text(encoding="utf-8"),
                path.read_text(encoding="utf-8").count("\n"),
            ),
            ("", 1),
        )

    def test_syslog(self) -> None:
        """Syslog gets its lines from the thread too, with its priorities, and the number of those
        that are missing.
        """
        sent: list[tuple[int, str]] = []
        opened: list[str] = []
        self.patch(syslog, "openlog", lambda prefix, *_: opened.append(prefix))
        self.patch(syslog, "syslog", lambda priority, text: sent.append((priority, text)))
        log = self.make()
        observer = log.of_twistd(
            {"syslog": True, "prefix": "twisted", "logfile": "/nowhere/own.log"}
        )
        assert log._writer is not None
        log._writer._queue.put(b"x" * (1 << 21))
        self.say(log, observer)
        self.assertEqual(
            [
                (priority, text.partition("] ")[2])
                for priority, text in sent
                if priority == syslog.LOG_WARNING
            ],
            [
                (
                    syslog.LOG_WARNING,
                    (
                        "1 lines of the log are missing here: the reader of the log, or its disk, "
                        "was too slow"
                    ),
                )
            ],
        )

    def test_none(self) -> None:
        """Nothing is done with a log that is somebody else's."""
        log = self.make()
        self.assertIsNone(log.of_twistd({"logger": "own"}))
        log.start()
        log.rotate()
        log.linger()
        self.assertEqual(self.opened, [])


class TwistTest(_RunnersTestCase):
    """What twist writes to."""

    def test_forms(self) -> None:
        """The configuration's JSON goes first; a text is written with nothing harmful in it, and
        Twisted's JSON as it is.
        """

        def said(form: str, chosen: Any) -> str:
            log = self.make(form)
            options = {"fileLogObserverFactory": chosen}
            log.of_twist(options)
            self.assertEqual(self.opened, [])
            stream = io.StringIO()
            self.say(log, options["fileLogObserverFactory"](stream), "s\x1bid")
            return stream.getvalue()

        self.assertEqual(json.loads(said("json", jsonFileLogObserver))["message"], "s\x1bid")
        self.assertTrue(said("text", textFileLogObserver).endswith("[pipetwist#info] s\\x1bid\n"))
        self.assertEqual(
            json.loads(said("text", jsonFileLogObserver).removeprefix("\x1e"))["text"], "s\x1bid"
        )

        def own(stream: IO[Any]) -> FileLogObserver:
            return FileLogObserver(stream, lambda event: f"<{event['text']}>\n")

        self.assertEqual(said("text", own), "<s\x1bid>\n")
