"""Commands as client endpoints: with commands in memory, then with real ones."""

from __future__ import annotations

import io
import os
import signal
from pathlib import Path, PurePath
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionAborted, ConnectionDone, NoProtocol, ProcessTerminated
from twisted.internet.interfaces import (
    IAddress,
    IConsumer,
    IHalfCloseableProtocol,
    IPushProducer,
    IStreamClientEndpoint,
    ITransport,
)
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock
from twisted.logger import Logger
from twisted.protocols.basic import FileSender
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase, TestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from pipetwist.errors import ConnectError, StartError
from pipetwist.interfaces import ISideReceiver
from pipetwist.process.endpoint import CommandEndpoint
from pipetwist.process.side import END_OF_FILE_SECONDS
from pipetwist.process.spawners import ReactorSpawner
from pipetwist.testing import FakeSpawner
from tests.support.scratch import has_ended, wait_until

_reactor: Any = reactor  # the module stands for whichever reactor trial has installed
_TERM, _KILL = signal.SIGTERM, signal.SIGKILL


class _Peer(Protocol):
    """Keeps what it hears."""

    transport: Any

    def __init__(self) -> None:
        self.data = b""
        self.heard: list[Any] = []
        self.over: Deferred[Any] = Deferred()

    def connectionMade(self) -> None:
        self.heard.append("made")

    def dataReceived(self, data: bytes) -> None:
        self.data += data

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]  # Protocol's own default is a reused failure
        self.heard.append(reason.type)
        self.over.callback(reason.value)


@implementer(IHalfCloseableProtocol)
class _HalfClosingPeer(_Peer):
    """Keeps what it hears of half-closes too."""

    def readConnectionLost(self) -> None:
        self.heard.append("read")

    def writeConnectionLost(self) -> None:
        self.heard.append("write")


class _PeerFactory(Factory[_Peer]):
    """Builds peers, and keeps count of its connections."""

    noisy = False

    def __init__(self, kind: type[_Peer] = _Peer) -> None:
        self.protocol = kind
        self.addresses: list[Any] = []

    def buildProtocol(self, addr: Any) -> _Peer | None:
        self.addresses.append(addr)
        return super().buildProtocol(addr)


class _Producer:
    """Keeps what it is asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def pauseProducing(self) -> None:
        self.asked.append("pause")

    def resumeProducing(self) -> None:
        self.asked.append("resume")

    def stopProducing(self) -> None:
        self.asked.append("stop")


class _MemoryTestCase(SynchronousTestCase):
    """A half-closing peer connected with a command of the test's, with a grace of 5 s."""

    kind: type[_Peer] = _HalfClosingPeer
    stubborn = False

    def setUp(self) -> None:
        """Connect."""
        self.clock = Clock()
        self.spawner = FakeSpawner(stubborn=self.stubborn)
        self.logged: list[str] = []
        self.factory = _PeerFactory(self.kind)
        self.endpoint = self.make()
        self.peer = self.connected()
        self.transport = self.peer.transport
        (self.process,) = self.spawner.processes

    def make(self, *command: str, **options: Any) -> CommandEndpoint:
        """An endpoint."""
        log = Logger(
            "test",
            observer=lambda event: self.logged.append(event["log_format"].format(**event)),  # type: ignore[arg-type]  # a function observes
        )
        return CommandEndpoint(
            self.clock, command or ("cat", "-u"), spawner=self.spawner, log=log, **options
        )

    def connected(self) -> Any:
        """Connect a peer."""
        return self.successResultOf(self.endpoint.connect(self.factory))

    def signals(self) -> list[int]:
        """The signals that were sent."""
        return [number for _, number in self.spawner.signals]

    def assertOver(self, *heard: Any) -> None:
        """The peer has heard this, the loss once and last, and nothing is left."""
        self.assertEqual(self.peer.heard, ["made", *heard])
        self.assertEqual(
            (self.clock.getDelayedCalls(), self.factory.numPorts, self.transport.connected),
            ([], 0, False),
        )


