"""A plug-in's life: ready, lost, started again, stopped."""

from __future__ import annotations

import errno
import signal

from pipetwist.errors import ConnectError
from pipetwist.interfaces import Medium
from pipetwist.plugins.contract import Place
from pipetwist.plugins.hosted_process import STDIN_SECONDS
from pipetwist.plugins.owners import Listens
from pipetwist.plugins.readiness import START_SECONDS
from pipetwist.plugins.sip003 import Sip003Client
from pipetwist.plugins.supervision import State
from pipetwist.testing import FakeSide, RecordingReceiver
from tests.plugins.plugin_case import PluginCase


class StartTest(PluginCase):
    """From its start until it is ready, or can't be."""

    def test_ready(self) -> None:
        """It gets its command and the contract's variables, and is ready when it listens."""
        ready = self.plugin.start()
        self.assertEqual(self.process.command, ("/usr/bin/obfs-local",))
        self.assertEqual(self.process.env["SS_PLUGIN_OPTIONS"], "obfs=http")
        self.assertEqual(self.process.env["PATH"], "/bin")
        self.clock.advance(0.5)
        self.assertNoResult(ready)
        self.assertIs(self.plugin.state, State.STARTING)
        self.become_ready()
        self.successResultOf(ready)
        self.assertTrue(self.plugin.is_ready)
        self.assertEqual(
            self.asked[-1], [Place("127.0.0.1", int(self.process.env["SS_LOCAL_PORT"]))]
        )
        self.assertEqual((self.plugin.starts, self.plugin.restarts), (1, 0))
        self.assertGreater(self.plugin.start_seconds, 0.5)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertIs(self.successResultOf(self.plugin.wait(1)), None)

    def test_exits(self) -> None:
        """One that exits before is a failed start, in its own words, without their colors."""
        ready = self.plugin.start()
        self.process.say(b"bind() failed\n\x1b[01;31m ERROR: no such option\x1b[0m\n", 2)
        self.process.exit(1)
        why = str(self.failureResultOf(ready, ConnectError).value)
        self.assertEqual(
            why,
            "the plug-in obfs-local failed: it exited with status 1 before it was ready: "
            "bind() failed / ERROR: no such option",
        )
        self.assertIn(f"outbound a: {why}; it is started again in 0.2 s", self.said())

    def test_stranger(self) -> None:
        """Another process at its port is a failed start, and its process is ended."""
        self.listens = Listens.STRANGER
        ready = self.plugin.start()
        port = self.process.env["SS_LOCAL_PORT"]
        self.assertIn(
            f"another process listens at 127.0.0.1:{port}",
            str(self.failureResultOf(ready, ConnectError).value),
        )
        self.assertIs(self.plugin.state, State.WAITING)
        self.assertIsNone(self.process.pid)

    def test_never_ready(self) -> None:
        """One that is not ready in time is a failed start."""
        ready = self.plugin.start()
        port = self.process.env["SS_LOCAL_PORT"]
        self.clock.pump([START_SECONDS / 100] * 101)
        self.assertEqual(
            str(self.failureResultOf(ready, ConnectError).value),
            f"the plug-in obfs-local failed: it was not ready within {START_SECONDS:g} s: it does "
            f"not listen at 127.0.0.1:{port}",
        )

    def test_no_descriptor(self) -> None:
        """Where there is no descriptor or thread to ask the kernel with, it is asked again."""
        self.listens = Listens.PLUGIN
        self.error = OSError(errno.EMFILE, "Too many open files")
        ready = self.plugin.start()
        self.error = None
        self.threads.error = RuntimeError("can't start new thread")
        self.clock.advance(0.1)
        self.assertNoResult(ready)
        self.threads.error = None
        self.clock.advance(0.1)
        self.successResultOf(ready)

    def test_datagrams(self) -> None:
        """One that carries datagrams is not ready before it has its port of UDP; one that never
        has it is told of with what to write.
        """
        media = (Medium.STREAM, Medium.DATAGRAMS)
        plugin = self.plugin = self.make(Sip003Client("two-ways", "", ("192.0.2.1", 8388), media))
        self.listens = Listens.PLUGIN
        ready = plugin.start()
        self.clock.advance(1)
        self.assertNoResult(ready)
        self.datagrams_listen = Listens.PLUGIN
        self.clock.advance(1)
        self.successResultOf(ready)
        self.datagrams_listen = Listens.NOBODY
        self.process.exit()
        self.clock.advance(1)
        ready = plugin.start()
        port = self.process.env["SS_LOCAL_PORT"]
        self.clock.pump([START_SECONDS / 100] * 101)
        self.assertEqual(
            str(self.failureResultOf(ready, ConnectError).value),
            f"the plug-in two-ways failed: it was not ready within {START_SECONDS:g} s: it does "
            f"not listen at 127.0.0.1:{port} over UDP; if it carries no datagrams, leave "
            'plugin_mode out, or write "tcp_only"',
        )

    def test_not_started(self) -> None:
        """A program that can't be started is a failed start, and is tried again."""
        self.spawner.error = PermissionError(errno.EACCES, "Permission denied")
        ready = self.plugin.start()
        self.assertEqual(
            str(self.failureResultOf(ready, ConnectError).value),
            "the plug-in obfs-local failed: it can't be started: Permission denied",
        )
        self.spawner.error = None
        self.clock.advance(0.2)
        self.assertIs(self.plugin.state, State.STARTING)

    def test_waiting(self) -> None:
        """Who waits for one that is started again later than they would wait is told at once."""
        self.plugin.start().addErrback(lambda _: None)
        for pause in (0.2, 0.4, 0.8):
            self.process.exit(1)
            self.clock.advance(pause)
        self.process.exit(1)
        why = str(self.failureResultOf(self.plugin.wait(1.5), ConnectError).value)
        self.assertIn("; it is started again in 1.6 s", why)
        waiting = self.plugin.wait(2)
        self.clock.advance(1.6)
        self.become_ready()
        self.successResultOf(waiting)

    def test_early_connection(self) -> None:
        """A connection that came before it is known to be ready ends as others do."""
        self.plugin.start().addErrback(lambda _: None)
        side, receiver = FakeSide(), RecordingReceiver()
        watch = self.plugin.connections.watch(side, receiver)
        watch.read_ended(side)
        self.assertEqual(receiver.heard, ["read_ended"])
        self.become_ready()
        watch.lost(side, "Connection reset")
        self.assertEqual(receiver.heard, ["read_ended", "lost"])
        self.assertEqual(len(self.plugin.connections), 0)

    def test_given_up(self) -> None:
        """Who gives up waiting is not told."""
        waiting = self.plugin.wait(1)
        waiting.cancel()
        self.failureResultOf(waiting)
        self.become_ready()
        self.assertTrue(self.plugin.is_ready)


