"""The outbound that starts a command for each connection, with commands in memory."""

from __future__ import annotations

import errno
import os
import signal
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import Logger, LogPublisher, formatEvent
from twisted.trial.unittest import SkipTest, SynchronousTestCase
from zope.interface.verify import verifyObject

from pipetwist.errors import ConnectError, StartError
from pipetwist.interfaces import IOutbound, ISide
from pipetwist.kernel.context import kernel_context
from pipetwist.outbounds.context import OutboundContext
from pipetwist.outbounds.fork import ForkOutbound, ForkOutboundOptions
from pipetwist.testing import FakeSpawner, RecordingReceiver
from tests.support.memory_transport import TurningReactor
from tests.support.scratch import scratch_folder, wait_until


class _ForkTestCase(SynchronousTestCase):
    """An outbound whose commands are the test's."""

    def setUp(self) -> None:
        """Prepare to make it."""
        self.clock = Clock()
        self.spawner = FakeSpawner()
        self.events: list[dict[str, Any]] = []

    def make(self, *command: str, **options: Any) -> ForkOutbound:
        """Make the outbound."""
        log = Logger("pipetwist", observer=LogPublisher(self.events.append))  # type: ignore[arg-type]  # a list's append observes well
        context = OutboundContext(self.clock, self.spawner, None, None, log)
        outbound = ForkOutbound(
            ForkOutboundOptions(tag="tool", command=command or ("cat",), **options), context
        )
        self.addCleanup(outbound.stopService)
        return outbound

    def connect(self, outbound: ForkOutbound) -> tuple[ISide, RecordingReceiver]:
        """Connect it, and attach a receiver; the side and the receiver."""
        connected: Any = outbound.connect()
        side = self.successResultOf(connected) if isinstance(connected, Deferred) else connected
        receiver = RecordingReceiver()
        side.attach(receiver)
        return side, receiver

    def refusal(self, outbound: ForkOutbound) -> str:
        """Why it can't be connected."""
        connected: Any = outbound.connect()
        return str(self.failureResultOf(connected, ConnectError).value)

    def said(self) -> list[str]:
        """What was logged."""
        return [f"{event['log_level'].name}: {formatEvent(event)}" for event in self.events]


class OptionsTest(_ForkTestCase):
    """What it is made of."""

    def test_user_of_a_daemon_that_is_root_no_more(self) -> None:
        """A user is an error at the start where the daemon has become another user since it was
        made.
        """
        if os.geteuid() != 0:
            message = "only root can start a command as another user"
            raise SkipTest(message)
        outbound = self.make(user="nobody")
        self.patch(os, "geteuid", lambda: 65534)
        said = str(self.assertRaises(StartError, outbound.startService))
        self.assertEqual(
            said,
            "outbound tool: user: only root can start a command as 'nobody'; leave out --uid, "
            "or user",
        )

    def test_interface(self) -> None:
        """It is an outbound, which has its tag and its time-out from its options."""
        outbound = self.make(connect_timeout=3)
        verifyObject(IOutbound, outbound)
        self.assertEqual(
            (outbound.tag, outbound.connect_timeout, outbound.in_kernel, outbound.processes),
            ("tool", 3, False, 0),
        )

    def test_no_command(self) -> None:
        """A command, a folder or a user that can't be had is reported when it is made."""
        self.assertIn(
            "outbound tool: there is no command 'nothing'",
            str(self.assertRaises(StartError, self.make, "nothing")),
        )
        self.assertIn(
            "outbound tool: cwd: ", str(self.assertRaises(StartError, self.make, cwd="/nowhere"))
        )
        self.assertIn(
            "outbound tool: user: ",
            str(self.assertRaises(StartError, self.make, user="nobody-of-this-name")),
        )

    def test_in_kernel(self) -> None:
        """If the kernel may move the bytes its sides are descriptors, unless somebody else starts
        the commands.
        """
        reactor = TurningReactor()
        kernel = kernel_context(reactor)
        options = ForkOutboundOptions(tag="tool", command=("cat",))
        self.assertTrue(
            ForkOutbound(options, OutboundContext(reactor, None, None, kernel)).in_kernel
        )
        self.assertFalse(
            ForkOutbound(options, OutboundContext(reactor, self.spawner, None, kernel)).in_kernel
        )
        self.assertFalse(ForkOutbound(options, OutboundContext(reactor)).in_kernel)