class ConnectingTest(_MemoryTestCase):
    """What a connection begins with."""

    def test_interfaces(self) -> None:
        """The endpoint and its transport are what Twisted's interfaces say."""
        verifyObject(IStreamClientEndpoint, self.endpoint)
        for interface in (ITransport, IConsumer, IPushProducer, ISideReceiver):
            verifyObject(interface, self.transport)
        verifyObject(IAddress, self.transport.getPeer())

    def test_command(self) -> None:
        """Each connection starts the command, found in PATH, with its arguments."""
        self.successResultOf(self.endpoint.connect(self.factory))
        self.assertEqual(len(self.spawner.processes), 2)
        for process in self.spawner.processes:
            program, *arguments = process.command
            self.assertEqual(
                (PurePath(program).name, PurePath(program).is_absolute(), arguments),
                ("cat", True, ["-u"]),
            )

    def test_environment(self) -> None:
        """The command gets the usual variables and those that it is to have; all of them where it
        is to inherit.
        """
        self.patch(os, "environ", {"PATH": os.environ["PATH"], "HOME": "/home", "SECRET": "hidden"})
        self.successResultOf(
            self.make(env={"KEY": "value", "HOME": "/other"}).connect(self.factory)
        )
        self.successResultOf(self.make(inherit_env=True).connect(self.factory))
        usual, inheriting = [process.env for process in self.spawner.processes[1:]]
        self.assertEqual(usual, {"PATH": os.environ["PATH"], "HOME": "/other", "KEY": "value"})
        self.assertEqual(inheriting, os.environ)

    def test_address(self) -> None:
        """The command is the address, for the factory and at both ends."""
        address = self.transport.getPeer()
        self.assertEqual(address.command, self.process.command)
        self.assertEqual((self.transport.getHost(), self.factory.addresses), (address, [address]))

    def test_no_command(self) -> None:
        """A command that is not there is told when the endpoint is made."""
        error = self.assertRaises(StartError, self.make, "no-such-command")
        self.assertIn("'no-such-command' in PATH", str(error))

    def test_can_not_start(self) -> None:
        """A command that can't be started fails its connection, and the next may succeed."""
        self.spawner.error = PermissionError(13, "Permission denied")
        factory = _PeerFactory()
        error = self.failureResultOf(self.endpoint.connect(factory), ConnectError).value
        self.assertEqual(str(error), f"{self.process.command[0]}: Permission denied")
        self.assertEqual(factory.numPorts, 0)
        self.spawner.error = None
        self.successResultOf(self.endpoint.connect(factory))
        self.assertEqual(factory.numPorts, 1)

    def test_no_protocol(self) -> None:
        """A factory that builds no protocol starts no command."""

        class Refusing(_PeerFactory):
            def buildProtocol(self, addr: Any) -> None:
                return None

        factory = Refusing()
        self.failureResultOf(self.endpoint.connect(factory), NoProtocol)
        self.assertEqual((len(self.spawner.processes), factory.numPorts), (1, 0))

    def test_failing_protocol(self) -> None:
        """A protocol that fails as it is connected fails the connection, and its command is
        ended.
        """

        class Failing(_Peer):
            def connectionMade(self) -> None:
                raise ZeroDivisionError

        factory = _PeerFactory(Failing)
        self.failureResultOf(self.endpoint.connect(factory), ZeroDivisionError)
        self.assertEqual(
            (self.spawner.signals, factory.numPorts), ([(self.spawner.processes[1], _TERM)], 0)
        )