class EndTest(PluginCase):
    """The end of one that was ready."""

    def setUp(self) -> None:
        """Have it ready, with a connection."""
        super().setUp()
        self.plugin.start()
        self.become_ready()
        self.side, self.receiver = FakeSide(), RecordingReceiver()
        self.side.attach(self.plugin.connections.watch(self.side, self.receiver))

    def test_killed(self) -> None:
        """Its connections end for its reason, and it is started again, with another port."""
        port = self.process.env["SS_LOCAL_PORT"]
        self.listens = Listens.NOBODY
        self.process.exit(number=signal.SIGKILL)
        self.assertEqual(
            self.receiver.reason, "the plug-in obfs-local failed: it was killed by SIGKILL"
        )
        self.assertIs(self.plugin.state, State.WAITING)
        self.clock.advance(0.2)
        self.assertIs(self.plugin.state, State.STARTING)
        self.assertNotEqual(self.process.env["SS_LOCAL_PORT"], port)
        self.become_ready()
        self.assertEqual((self.plugin.starts, self.plugin.restarts), (2, 1))

    def test_late_connection(self) -> None:
        """A connection that is let in when its plug-in has ended ends by itself: nothing else will
        end it.
        """
        self.process.exit(number=signal.SIGKILL)
        side, receiver = FakeSide(), RecordingReceiver()
        watch = self.plugin.connections.watch(side, receiver)
        watch.read_ended(side)
        watch.lost(side, "Connection reset")
        self.assertEqual(receiver.heard, ["read_ended", "lost"])
        self.assertEqual(len(self.plugin.connections), 0)

    def test_dying(self) -> None:
        """One that dies again and again is started less and less often, until it goes well."""
        starts = []
        for _ in range(6):
            self.process.exit(1)
            before = self.clock.seconds()
            while self.plugin.state is State.WAITING:
                self.clock.advance(0.01)
            starts.append(self.clock.seconds() - before)
        for pause, expected in zip(starts, (0.2, 0.4, 0.8, 1.6, 3.2, 6.4), strict=True):
            self.assertTrue(expected <= pause + 1e-6 < expected + 0.02, pause)
        self.become_ready()
        self.clock.advance(60)
        self.process.exit(1)
        self.clock.advance(0.21)
        self.assertIsNot(self.plugin.state, State.WAITING)

    def test_stop(self) -> None:
        """A stop is by SIGTERM, its connections are told, and it is not started again."""
        stopping = self.plugin.stop()
        self.assertEqual(self.receiver.reason, "the plug-in obfs-local was stopped")
        self.successResultOf(stopping)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertIs(self.plugin.state, State.STOPPED)

    def test_stop_while_it_waits(self) -> None:
        """One that waits to be started again is stopped at once."""
        self.process.exit(1)
        waiting = self.plugin.wait(1)
        self.successResultOf(self.plugin.stop())
        self.failureResultOf(waiting, ConnectError)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_wanted_while_it_stops(self) -> None:
        """One that somebody wants while it is being stopped is started again once it has ended."""
        self.plugin.contract.ends_with_stdin = True
        stopping = self.plugin.stop()
        waiting = self.plugin.start()
        self.assertNoResult(stopping)
        self.process.exit()
        self.successResultOf(stopping)
        self.successResultOf(waiting)
        self.assertEqual((self.plugin.state, self.plugin.restarts), (State.READY, 1))

    def test_stdin(self) -> None:
        """Its standard input is open as long as it runs; where the contract says so, closing it is
        the first that ends it.
        """
        self.assertIn(0, self.process.open)
        self.plugin.contract.ends_with_stdin = True
        self.plugin.stop()
        self.assertNotIn(0, self.process.open)
        self.assertIsNotNone(self.process.pid)
        self.clock.advance(STDIN_SECONDS)
        self.assertIsNone(self.process.pid)
