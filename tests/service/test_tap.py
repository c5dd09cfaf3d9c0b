"""The command line behind twistd and twist, and the service that it makes."""

from __future__ import annotations

import atexit
import io
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from twisted.application.service import Application, IService, MultiService
from twisted.internet import reactor
from twisted.logger import (
    ILogObserver,
    Logger,
    LogPublisher,
    capturedLogs,
    formatEvent,
    textFileLogObserver,
)
from twisted.python import usage
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from pipetwist import tap
from pipetwist.errors import StartError
from pipetwist.start_failure import StartFailedError
from pipetwist.tap import Options, makeService
from tests.support.scratch import scratch_folder


class _TapTestCase(SynchronousTestCase):
    """A configuration in a folder."""

    def setUp(self) -> None:
        """Choose the file."""
        self.folder = scratch_folder(self)
        self.file = self.folder / "pipetwist.json"
        self.resolvers: list[Any] = []
        self.patch(reactor, "installNameResolver", self.resolvers.append)

    def configure(self, command: str = "cat", **more: Any) -> Path:
        """Write a good configuration, with these keys over it."""
        document = {
            "inbounds": [{"type": "unix", "tag": "in", "path": "in.sock"}],
            "outbounds": [{"type": "fork", "tag": "out", "command": [command]}],
            **more,
        }
        self.file.write_text(json.dumps(document), encoding="utf-8")
        return self.file

    def options(self, *arguments: str, parent: dict[str, Any] | None = None) -> Options:
        """What the command line says."""
        options = Options()
        options.parent = {} if parent is None else parent  # type: ignore[assignment]  # twistd's own options are such a mapping
        options.parseOptions(arguments)
        return options


class OptionsTest(_TapTestCase):
    """The command line."""

    def test_no_configuration(self) -> None:
        """Without a configuration it is said how to give one."""
        error = self.assertRaises(usage.UsageError, self.options)
        self.assertIn("pipetwist --config FILE", str(error))

    def test_unknown(self) -> None:
        """What it does not know is refused."""
        self.assertRaises(usage.UsageError, self.options, "--nothing")

    def test_configuration(self) -> None:
        """The configuration is read, by its long key or its short one, relative paths in its
        folder.
        """
        self.configure()
        for key in ("--config", "-c"):
            document = self.options(key, str(self.file)).document
            self.assertEqual(
                [inbound.path for inbound in document.inbounds],  # type: ignore[attr-defined]  # unix
                [str(self.folder / "in.sock")],
            )

    def test_bad_configuration(self) -> None:
        """A bad one ends the program with every problem and the file's name, and without a
        traceback.
        """
        self.configure(nothing=1, inbounds=[])
        error = self.assertRaises(SystemExit, self.options, "--config", str(self.file))
        lines = str(error.code).splitlines()
        self.assertEqual(len(lines), 2)
        for line in lines:
            self.assertTrue(line.startswith(f"{self.file}:1:"), line)

    def test_missing_configuration(self) -> None:
        """So does one that is not there."""
        error = self.assertRaises(SystemExit, self.options, "--config", str(self.file))
        self.assertIn(str(self.file), str(error.code))

    def application_observer(self, twistd: dict[str, Any]) -> Any:
        """The observer that an application gets of the service, which is made with these options of
        twistd.
        """
        self.patch(sys, "__stderr__", sys.__stderr__)
        self.patch(os, "dup", lambda _: -1)
        self.at_end: list[Any] = []
        self.patch(atexit, "register", self.at_end.append)
        self.patch(reactor, "addSystemEventTrigger", lambda *trigger: self.at_end.append(trigger))
        application = Application("pipetwist")
        options = self.options("--config", str(self.file), parent=twistd)
        makeService(options).setServiceParent(application)
        self.at_end.remove(("after", "shutdown", options.pidfile.remove))
        return application.getComponent(ILogObserver)

    def said(self, observer: Any) -> None:
        """Log a line, and end as a process does."""
        Logger("pipetwist", observer=LogPublisher(observer)).info("said")
        trigger, at_exit = self.at_end
        self.assertEqual(trigger, ("after", "shutdown", at_exit))
        at_exit()

    def test_text_under_twistd(self) -> None:
        """The application is given an observer for the file that twistd would log to, whose lines
        are written at the end at the latest.
        """
        self.configure()
        path = self.folder / "own.log"
        self.said(self.application_observer({"logfile": str(path), "logger": None}))
        self.assertIn("[pipetwist#info] said\n", path.read_text(encoding="utf-8"))

    def test_json_under_twistd(self) -> None:
        """With a JSON log its lines are objects."""
        self.configure(log={"format": "json"})
        path = self.folder / "own.log"
        self.said(self.application_observer({"logfile": str(path), "logger": None}))
        self.assertEqual(json.loads(path.read_text(encoding="utf-8"))["message"], "said")

    def test_no_log(self) -> None:
        """A log that can't be had ends the program with one line that names it."""
        self.configure()
        path = self.folder / "own.log"
        path.symlink_to(path)
        error = self.assertRaises(SystemExit, self.application_observer, {"logfile": str(path)})
        self.assertEqual(
            error.code, f"pipetwist: can't log to {path}: Too many levels of symbolic links"
        )

    def test_rotation(self) -> None:
        """SIGUSR1 rotates that file, as it does with twistd's own log, unless it has another
        meaning already.
        """
        self.configure(log={"format": "json"})
        path = self.folder / "own.log"
        before = signal.signal(signal.SIGUSR1, signal.SIG_DFL)
        self.addCleanup(signal.signal, signal.SIGUSR1, before)
        calls: list[Any] = []
        self.patch(reactor, "callFromThread", calls.append)
        self.application_observer({"logfile": str(path)})
        end = self.at_end[-1]
        self.application_observer({"logfile": str(path)})
        os.kill(os.getpid(), signal.SIGUSR1)
        (rotate,) = calls
        path.write_text("old", encoding="utf-8")
        rotate()
        end()
        self.assertEqual((self.folder / "own.log.1").read_text(encoding="utf-8"), "old")

    def test_json_to_nowhere(self) -> None:
        """A daemon that is to log to standard output, which it does not have, does not start."""
        self.configure(log={"format": "json"})
        error = self.assertRaises(SystemExit, self.application_observer, {"logfile": "-"})
        self.assertIn("--logfile", str(error.code))
        self.assertIsNotNone(self.application_observer({"logfile": "-", "nodaemon": True}))

    def test_under_twist(self) -> None:
        """For twist there is a maker of observers, which opens no file of twistd's."""
        for form, said in (("json", '"message": "said"'), ("text", "[pipetwist#info] said")):
            self.configure(log={"format": form})
            parent: dict[str, Any] = {"fileLogObserverFactory": textFileLogObserver}
            self.assertIsNone(self.application_observer(parent))
            file = io.StringIO()
            self.said(parent["fileLogObserverFactory"](file))
            self.assertIn(said, file.getvalue())
        self.assertEqual([path.name for path in self.folder.iterdir()], ["pipetwist.json"])

    def test_own_observer(self) -> None:
        """Who asks twistd for an observer of their own gets that."""
        self.configure(log={"format": "json"})
        self.assertIsNone(self.application_observer({"logger": "own"}))


