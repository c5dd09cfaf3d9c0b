"""Ports of Twisted's, as inbounds with TLS and of endpoint strings have."""

from __future__ import annotations

import socket
from typing import Any

from twisted.internet import reactor
from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Protocol, ServerFactory
from twisted.logger import Logger
from twisted.trial.unittest import TestCase

from pipetwist.connection.client_info import ClientInfo
from pipetwist.descriptors import DescriptorShares
from pipetwist.inbounds.context import InboundContext
from pipetwist.inbounds.gate import Gate
from pipetwist.inbounds.ports import hold_to_gate
from pipetwist.network.tcp_ports import MAX_ACCEPTED
from pipetwist.testing import RecordingRelay
from tests.inbounds.inbound import NoInbound


class _Counting(ServerFactory[Protocol]):
    """Turns everybody away, and counts them."""

    noisy = False
    came = 0

    def buildProtocol(self, addr: IAddress | None) -> Protocol | None:
        self.came += 1
        return None


class TurnTest(TestCase):
    """Clients who come all at once."""

    def test_few_in_a_turn(self) -> None:
        """A turn of the reactor lets in a few of them, however many have waited, so that open
        connections have their turn as well.
        """
        factory, shares = _Counting(), DescriptorShares(10_000, Logger())
        shares.divide({"in": 1}, {"out": 1})
        twisted: Any = reactor
        port = twisted.listenTCP(0, factory, interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        port.stopReading()  # so that nobody is let in between what is looked at here
        port.numberAccepts = 1000
        hold_to_gate(
            port,
            Gate(
                NoInbound(InboundContext(twisted, RecordingRelay(), shares=shares)),
                lambda _: ClientInfo("in", "", ""),
            ),
        )
        for _ in range(2 * MAX_ACCEPTED):
            self.addCleanup(socket.create_connection(("127.0.0.1", port.getHost().port)).close)
        came = []
        for _ in range(2):
            port.doRead()
            came.append(factory.came)
        self.assertEqual(came, [MAX_ACCEPTED, 2 * MAX_ACCEPTED])
