"""The fakes that pipetwist publishes: they are what the interfaces say, and do what a test says."""

from __future__ import annotations

import signal
import subprocess
import sys
from textwrap import dedent
from typing import Any

from twisted.internet.error import ProcessDone, ProcessTerminated
from twisted.internet.interfaces import IConsumer, IProcessTransport, IPushProducer
from twisted.internet.protocol import ProcessProtocol
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from pipetwist import embed, testing
from pipetwist.connection.client_info import ClientInfo
from pipetwist.interfaces import IOutbound, IRelay, IRoute, ISpawner, ITracker
from pipetwist.testing import (
    FakeOutbound,
    FakeProcess,
    FakeSide,
    FakeSpawner,
    RecordingReceiver,
    RecordingRelay,
    RecordingTracker,
)

_CLIENT = ClientInfo("in", "test", "test")


class LoadingTest(SynchronousTestCase):
    """What is loaded."""

    def test_loading(self) -> None:
        """Tests of what works without gRPC and without a configuration load neither grpc nor
        pydantic, and no reactor.
        """
        program = "import sys, pipetwist.testing; print(*sys.modules)"
        said = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
        )
        self.assertEqual(
            {"grpc", "google.protobuf", "pydantic", "twisted.internet.reactor"}
            & set(said.stdout.split()),
            set(),
        )

    def test_example(self) -> None:
        """What the module says of itself works."""
        lines = (testing.__doc__ or "").splitlines()
        example = dedent("\n".join(line for line in lines if line.startswith("    ")))
        self.assertIn("assert", example)
        exec(example, {"Clock": Clock, **vars(embed), **vars(testing)})


class FakeSideTest(SynchronousTestCase):
    """A side whose peer is the test."""

    def setUp(self) -> None:
        """Attach a receiver to a side."""
        self.side = FakeSide()
        self.receiver = RecordingReceiver()
        self.side.attach(self.receiver)

    def test_pause(self) -> None:
        """A receiver may pause in the middle of what came."""

        class PausesAtOnce(RecordingReceiver):
            def __init__(self, side: FakeSide) -> None:
                super().__init__()
                self.side = side

            def data_received(self, side: object, data: bytes) -> None:
                super().data_received(side, data)
                self.side.pause_reading()

        receiver = PausesAtOnce(self.side)
        self.side.attach(receiver)
        self.side.deliver(b"one")
        self.side.deliver(b"two")
        self.side.resume_reading()
        self.assertEqual(receiver.data, b"one")
        self.side.resume_reading()
        self.assertEqual(receiver.data, b"onetwo")

    def test_nothing_after_the_end(self) -> None:
        """A peer that has ended can't send."""
        self.side.end()
        self.assertRaises(RuntimeError, self.side.deliver, b"more")

    def test_crowding(self) -> None:
        """What is written while the peer takes nothing is delivered when it takes everything."""
        self.side.write(b"one")
        self.side.fill()
        self.side.write(b"two")
        self.assertEqual((self.side.written, self.side.delivered), (b"onetwo", 3))
        self.side.drain()
        self.assertEqual(self.side.delivered, 6)
        self.assertEqual(self.receiver.heard, ["pause_writing", "resume_writing"])

    def test_written_after_finishing(self) -> None:
        """Writing after write_eof is a mistake of whoever does it."""
        self.side.write_eof()
        self.assertRaises(RuntimeError, self.side.write, b"more")

    def test_told_late(self) -> None:
        """A receiver that is attached late gets what happened before."""
        gone, over = FakeSide(), FakeSide()
        gone.go()
        over.lose("reset")
        for side in (gone, over):
            side.attach(self.receiver)
        self.assertEqual(self.receiver.heard, ["peer_closed", "lost"])
        self.assertEqual(self.receiver.reason, "reset")

    def test_ends_at_once(self) -> None:
        """It is lost in the call that asks for it, once, and writes nothing any more."""
        for method in ("close", "disconnect", "close_with_error", "abort"):
            self.setUp()
            getattr(self.side, method)()
            self.side.lose("late")
            self.side.write(b"late")
            self.assertEqual((self.receiver.heard, self.receiver.reason), (["lost"], ""))
            self.assertEqual(
                (self.side.asked, self.side.written, self.side.over), ([method], b"", True)
            )

    def test_ends_when_delivered(self) -> None:
        """While something waits for the peer only an abort ends it at once."""
        self.side.fill()
        self.side.write(b"last")
        self.side.close()
        self.assertFalse(self.side.over)
        self.side.drain()
        self.assertTrue(self.side.over)
        self.assertEqual(self.side.delivered, 4)
        self.setUp()
        self.side.fill()
        self.side.write(b"last")
        self.side.disconnect()
        self.side.abort()
        self.assertEqual((self.side.over, self.side.delivered), (True, 0))

    def test_lingers(self) -> None:
        """A side that lingers is over when the test says so, and reads nothing meanwhile."""
        side = FakeSide(lingers=True)
        side.attach(self.receiver)
        side.resume_reading()
        side.close()
        side.deliver(b"late")
        side.go()
        self.assertEqual((self.receiver.heard, self.receiver.data), ([], b""))
        side.lose()
        self.assertEqual(self.receiver.heard, ["lost"])

    def test_shown(self) -> None:
        """It shows how far it has ended."""
        self.assertEqual(repr(self.side), "<FakeSide reading=PAUSED writing=OPEN>")
        self.side.stall()
        self.side.write_eof()
        self.side.resume_reading()
        self.assertEqual(repr(self.side), "<FakeSide reading=OPEN writing=DRAINING>")
        self.side.drain()
        self.side.end()
        self.assertEqual(repr(self.side), "<FakeSide reading=EOF writing=SHUT>")