class ServiceTest(_TapTestCase):
    """The service."""

    def test_can_not_be_had(self) -> None:
        """What the configuration names and can't be had ends the program with one line."""
        options = self.options("--config", str(self.configure("no-such-command")))
        error = self.assertRaises(SystemExit, makeService, options)
        self.assertTrue(
            str(error.code).startswith(
                "pipetwist: outbound out: there is no command 'no-such-command'"
            ),
            error.code,
        )
        self.assertNotIn("\n", str(error.code))

    def test_made(self) -> None:
        """A good configuration becomes a service, which has not begun to listen."""
        self.patch(sys, "__stderr__", sys.__stderr__)
        service: Any = makeService(self.options("--config", str(self.configure())))
        os.close(service._stderr)
        verifyObject(IService, service)
        self.assertEqual([path.name for path in self.folder.iterdir()], ["pipetwist.json"])

    def test_names(self) -> None:
        """Whatever connects looks names up in the same way: endpoints ask the reactor, which is
        given the service's own look-ups.
        """
        self.patch(sys, "__stderr__", sys.__stderr__)
        service: Any = makeService(self.options("--config", str(self.configure())))
        os.close(service._stderr)
        (resolver,) = self.resolvers
        self.assertIs(resolver._lookups, service._tree.lookups)

    def test_clock(self) -> None:
        """The reactor counts evenly before anything is scheduled with it."""
        happened: list[object] = []

        class Tree(MultiService):
            lookups = None
            log = Logger("pipetwist")

            def __init__(self, document: object, reactor: object, **_: object) -> None:
                super().__init__()
                happened.append("made")

        self.patch(sys, "__stderr__", sys.__stderr__)
        self.patch(tap, "PipetwistService", Tree)
        self.patch(tap, "use_monotonic_clock", happened.append)
        service: Any = makeService(self.options("--config", str(self.configure())))
        os.close(service._stderr)
        self.assertEqual(happened, [reactor, "made"])

    def test_fails_later(self) -> None:
        """What fails only after the start is logged, stops the reactor, and ends the process with
        status 1.
        """
        happened: list[Any] = []
        made: list[Any] = []

        class Tree(MultiService):
            log = Logger("pipetwist")
            lookups = None

            def __init__(
                self, document: object, reactor: object, inherited: object, failed: object
            ) -> None:
                super().__init__()
                made.append(failed)

        self.patch(sys, "__stderr__", sys.__stderr__)
        self.patch(tap, "PipetwistService", Tree)
        self.patch(atexit, "register", lambda *call: happened.append(lambda: call[0](*call[1:])))
        self.patch(reactor, "stop", lambda: happened.append("stop"))
        self.patch(os, "_exit", happened.append)
        service: Any = makeService(self.options("--config", str(self.configure())))
        os.close(service._stderr)
        with capturedLogs() as events:
            made[0](StartError("inbound in: taken"))
        self.assertEqual(
            [(event["log_level"].name, formatEvent(event)) for event in events],
            [("critical", "inbound in: taken")],
        )
        at_exit, stop = happened
        self.assertEqual(stop, "stop")
        at_exit()
        self.assertEqual(happened[2:], [1])

    def test_exit_status(self) -> None:
        """A start that failed ends a process with status 1, and is an exception that twistd's
        daemon tells its parent of.
        """
        error = StartFailedError("why")
        self.assertEqual((error.code, str(error), isinstance(error, Exception)), (1, "why", True))
