"""Commands as client endpoints, with commands in memory."""

from __future__ import annotations

import os
from pathlib import PurePath
from typing import Any

from twisted.internet.error import ConnectionAborted, ConnectionDone, NoProtocol, ProcessTerminated
from twisted.internet.interfaces import (
    IAddress,
    IConsumer,
    IPushProducer,
    IStreamClientEndpoint,
    ITransport,
)
from zope.interface.verify import verifyObject

from pipetwist.errors import ConnectError, StartError
from pipetwist.interfaces import ISideReceiver
from pipetwist.process.side import END_OF_FILE_SECONDS
from tests.process.endpoint_case import KILL, TERM, MemoryTestCase, Peer, PeerFactory, Producer


class ConnectingTest(MemoryTestCase):
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
        """A command that is not there is reported when the endpoint is made."""
        error = self.assertRaises(StartError, self.make, "no-such-command")
        self.assertIn("'no-such-command' in PATH", str(error))

    def test_can_not_start(self) -> None:
        """A command that can't be started fails its connection, and the next may succeed."""
        self.spawner.error = PermissionError(13, "Permission denied")
        factory = PeerFactory()
        error = self.failureResultOf(self.endpoint.connect(factory), ConnectError).value
        self.assertEqual(str(error), f"{self.process.command[0]}: Permission denied")
        self.assertEqual(factory.numPorts, 0)
        self.spawner.error = None
        self.successResultOf(self.endpoint.connect(factory))
        self.assertEqual(factory.numPorts, 1)

    def test_no_protocol(self) -> None:
        """A factory that builds no protocol starts no command."""

        class Refusing(PeerFactory):
            def buildProtocol(self, addr: Any) -> None:
                return None

        factory = Refusing()
        self.failureResultOf(self.endpoint.connect(factory), NoProtocol)
        self.assertEqual((len(self.spawner.processes), factory.numPorts), (1, 0))

    def test_failing_protocol(self) -> None:
        """A protocol that fails as it is connected fails the connection, and its command is
        ended.
        """

        class Failing(Peer):
            def connectionMade(self) -> None:
                raise ZeroDivisionError

        factory = PeerFactory(Failing)
        self.failureResultOf(self.endpoint.connect(factory), ZeroDivisionError)
        self.assertEqual(
            (self.spawner.signals, factory.numPorts), ([(self.spawner.processes[1], TERM)], 0)
        )


class TalkingTest(MemoryTestCase):
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


class EndingTest(MemoryTestCase):
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
        """A bad exit is reported with its status."""
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
        self.assertEqual(self.signals(), [TERM])
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
        self.assertEqual(self.signals(), [TERM])
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


class WholeClosingTest(MemoryTestCase):
    """A protocol that knows no half-closes."""

    kind = Peer

    def test_end_of_output(self) -> None:
        """The end of the output closes the connection, and the command may take the grace to end by
        itself.
        """
        self.process.closeStdout()
        self.assertEqual((self.process.open, self.transport.disconnecting), ({2}, True))
        self.clock.advance(4.9)
        self.assertEqual((self.signals(), self.peer.heard), ([], ["made"]))
        self.clock.advance(0.1)
        self.assertEqual(self.signals(), [TERM])
        self.assertOver(ConnectionDone)

    def test_end_of_output_and_exit(self) -> None:
        """A command that ends by itself then is reported with its status."""
        self.process.closeStdout()
        self.process.exit(3)
        self.assertOver(ProcessTerminated)

    def test_producer(self) -> None:
        """A producer is told to stop with the end of the output."""
        producer = Producer()
        self.transport.registerProducer(producer, True)
        self.process.closeStdout()
        self.assertEqual((producer.asked, self.process.open), (["stop"], {2}))


class StubbornTest(MemoryTestCase):
    """A command that outlives SIGTERM."""

    stubborn = True

    def test_lose(self) -> None:
        """It gets SIGKILL when the grace is over."""
        self.transport.loseConnection()
        self.clock.advance(END_OF_FILE_SECONDS)
        self.clock.advance(4.9)
        self.assertEqual((self.signals(), self.peer.heard), ([TERM], ["made"]))
        self.clock.advance(0.1)
        self.assertEqual(self.signals(), [TERM, KILL])
        self.assertOver(ConnectionDone)

    def test_abort(self) -> None:
        """Likewise when it is aborted, also after a close."""
        self.transport.loseConnection()
        self.transport.abortConnection()
        self.clock.advance(5)
        self.assertEqual(self.signals(), [TERM, KILL])
        self.assertOver(ConnectionAborted)
