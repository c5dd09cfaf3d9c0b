"""A connection from the client to the outbound."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectingCancelledError, DNSLookupError
from twisted.python.failure import Failure
from zope.interface import implementer
from zope.interface.verify import verifyObject

from pipetwist.errors import ConnectError, NameTimeoutError
from pipetwist.interfaces import IOutbound, ISide, ISideReceiver
from pipetwist.testing import FakeOutbound, FakeSide
from tests.relay.connection_case import ConnectionTestCase


class ConnectingTest(ConnectionTestCase):
    """From the client to the outbound."""

    def setUp(self) -> None:
        """Begin to connect an outbound that takes its time."""
        super().setUp()
        self.outbound = FakeOutbound(connect_timeout=5, delays=True)

    def begin(self) -> Deferred[ISide]:
        """Connect the outbound; its Deferred."""
        self.connection.open(self.outbound)
        (connecting,) = self.outbound.connecting
        return connecting

    def test_interface(self) -> None:
        """It hears of sides as the interface says."""
        verifyObject(ISideReceiver, self.connection)

    def test_client_waits(self) -> None:
        """The client is not read while the outbound is connected."""
        self.begin()
        self.client.deliver(b"early")
        self.assertFalse(self.client.reading)
        self.assertEqual(self.client.received, 0)

    def test_connected(self) -> None:
        """What the client sent meanwhile goes to the outbound once that is there, and no time-out
        is left but the idle one.
        """
        connecting = self.begin()
        self.client.deliver(b"early")
        server = FakeSide()
        connecting.callback(server)
        self.assertEqual(server.written, b"early")
        self.assertTrue(self.client.reading and server.reading)
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)

    def test_at_once(self) -> None:
        """An outbound that is there at once is no different."""
        outbound = FakeOutbound()
        self.connection.open(outbound)
        self.client.deliver(b"up")
        self.assertEqual(outbound.sides[0].written, b"up")
        self.client.lose()
        self.assertOver("client closed")

    def test_failed(self) -> None:
        """An outbound that can't be connected cuts the client off, with the error's text."""
        self.begin().errback(Failure(ConnectError("/run/out.sock: Connection refused")))
        self.assertEqual(self.client.asked, ["close_with_error"])
        self.assertOver("cannot connect: /run/out.sock: Connection refused")

    def test_failed_in_twisted(self) -> None:
        """An error of Twisted's is reported in one line."""
        self.begin().errback(Failure(DNSLookupError("no results for hostname lookup: nowhere")))
        self.assertOver(
            "cannot connect: DNS lookup failed: no results for hostname lookup: nowhere"
        )

    def test_too_slow(self) -> None:
        """An outbound that does not answer in its time is given up."""
        self.begin()
        self.clock.advance(4.9)
        self.assertEqual(self.reasons, [])
        self.clock.advance(0.1)
        self.assertEqual(self.outbound.cancelled, 1)
        self.assertOver("cannot connect: no answer for 5 s")

    def test_too_slow_in_twisted(self) -> None:
        """An endpoint of Twisted's, which has an error of its own for what was cancelled, is no
        different.
        """
        self.begin_cancelled_with(ConnectingCancelledError("to nowhere"))
        self.clock.advance(5)
        self.assertOver("cannot connect: no answer for 5 s")

    def test_name_not_resolved(self) -> None:
        """If it was the server's name that was waited for, that is said: the server itself was
        never asked.
        """
        for error, said in (
            (
                NameTimeoutError("relay: the name could not be resolved in time"),
                "relay: the name could not be resolved in time",
            ),
            (
                DNSLookupError("Couldn't find the hostname 'relay'"),
                "the name could not be resolved in time",
            ),
        ):
            self.setUp()
            self.begin_cancelled_with(error)
            self.clock.advance(5)
            self.assertOver(f"cannot connect: {said}")

    def test_client_goes(self) -> None:
        """A client that is lost meanwhile gives up connecting, and its loss is the reason."""
        self.begin()
        self.client.lose()
        self.assertEqual(self.outbound.cancelled, 1)
        self.assertOver("client closed")

    def test_client_goes_in_twisted(self) -> None:
        """The same with an endpoint of Twisted's."""
        self.begin_cancelled_with(ConnectingCancelledError("to nowhere"))
        self.client.lose("the connection was reset")
        self.assertOver("client: the connection was reset")

    def begin_cancelled_with(self, error: Exception) -> None:
        """Connect an outbound that fails with an error of its own when it is cancelled."""
        connecting: Deferred[ISide] = Deferred(lambda deferred: deferred.errback(error))
        self.patch(self.outbound, "connect", lambda: connecting)
        self.connection.open(self.outbound)

    def test_client_gone_before(self) -> None:
        """Nothing is connected for a client that was lost before."""
        self.client.lose()
        self.connection.open(self.outbound)
        self.assertEqual(self.outbound.connecting, [])
        self.assertOver("client closed")

    def test_connected_in_vain(self) -> None:
        """A side that comes although connecting was given up is aborted."""
        late: Deferred[ISide] = Deferred(lambda deferred: deferred.callback(server))
        server = FakeSide()
        self.patch(self.outbound, "connect", lambda: late)
        self.connection.open(self.outbound)
        self.client.lose()
        self.assertEqual(server.asked, ["abort"])
        self.assertOver("client closed")

    def test_lost_when_it_comes(self) -> None:
        """A side that is lost by the time that it is there closes the client, with its cause."""
        connecting = self.begin()
        server = FakeSide()
        server.lose("the command exited with status 1")
        connecting.callback(server)
        self.assertOver("server: the command exited with status 1")

    def test_stopped(self) -> None:
        """A stop meanwhile gives up connecting and aborts the client."""
        self.begin()
        self.connection.stop("pipetwist is stopping")
        self.assertEqual((self.outbound.cancelled, self.client.asked), (1, ["abort"]))
        self.assertOver("pipetwist is stopping")

    def test_outbound_that_raises(self) -> None:
        """An outbound that raises instead of failing is a failure of this connection, and of no
        other.
        """

        def connect() -> Deferred[ISide]:
            message = "a mistake"
            raise ValueError(message)

        self.patch(self.outbound, "connect", connect)
        self.connection.open(self.outbound)
        self.assertOver("cannot connect: a mistake")

    def test_side_that_raises(self) -> None:
        """A side that fails in pipetwist itself ends the connection, and is logged with its
        traceback.
        """

        @implementer(ISide)
        class Broken(FakeSide):
            def resume_reading(self) -> None:
                message = "a mistake"
                raise ValueError(message)

        server = Broken()
        self.begin().callback(server)
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)
        self.assertEqual(server.asked, ["abort"])
        self.assertOver("internal error: a mistake")

    def test_side_that_raises_at_once(self) -> None:
        """The same where the side was there at once."""
        server = FakeSide()

        def resume_reading() -> None:
            message = "a mistake"
            raise ValueError(message)

        self.patch(server, "resume_reading", resume_reading)
        self.patch(self.outbound, "connect", lambda: server)
        self.connection.open(self.outbound)
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)
        self.assertOver("internal error: a mistake")

    def test_there_at_once(self) -> None:
        """A side that is there at once is carried without more ado."""
        server = FakeSide()
        self.patch(self.outbound, "connect", lambda: server)
        self.connection.open(self.outbound)
        self.client.deliver(b"hello")
        self.assertEqual(server.written, b"hello")

    def test_outbound_is_one(self) -> None:
        """The outbound of these tests is what the interface says."""
        verifyObject(IOutbound, self.outbound)