class TalkingTest(_MemoryTestCase):
    """What goes to and fro."""

    def test_writing(self) -> None:
        """What is written goes to standard input, in order."""
        self.transport.write(b"one")
        self.transport.writeSequence([b"two", b"three"])
        self.assertEqual(self.process.stdin, b"onetwothree")

    def test_reading(self) -> None:
        """Standard output comes to the protocol, as long as it does not pause."""
        self.process.say(b"one")
        self.transport.pauseProducing()
        self.process.say(b"two")
        self.assertEqual(self.peer.data, b"one")
        self.transport.resumeProducing()
        self.assertEqual(self.peer.data, b"onetwo")

    def test_standard_error(self) -> None:
        """Standard error goes to the log by lines, with the command's name and number."""
        self.process.say(b"warning\nlast", 2)
        self.process.exit()
        self.assertEqual(self.logged, ["cat[1000]: warning", "cat[1000]: last"])
        self.assertEqual(self.peer.data, b"")

    def test_end_of_input(self) -> None:
        """A half-close closes standard input once, and the answer is still read."""
        self.transport.write(b"question")
        self.transport.loseWriteConnection()
        self.transport.loseWriteConnection()
        self.assertEqual(self.process.open, {1, 2})
        self.process.say(b"answer")
        self.assertEqual(
            (self.peer.data, self.peer.heard, self.transport.disconnecting),
            (b"answer", ["made", "write"], False),
        )

    def test_end_of_output(self) -> None:
        """A command that closes its standard output has half-closed, and may still read."""
        self.process.closeStdout()
        self.transport.resumeProducing()
        self.transport.write(b"more")
        self.assertEqual((self.peer.heard, self.process.stdin), (["made", "read"], b"more"))

    def test_closed_input(self) -> None:
        """A command that closes its standard input reads no more, and may still write."""
        self.process.closeStdin()
        self.transport.write(b"lost")
        self.process.say(b"more")
        self.assertEqual(
            (self.peer.heard, self.peer.data, self.process.stdin), (["made", "write"], b"more", b"")
        )


class EndingTest(_MemoryTestCase):
    """How a connection ends."""

    def test_exit(self) -> None:
        """A good exit is an orderly end, after everything that was said."""
        self.transport.pauseProducing()
        self.process.say(b"last")
        self.process.exit()
        self.assertEqual(self.peer.heard, ["made", "write"])
        self.transport.resumeProducing()
        self.assertEqual(self.peer.data, b"last")
        self.assertOver("write", "read", ConnectionDone)

    def test_status(self) -> None:
        """A bad exit is told with its status."""
        self.process.exit(3)
        self.assertOver("write", "read", ProcessTerminated)
        self.assertEqual(self.successResultOf(self.peer.over).exitCode, 3)

    def test_lose(self) -> None:
        """Closing ends standard input, reads no more, and soon sends SIGTERM to a command that does
        not end by itself.
        """
        self.transport.write(b"last")
        self.transport.loseConnection()
        self.transport.loseConnection()
        self.transport.loseWriteConnection()
        self.process.say(b"unheard")
        self.assertEqual(
            (self.process.stdin, self.process.open, self.peer.data), (b"last", {1, 2}, b"")
        )
        self.assertEqual((self.signals(), self.transport.disconnecting), ([], True))
        self.clock.advance(END_OF_FILE_SECONDS)
        self.assertEqual(self.signals(), [_TERM])
        self.assertOver(ConnectionDone)

    def test_lose_and_exit(self) -> None:
        """A command that ends by itself after the close is sent nothing."""
        self.transport.loseConnection()
        self.process.exit()
        self.assertEqual(self.signals(), [])
        self.assertOver(ConnectionDone)

    def test_lose_and_fail(self) -> None:
        """A command that ends badly by itself after the close is told so."""
        self.transport.loseConnection()
        self.process.exit(1)
        self.assertOver(ProcessTerminated)

    def test_stop_producing(self) -> None:
        """As a producer it is stopped by closing it."""
        self.transport.stopProducing()
        self.process.exit()
        self.assertOver(ConnectionDone)

    def test_abort(self) -> None:
        """Aborting sends SIGTERM at once."""
        self.transport.abortConnection()
        self.transport.abortConnection()
        self.assertEqual(self.signals(), [_TERM])
        self.assertOver(ConnectionAborted)

    def test_afterwards(self) -> None:
        """Once it is over nothing does anything."""
        self.process.exit()
        for method in (
            "loseConnection",
            "loseWriteConnection",
            "abortConnection",
            "pauseProducing",
            "resumeProducing",
        ):
            getattr(self.transport, method)()
        self.transport.write(b"late")
        self.assertEqual((self.process.stdin, self.signals()), (b"", []))
        self.assertOver("write", "read", ConnectionDone)