class FakeOutboundTest(SynchronousTestCase):
    """An outbound in memory."""

    def test_at_once(self) -> None:
        """It connects at once, each time a new side, and keeps them."""
        outbound = FakeOutbound("tag", 3)
        verifyObject(IOutbound, outbound)
        sides = [self.successResultOf(outbound.connect()) for _ in range(2)]
        self.assertEqual(sides, outbound.sides)
        self.assertIsNot(sides[0], sides[1])
        self.assertEqual((outbound.tag, outbound.connect_timeout), ("tag", 3))

    def test_later(self) -> None:
        """It connects when the test says so, and counts who gives up."""
        outbound = FakeOutbound(delays=True)
        first, second = outbound.connect(), outbound.connect()
        self.assertNoResult(first)
        side = FakeSide()
        outbound.connecting[0].callback(side)
        self.assertIs(self.successResultOf(first), side)
        second.cancel()
        self.failureResultOf(second)
        self.assertEqual(outbound.cancelled, 1)


class _Listener(ProcessProtocol):
    """Keeps what a command says and does."""

    def __init__(self) -> None:
        self.heard: list[Any] = []

    def childDataReceived(self, childFD: int, data: bytes) -> None:
        self.heard.append((childFD, data))

    def childConnectionLost(self, childFD: int) -> None:
        self.heard.append(f"{childFD} closed")

    def processExited(self, reason: Failure) -> None:
        self.heard.append("exited")

    def processEnded(self, reason: Failure) -> None:
        self.heard.append(reason.value)


