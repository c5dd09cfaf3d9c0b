"""The outbound to a UDP server that is known by a name."""

from __future__ import annotations

import socket
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from pipetwist.errors import ConnectError
from pipetwist.interfaces import IDatagramSide, IOutbound
from pipetwist.outbounds.context import OutboundContext
from pipetwist.outbounds.udp import UdpOutbound, UdpOutboundOptions
from tests.support.loop import Loop, open_descriptors


class UdpNameTest(SynchronousTestCase):
    """A name that is looked up when the test says so."""

    def setUp(self) -> None:
        """Make the outbound."""
        self.looked_up: list[tuple[str, int]] = []
        self.found: Deferred[Any] = Deferred()
        options = UdpOutboundOptions(tag="out", server="server.example", server_port=53)
        self.outbound: Any = UdpOutbound(options, OutboundContext(Loop(), lookups=self))  # type: ignore[arg-type]  # of look-ups it has what is asked for
        self.before = open_descriptors()

    def find(self, host: str, port: int) -> Deferred[Any]:
        self.looked_up.append((host, port))
        return self.found

    def test_way(self) -> None:
        """Of several addresses the first is taken that there is a way to."""
        verifyObject(IOutbound, self.outbound)
        connecting = self.outbound.connect()
        self.assertEqual(self.looked_up, [("server.example", 53)])
        self.assertNoResult(connecting)
        # Nobody may send there: without SO_BROADCAST it is refused at once.
        self.found.callback(_addresses("255.255.255.255", "127.0.0.1", "127.0.0.2"))
        side = self.successResultOf(connecting)
        self.addCleanup(side.abort)
        verifyObject(IDatagramSide, side)
        self.assertEqual(side._socket.getpeername(), ("127.0.0.1", 53))

    def test_no_way(self) -> None:
        """If there is a way to none, that is said with the name, and nothing is left open."""
        connecting = self.outbound.connect()
        self.found.callback(_addresses("255.255.255.255", "255.255.255.255"))
        self.assertEqual(
            str(self.failureResultOf(connecting, ConnectError).value),
            "server.example:53: Permission denied",
        )
        self.assertEqual(open_descriptors() - self.before, set())

    def test_no_such_name(self) -> None:
        """A name that nobody knows is reported."""
        connecting = self.outbound.connect()
        self.found.errback(ConnectError("server.example: Name or service not known"))
        self.assertEqual(
            str(self.failureResultOf(connecting, ConnectError).value),
            "server.example: Name or service not known",
        )

    def test_given_up(self) -> None:
        """What is found after somebody has stopped waiting for it opens nothing."""
        connecting = self.outbound.connect()
        connecting.cancel()
        self.failureResultOf(connecting, CancelledError)
        self.found.callback(_addresses("127.0.0.1"))
        self.assertEqual(open_descriptors() - self.before, set())


def _addresses(*hosts: str) -> list[Any]:
    """What a look-up finds."""
    return [(socket.AF_INET, (host, 53)) for host in hosts]