class ConnectingTest(_ForkTestCase):
    """Commands that start."""

    def test_started(self) -> None:
        """Each connection gets a command of its own, with its arguments and its environment."""
        self.patch(os, "environ", {"PATH": os.environ["PATH"], "SECRET": "ours"})
        outbound = self.make("cat", "-", "$x", env={"KEY": "value"})
        sides = [self.connect(outbound)[0] for _ in range(2)]
        self.assertEqual(
            (len(self.spawner.processes), outbound.processes, outbound.started, outbound.ready),
            (2, 2, 2, 0),
        )
        for process, side in zip(self.spawner.processes, sides, strict=True):
            self.assertEqual(process.command[1:], ("-", "$x"))
            self.assertTrue(process.command[0].endswith("/cat"))
            self.assertEqual(process.env, {"PATH": os.environ["PATH"], "KEY": "value"})
            side.write(b"hello")
            self.assertEqual(process.stdin, b"hello")

    def test_not_started(self) -> None:
        """A command that can't be started any more is the failure of that connection alone."""
        outbound = self.make()
        self.spawner.error = PermissionError(errno.EACCES, "Permission denied")
        self.assertRegex(self.refusal(outbound), r"^/.*/cat: Permission denied$")
        self.spawner.error = None
        self.connect(outbound)
        self.assertEqual(outbound.processes, 1)

    def test_most(self) -> None:
        """No more commands run at once than may; when one has ended another may start."""
        outbound = self.make(max_processes=2)
        self.connect(outbound)
        self.connect(outbound)
        self.assertEqual(self.refusal(outbound), "max_processes (2) commands are running")
        self.spawner.processes[0].resumeProducing()
        self.spawner.processes[0].exit()
        self.assertEqual(outbound.processes, 1)
        self.connect(outbound)
        self.assertEqual(len(self.spawner.processes), 3)

    def test_standard_error(self) -> None:
        """Standard error goes to the log by lines, with the tag and the command's number."""
        outbound = self.make()
        for _ in range(2):
            self.connect(outbound)
        for number, process in enumerate(self.spawner.processes):
            process.resumeProducing()
            process.say(b"warning %d\n" % number, 2)
        self.assertEqual(
            self.said(), ["info: tool[1000]: warning 0", "info: tool[1001]: warning 1"]
        )

    def test_prefork(self) -> None:
        """Commands that are to be ready are started with the service, and taken before others are
        started.
        """
        outbound = self.make(prefork=2, max_processes=3)
        outbound.startService()
        self.clock.pump([0.01] * 10)
        self.assertEqual(len(self.spawner.processes), 2)
        side, _ = self.connect(outbound)
        side.write(b"hello")
        self.assertEqual(self.spawner.processes[0].stdin, b"hello")
        self.clock.pump([0.01] * 10)
        self.assertEqual((len(self.spawner.processes), outbound.processes), (3, 3))
        self.successResultOf(outbound.stopService())
        self.assertEqual([process.pid for process in self.spawner.processes], [None] * 3)

    def test_trouble_with_ready_ones(self) -> None:
        """Trouble with having commands ready is logged, with the tag."""
        outbound = self.make(prefork=1)
        self.spawner.error = PermissionError(errno.EACCES, "Permission denied")
        outbound.startService()
        self.clock.pump([0.01] * 3)
        (line,) = self.said()
        self.assertTrue(line.startswith("warn: outbound tool: "), line)
        self.assertIn("Permission denied", line)

    def test_too_many_ready(self) -> None:
        """More can't be ready than may run."""
        error = self.assertRaises(
            ValueError,
            ForkOutboundOptions,
            tag="tool",
            command=("cat",),
            prefork=3,
            max_processes=2,
        )
        self.assertIn("prefork", str(error))