class _Producer:
    """Keeps what a consumer asks of it."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def pauseProducing(self) -> None:
        self.asked.append("pause")

    def resumeProducing(self) -> None:
        self.asked.append("resume")

    def stopProducing(self) -> None:
        self.asked.append("stop")


class FakeProcessTest(SynchronousTestCase):
    """Commands that are the test's."""

    def setUp(self) -> None:
        """Start one."""
        self.spawner = FakeSpawner()
        self.listener = _Listener()
        self.process = self.spawner.spawn(self.listener, ["/bin/tool", "-x"], {"KEY": "value"})

    def test_interfaces(self) -> None:
        """The spawner and the process are what the interfaces say."""
        verifyObject(ISpawner, self.spawner)
        for interface in (IProcessTransport, IPushProducer, IConsumer):
            verifyObject(interface, self.process)

    def test_started(self) -> None:
        """What was started is kept, each with a number of its own, and its protocol is
        connected.
        """
        other = self.spawner.spawn(_Listener(), ["other"], {})
        self.assertEqual(self.spawner.processes, [self.process, other])
        self.assertNotEqual(self.process.pid, other.pid)
        self.assertEqual(
            (self.process.command, self.process.env), (("/bin/tool", "-x"), {"KEY": "value"})
        )
        self.assertIs(self.listener.transport, self.process)

    def test_not_started(self) -> None:
        """It fails to start with the error that the test gives."""
        self.spawner.error = FileNotFoundError(2, "No such file")
        self.assertRaises(FileNotFoundError, self.spawner.spawn, _Listener(), ["x"], {})
        self.assertEqual(len(self.spawner.processes), 1)

    def test_output(self) -> None:
        """What it says is heard by its protocol, and waits while that pauses."""
        self.process.say(b"out")
        self.process.say(b"err", 2)
        self.process.pauseProducing()
        self.process.say(b"later")
        self.assertEqual(self.listener.heard, [(1, b"out"), (2, b"err")])
        self.process.resumeProducing()
        self.assertEqual(self.listener.heard[2:], [(1, b"later")])

    def test_input(self) -> None:
        """What is written to it is kept until its standard input is closed."""
        self.process.write(b"a")
        self.process.writeSequence([b"b", b"c"])
        self.process.writeToChild(0, b"d")
        self.process.closeStdin()
        self.process.write(b"late")
        self.assertEqual((self.process.stdin, self.process.open), (b"abcd", {1, 2}))
        self.assertEqual(self.listener.heard, ["0 closed"])

    def test_exit(self) -> None:
        """When it exits everything that it said is heard before its end, however long that is
        paused.
        """
        self.process.pauseProducing()
        self.process.say(b"last")
        self.process.exit(3)
        self.assertEqual(self.listener.heard, ["exited", "0 closed"])
        self.process.resumeProducing()
        *heard, end = self.listener.heard[2:]
        self.assertEqual(heard, [(1, b"last"), "1 closed", "2 closed"])
        self.assertIsInstance(end, ProcessTerminated)
        self.assertEqual((end.exitCode, end.signal, self.process.pid), (3, None, None))

    def test_exit_once(self) -> None:
        """It exits once."""
        self.process.exit()
        self.process.exit(1)
        self.process.signalProcess("TERM")
        self.assertEqual(
            [type(heard) for heard in self.listener.heard if isinstance(heard, Exception)],
            [ProcessDone],
        )

    def test_closing(self) -> None:
        """All of its descriptors can be closed at once, and it goes on."""
        self.process.say(b"heard")
        self.process.stopProducing()
        self.process.say(b"unheard")
        self.assertEqual(self.listener.heard, [(1, b"heard"), "0 closed", "1 closed", "2 closed"])
        self.process.exit()
        self.assertEqual(self.listener.heard[4], "exited")
        self.assertIsInstance(self.listener.heard[5], ProcessDone)

    def test_closed_by_itself(self) -> None:
        """Standard output and error can end while it runs."""
        self.process.closeStdout()
        self.process.closeStderr()
        self.assertEqual(self.listener.heard, ["1 closed", "2 closed"])

    def test_producer(self) -> None:
        """A producer hears of a full, an empty and a closed standard input, as long as it is
        registered.
        """
        producer, late = _Producer(), _Producer()
        self.process.registerProducer(producer, True)
        self.process.fill()
        self.process.drain()
        self.process.closeStdin()
        self.assertEqual(producer.asked, ["pause", "resume", "stop"])
        process = self.spawner.spawn(_Listener(), ["x"], {})
        process.registerProducer(late, True)
        process.unregisterProducer()
        process.closeStdin()
        self.assertEqual(late.asked, [])

    def test_signals(self) -> None:
        """Signals are kept; SIGTERM and SIGKILL end it, other signals do not."""
        self.spawner.signal_group(self.process, signal.SIGHUP)
        self.assertEqual(self.process.open, {0, 1, 2})
        self.spawner.signal_group(self.process, signal.SIGTERM)
        self.assertEqual(
            self.spawner.signals, [(self.process, signal.SIGHUP), (self.process, signal.SIGTERM)]
        )
        self.assertEqual(self.listener.heard[-1].signal, signal.SIGTERM)

    def test_stubborn(self) -> None:
        """A stubborn one ends by SIGKILL alone."""
        spawner = FakeSpawner(stubborn=True)
        listener = _Listener()
        process = spawner.spawn(listener, ["x"], {})
        spawner.signal_group(process, signal.SIGTERM)
        self.assertEqual(listener.heard, [])
        spawner.signal_group(process, signal.SIGKILL)
        self.assertEqual(listener.heard[-1].signal, signal.SIGKILL)

    def test_addresses(self) -> None:
        """It has addresses, as every transport."""
        self.assertIsNotNone(self.process.getPeer())
        self.assertIsNotNone(self.process.getHost())
        self.assertIsInstance(self.process, FakeProcess)


class RecordsTest(SynchronousTestCase):
    """A relay and a tracker that keep a record."""

    def test_relay(self) -> None:
        """It admits everybody, with the tracker that it was given, and keeps what it was to
        carry.
        """
        tracker = RecordingTracker()
        relay = RecordingRelay(tracker)
        verifyObject(IRelay, relay)
        route = relay.route(_CLIENT)
        verifyObject(IRoute, route)
        self.assertIs(route.tracker, tracker)
        side = FakeSide()
        relay.handle(route, side)
        self.assertEqual((relay.clients, relay.handled), ([_CLIENT], [(route, side)]))

    def test_tracker(self) -> None:
        """It adds up each direction for itself."""
        tracker = RecordingTracker()
        verifyObject(ITracker, tracker)
        tracker.uplink(3)
        tracker.downlink(4)
        tracker.uplink(5)
        self.assertEqual((tracker.up, tracker.down), (8, 4))
