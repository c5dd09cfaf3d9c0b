"""A server whose name has several addresses, of which some do not answer: how long each is waited
for.
"""

from __future__ import annotations

import socket
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.errors import ConnectError, NobodyListensError
from pipetwist.interfaces import ISide
from pipetwist.kernel.context import kernel_context
from pipetwist.outbounds import tcp_connector
from pipetwist.outbounds.context import OutboundContext
from pipetwist.outbounds.tcp import TcpOutbound, TcpOutboundOptions
from pipetwist.testing import FakeSide
from tests.support.memory_transport import TurningReactor


class SilentAddressesTest(SynchronousTestCase):
    """Addresses that answer when the test says so."""

    def setUp(self) -> None:
        """Have nobody connected yet."""
        self.reactor = TurningReactor()
        self.kernel = kernel_context(self.reactor)
        assert self.kernel is not None
        self.addCleanup(self.kernel.close)
        self.tried: list[tuple[float, str]] = []
        self.attempts: list[Deferred[ISide]] = []
        self.given_up: list[Deferred[ISide]] = []
        self.patch(tcp_connector, "connect_socket", self.connect_socket)

    def connect(self, count: int, seconds: float) -> Any:
        """Connect a server with so many addresses, within so many seconds in all."""
        self.found = [(socket.AF_INET, (f"192.0.2.{number}", 80)) for number in range(count)]
        options = TcpOutboundOptions(
            tag="out", server="server.example", server_port=80, connect_timeout=seconds
        )
        context = OutboundContext(self.reactor, None, None, self.kernel, lookups=self)  # type: ignore[arg-type]  # of look-ups it has what is asked for
        return TcpOutbound(options, context).connect()

    def find(self, host: str, port: int) -> Deferred[Any]:
        self.assertEqual((host, port), ("server.example", 80))
        return succeed(self.found)

    def connect_socket(
        self, _: Any, __: Any, family: int, address: tuple[str, int], *___: Any
    ) -> Deferred[ISide]:
        self.tried.append((self.reactor.seconds(), address[0]))
        self.attempts.append(Deferred(self.given_up.append))
        return self.attempts[-1]

    def test_shared_out(self) -> None:
        """The time-out is shared out, so that each address is tried within it, however many there
        are.
        """
        connecting = self.connect(4, 2.0)
        self.reactor.pump([0.25] * 8)
        self.assertEqual(
            self.tried,
            [(0.0, "192.0.2.0"), (0.5, "192.0.2.1"), (1.0, "192.0.2.2"), (1.5, "192.0.2.3")],
        )
        self.assertEqual(self.given_up, self.attempts[:3])
        side = FakeSide()
        self.attempts[3].callback(side)
        self.assertIs(self.successResultOf(connecting), side)
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_no_longer_than_a_second(self) -> None:
        """With time enough each but the last is waited for a second; the last has what is left."""
        connecting = self.connect(3, 60.0)
        self.reactor.pump([0.25] * 200)
        self.assertEqual(self.tried, [(0.0, "192.0.2.0"), (1.0, "192.0.2.1"), (2.0, "192.0.2.2")])
        self.assertNoResult(connecting)
        self.attempts[2].errback(ConnectError("server.example:80: Connection refused"))
        self.failureResultOf(connecting, ConnectError)

    def test_first_that_answers(self) -> None:
        """One that answers in its time is taken, and no other is tried."""
        connecting = self.connect(3, 60.0)
        self.reactor.advance(0.75)
        side = FakeSide()
        self.attempts[0].callback(side)
        self.assertIs(self.successResultOf(connecting), side)
        self.reactor.advance(60)
        self.assertEqual((len(self.tried), self.given_up), (1, []))

    def test_one_refuses(self) -> None:
        """If one refuses, that is why none could be connected, whatever the last has said: it may
        be otherwise soon.
        """
        connecting = self.connect(3, 60.0)
        self.attempts[0].errback(ConnectError("server.example:80: No route to host"))
        self.attempts[1].errback(NobodyListensError("server.example:80: Connection refused"))
        self.attempts[2].errback(ConnectError("server.example:80: Network is unreachable"))
        self.assertEqual(
            str(self.failureResultOf(connecting, NobodyListensError).value),
            "server.example:80: Connection refused",
        )