class EndingTest(_ForkTestCase):
    """No command outlives the outbound."""

    def test_nothing_runs(self) -> None:
        """Where nothing runs it stops at once."""
        self.successResultOf(self.make().stopService())

    def test_stop(self) -> None:
        """A stop ends every command, and waits for the last."""
        outbound = self.make()
        receivers = [self.connect(outbound)[1] for _ in range(3)]
        self.successResultOf(outbound.stopService())
        self.assertEqual([number for _, number in self.spawner.signals], [signal.SIGTERM] * 3)
        self.assertEqual([receiver.heard[-1] for receiver in receivers], ["lost"] * 3)
        self.clock.advance(0)
        self.assertEqual((outbound.processes, self.clock.getDelayedCalls()), (0, []))

    def test_never_ends(self) -> None:
        """One that not even SIGKILL ends is left behind and told of, rather than waited for without
        end.
        """
        outbound = self.make(kill_grace=2)
        self.connect(outbound)
        self.patch(self.spawner, "signal_group", lambda transport, number: None)
        stopped = outbound.stopService()
        self.clock.pump([1] * 6)
        self.assertNoResult(stopped)
        self.clock.pump([1] * 2)
        self.successResultOf(stopped)
        (event,) = [event for event in self.events if event["log_level"].name == "warn"]
        self.assertEqual(event["text"], "1 commands have not ended, and are left running")

    def test_stubborn(self) -> None:
        """One that outlives SIGTERM is killed after its grace, and waited for."""
        self.spawner = FakeSpawner(stubborn=True)
        outbound = self.make(kill_grace=2)
        self.connect(outbound)
        stopped = outbound.stopService()
        self.clock.advance(1.9)
        self.assertNoResult(stopped)
        self.clock.advance(0.1)
        self.successResultOf(stopped)
        self.assertEqual(
            [number for _, number in self.spawner.signals], [signal.SIGTERM, signal.SIGKILL]
        )

    def test_grace(self) -> None:
        """Its grace counts for a connection that ends as well."""
        self.spawner = FakeSpawner(stubborn=True)
        outbound = self.make(kill_grace=2)
        side, receiver = self.connect(outbound)
        side.abort()
        self.clock.advance(2)
        self.assertEqual((receiver.heard[-1], outbound.processes), ("lost", 0))

    def test_real(self) -> None:
        """Without anybody else's spawner the command is a real one, whether the kernel moves its
        bytes or Twisted.
        """
        for in_kernel in (False, True):
            folder = scratch_folder(self)
            reactor = TurningReactor()
            kernel = kernel_context(reactor) if in_kernel else None
            log = Logger("pipetwist", observer=LogPublisher(self.events.append))  # type: ignore[arg-type]  # a list's append observes well
            command = ("sh", "-c", f"echo started > {folder}/file; echo warning >&2; exec cat")
            outbound = ForkOutbound(
                ForkOutboundOptions(tag="tool", command=command),
                OutboundContext(reactor, None, None, kernel, log),
            )
            side, receiver = self.connect(outbound)
            side.resume_reading()
            side.write(b"hello")
            wait_until(
                lambda reactor=reactor, receiver=receiver: (  # type: ignore[misc]  # bound at once
                    _turned(reactor) and receiver.data == b"hello"
                ),
                "what the command says",
            )
            self.assertEqual((folder / "file").read_text(encoding="utf-8"), "started\n")
            side.write_eof()
            wait_until(
                lambda reactor=reactor, receiver=receiver: (  # type: ignore[misc]  # bound at once
                    _turned(reactor) and receiver.reason is not None
                ),
                "the end of the command",
            )
            self.assertEqual(
                (receiver.heard[-2:], receiver.reason, outbound.processes),
                (["read_ended", "lost"], "", 0),
            )
            self.assertRegex(self.said().pop(), r"^info: tool\[[0-9]+\]: warning$")
            if kernel is not None:
                kernel.close()


def _turned(reactor: TurningReactor) -> bool:
    """Let everything happen that can."""
    reactor.turn()
    reactor.advance(0.01)
    return True