class WholeClosingTest(_MemoryTestCase):
    """A protocol that knows no half-closes."""

    kind = _Peer

    def test_end_of_output(self) -> None:
        """The end of the output closes the connection, and the command may take the grace to end by
        itself.
        """
        self.process.closeStdout()
        self.assertEqual((self.process.open, self.transport.disconnecting), ({2}, True))
        self.clock.advance(4.9)
        self.assertEqual((self.signals(), self.peer.heard), ([], ["made"]))
        self.clock.advance(0.1)
        self.assertEqual(self.signals(), [_TERM])
        self.assertOver(ConnectionDone)

    def test_end_of_output_and_exit(self) -> None:
        """A command that ends by itself then is told with its status."""
        self.process.closeStdout()
        self.process.exit(3)
        self.assertOver(ProcessTerminated)

    def test_producer(self) -> None:
        """A producer is told to stop with the end of the output."""
        producer = _Producer()
        self.transport.registerProducer(producer, True)
        self.process.closeStdout()
        self.assertEqual((producer.asked, self.process.open), (["stop"], {2}))


class StubbornTest(_MemoryTestCase):
    """A command that outlives SIGTERM."""

    stubborn = True

    def test_lose(self) -> None:
        """It gets SIGKILL when the grace is over."""
        self.transport.loseConnection()
        self.clock.advance(END_OF_FILE_SECONDS)
        self.clock.advance(4.9)
        self.assertEqual((self.signals(), self.peer.heard), ([_TERM], ["made"]))
        self.clock.advance(0.1)
        self.assertEqual(self.signals(), [_TERM, _KILL])
        self.assertOver(ConnectionDone)

    def test_abort(self) -> None:
        """Likewise when it is aborted, also after a close."""
        self.transport.loseConnection()
        self.transport.abortConnection()
        self.clock.advance(5)
        self.assertEqual(self.signals(), [_TERM, _KILL])
        self.assertOver(ConnectionAborted)


class ProducerTest(_MemoryTestCase):
    """Who produces for the command's standard input."""

    def setUp(self) -> None:
        """Register one."""
        super().setUp()
        self.producer = _Producer()
        self.transport.registerProducer(self.producer, True)

    def test_pressure(self) -> None:
        """It is paused while standard input is full."""
        self.process.fill()
        self.process.drain()
        self.assertEqual(self.producer.asked, ["pause", "resume"])

    def test_stopped(self) -> None:
        """It is told to stop when the command reads no more, and holds up no close then."""
        self.process.closeStdin()
        self.assertEqual(self.producer.asked, ["stop"])
        self.transport.unregisterProducer()
        self.transport.loseConnection()
        self.process.exit()
        self.assertOver("write", ConnectionDone)

    def test_half_close_waits(self) -> None:
        """A half-close waits until it has written everything."""
        self.transport.loseWriteConnection()
        self.transport.write(b"last")
        self.assertEqual(self.process.open, {0, 1, 2})
        self.transport.unregisterProducer()
        self.assertEqual((self.process.stdin, self.process.open), (b"last", {1, 2}))

    def test_close_waits(self) -> None:
        """A close waits likewise, and what the command says meanwhile goes nowhere; a half-close
        makes no less of it.
        """
        self.transport.loseWriteConnection()
        self.transport.loseConnection()
        self.transport.loseWriteConnection()
        self.process.say(b"unheard")
        self.process.closeStdout()
        self.transport.write(b"last")
        self.transport.unregisterProducer()
        self.assertEqual(
            (self.process.stdin, self.process.open, self.peer.data), (b"last", {2}, b"")
        )
        self.clock.advance(END_OF_FILE_SECONDS)
        self.assertEqual(self.signals(), [_TERM])
        self.assertOver(ConnectionDone)

    def test_close_waits_for_nobody(self) -> None:
        """A close that waits goes ahead when the command reads no more."""
        self.transport.loseConnection()
        self.process.closeStdin()
        self.clock.advance(END_OF_FILE_SECONDS)
        self.assertOver(ConnectionDone)

    def test_abort(self) -> None:
        """An abort waits for nobody."""
        self.transport.abortConnection()
        self.assertEqual(self.producer.asked, ["stop"])
        self.assertOver(ConnectionAborted)


