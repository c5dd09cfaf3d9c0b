"""Producers for a command's standard input."""

from __future__ import annotations

from twisted.internet.error import ConnectionAborted, ConnectionDone

from pipetwist.process.side import END_OF_FILE_SECONDS
from tests.process.endpoint_case import TERM, MemoryTestCase, Producer


class ProducerTest(MemoryTestCase):
    """Who produces for the command's standard input."""

    def setUp(self) -> None:
        """Register one."""
        super().setUp()
        self.producer = Producer()
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
        self.assertEqual(self.signals(), [TERM])
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
