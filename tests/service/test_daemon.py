"""What twistd starts."""

from __future__ import annotations

import gc
import io
import os
import signal
import sys
from typing import Any

from twisted.application.service import IService, MultiService
from twisted.internet import reactor
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.logger import (
    Logger,
)
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from pipetwist import tap
from pipetwist.config.document import Document
from pipetwist.errors import StartError
from pipetwist.logs.runners import LogSettings, RunnerLog
from pipetwist.pidfile import Pidfile
from pipetwist.start_failure import DeduplicatedStderr
from pipetwist.systemd.notifier import Notifier
from pipetwist.systemd.reporter import Reporter


class _Tree(MultiService):
    """A tree that fails to start as the test wishes."""

    error: StartError | None = None
    log = Logger("pipetwist")
    document = Document(inbounds=(), outbounds=())
    max_stop_seconds = 1.0
    max_grace_seconds = 0.0

    def privilegedStartService(self) -> None:
        super().privilegedStartService()
        if self.error is not None:
            raise self.error

    def startService(self) -> None:
        super().startService()
        if self.error is not None:
            raise self.error


class _Orphans:
    """Nobody leaves anything behind."""

    def begin(self) -> None:
        pass

    def end(self, grace: float) -> Deferred[None]:
        return succeed(None)


class DaemonTest(SynchronousTestCase):
    """What twistd starts."""

    def setUp(self) -> None:
        """Make the daemon, with a pipe for its standard error, and nothing for the collector to be
        told.
        """
        self.said, told = os.pipe()
        self.told = told
        self.addCleanup(os.close, self.said)
        self.patch(sys, "__stderr__", sys.__stderr__)
        self.patch(os, "dup", lambda _: told)
        self.patch(gc, "freeze", lambda: None)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            self.addCleanup(signal.signal, number, signal.getsignal(number))
        self.tree = _Tree()
        self.daemon = self.make_daemon()
        verifyObject(IService, self.daemon)

    def make_daemon(self) -> tap._Daemon:
        """A daemon whose log is somebody else's."""
        reporter = Reporter(Clock(), Notifier(None), str, None)
        options = tap.Options()
        options.path = "/nowhere.json"
        options.log = RunnerLog(LogSettings("text", 0, 0), lambda: None)
        options.pidfile = Pidfile("")
        return tap._Daemon(self.tree, options, reporter, _Orphans())  # type: ignore[arg-type]  # of a tree it has what is asked of one

    def test_starts(self) -> None:
        """It starts and stops the tree in twistd's steps, and gives standard error back when it has
        started.
        """
        self.daemon.privilegedStartService()
        self.daemon.startService()
        self.assertTrue(self.tree.running and self.daemon.running)
        self.assertEqual(os.read(self.said, 99), b"")
        self.successResultOf(self.daemon.stopService())
        self.assertFalse(self.tree.running or self.daemon.running)

    def test_threads_take_turns(self) -> None:
        """While it runs no thread keeps the interpreter from the relay for longer than a
        millisecond; other programs' time is their own.
        """
        before = sys.getswitchinterval()
        self.daemon.privilegedStartService()
        self.daemon.startService()
        self.assertAlmostEqual(sys.getswitchinterval(), 0.001)
        self.successResultOf(self.daemon.stopService())
        self.assertEqual(sys.getswitchinterval(), before)

    def test_stopped_early(self) -> None:
        """A SIGTERM between the start and the reactor's run stops the reactor once it runs, so that
        the stop is in order.
        """
        calls: list[Any] = []
        self.patch(reactor, "callWhenRunning", calls.append)
        self.daemon.privilegedStartService()
        self.daemon.startService()
        os.kill(os.getpid(), signal.SIGTERM)
        self.assertEqual(calls, [reactor.stop])

    def test_interrupted_early(self) -> None:
        """So does a SIGINT, after which the process ends by it."""
        calls: list[Any] = []
        self.patch(reactor, "callWhenRunning", lambda *call: calls.append(call[:2]))
        # Tests that ran before may have left the reactor's.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        self.daemon.privilegedStartService()
        self.daemon.startService()
        os.kill(os.getpid(), signal.SIGINT)
        ((call, number),) = calls
        self.assertEqual((call.__name__, number), ("sigInt", signal.SIGINT))

    def test_fails(self) -> None:
        """If either step fails, that is said in one line on the standard error that it began with,
        and the process ends with status 1.
        """
        self.addCleanup(os.close, self.told)
        self.tree.error = StartError("inbound in: taken")
        for start in (self.daemon.privilegedStartService, self.daemon.startService):
            error = self.assertRaises(SystemExit, start)
            self.assertEqual(error.code, 1)
            self.assertEqual(os.read(self.said, 99), b"pipetwist: inbound in: taken\n")

    def test_reload(self) -> None:
        """SIGHUP has the configuration read again in the reactor's thread, and ends nothing."""
        calls: list[Any] = []
        self.patch(reactor, "callFromThread", calls.append)
        self.daemon.startService()
        os.kill(os.getpid(), signal.SIGHUP)
        self.assertEqual(calls, [self.daemon._reload])

    def test_terminal_closed(self) -> None:
        """If the terminal that it was started in has gone, SIGHUP stops the reactor."""
        there = iter([True, False])
        calls: list[Any] = []
        self.patch(tap, "has_terminal", lambda: next(there))
        self.patch(reactor, "callWhenRunning", calls.append)
        self.daemon.startService()
        os.kill(os.getpid(), signal.SIGHUP)
        self.assertEqual(calls, [reactor.stop])

    def test_nohup(self) -> None:
        """A daemon that was started with nohup reloads then, and goes on."""
        there = iter([True, False])
        calls: list[Any] = []
        self.patch(tap, "has_terminal", lambda: next(there))
        self.patch(reactor, "callFromThread", calls.append)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        daemon = self.make_daemon()
        daemon.startService()
        os.kill(os.getpid(), signal.SIGHUP)
        self.assertEqual(calls, [daemon._reload])

    def test_told_once(self) -> None:
        """What twistd's parent process repeats of it is left out of its standard error, and nothing
        else is.
        """
        file = io.StringIO()
        stream = DeduplicatedStderr(file)
        stream.write("An error has occurred: b'StartFailedError: inbound in: taken'\n")
        stream.write("something else\n")
        stream.flush()
        self.assertEqual(file.getvalue(), "something else\n")