class RealCommandsTest(TestCase):
    """Shells, and what they start."""

    timeout = 300

    async def connect(
        self, script: str, kind: type[_Peer] = _HalfClosingPeer, **options: Any
    ) -> Any:
        """Start a shell with a script; the peer that is connected with it."""
        peer: Any = await CommandEndpoint(_reactor, ["/bin/sh", "-c", script], **options).connect(
            _PeerFactory(kind)
        )

        def end() -> Deferred[Any] | None:
            if peer.over.called:
                return None
            peer.transport.abortConnection()
            ended: Deferred[Any] = peer.over
            return ended

        self.addCleanup(end)
        return peer

    async def test_both_ways(self) -> None:
        """A megabyte goes there and back, the ends of file after all of it, whoever starts the
        command.
        """
        for spawner in (None, ReactorSpawner(_reactor)):
            peer = await self.connect("cat; echo end", spawner=spawner)
            data = bytes(range(256)) * 4096
            peer.transport.write(data)
            peer.transport.loseWriteConnection()
            self.assertIsInstance(await peer.over, ConnectionDone)
            self.assertEqual((len(peer.data), peer.data == data + b"end\n"), (len(data) + 4, True))
            self.assertEqual(peer.heard, ["made", "write", "read", ConnectionDone])

    async def test_pull_producer(self) -> None:
        """A producer that is asked for each piece is asked for all of them, and the close
        follows.
        """
        peer = await self.connect("wc -c", _Peer)
        await FileSender().beginFileTransfer(io.BytesIO(bytes(300_000)), peer.transport)
        peer.transport.loseWriteConnection()
        await peer.over
        self.assertEqual(peer.data.strip(), b"300000")

    async def test_pressure(self) -> None:
        """A command that does not read pauses a producer, and one that ends tells it to stop."""
        for spawner in (None, ReactorSpawner(_reactor)):
            peer = await self.connect("exec sleep 60", spawner=spawner)
            producer = _Producer()
            peer.transport.registerProducer(producer, True)
            peer.transport.write(bytes(200_000))
            self.assertEqual(producer.asked, ["pause"])
            peer.transport.abortConnection()
            await peer.over
            self.assertEqual(producer.asked, ["pause", "stop"])

    async def test_group(self) -> None:
        """Aborting ends what the command has started too, SIGTERM ignored or not."""
        ready: Deferred[None] = Deferred()

        class Waiting(_Peer):
            def dataReceived(self, data: bytes) -> None:
                super().dataReceived(data)
                if self.data.endswith(b"ready\n"):
                    ready.callback(None)

        peer = await self.connect(
            "trap '' TERM; sleep 60 & echo $$ $! ready; wait; wait", Waiting, kill_grace=0.1
        )
        await ready
        pids = [int(word) for word in peer.data.split()[:2]]
        peer.transport.abortConnection()
        self.assertIsInstance(await peer.over, ConnectionAborted)
        for pid in pids:
            wait_until(lambda pid=pid: has_ended(pid), f"the end of {pid}")  # type: ignore[misc]  # mypy can't infer a lambda with a default

    async def test_folder(self) -> None:
        """It starts in the folder that it is to start in."""
        peer = await self.connect("pwd", cwd="/")
        await peer.over
        self.assertEqual(peer.data, b"/\n")

    async def test_can_not_start(self) -> None:
        """A command that has gone since the endpoint was made fails its connection."""
        path = Path(self.mktemp()).absolute()
        path.write_text("#!/bin/sh\n", encoding="ascii")
        path.chmod(0o700)
        endpoint = CommandEndpoint(_reactor, [str(path)])
        path.unlink()
        with self.assertRaises(ConnectError) as caught:
            await endpoint.connect(_PeerFactory())
        self.assertEqual(str(caught.exception), f"{path}: No such file or directory")
