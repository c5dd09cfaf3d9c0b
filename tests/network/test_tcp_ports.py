"""The ports of the API and the metrics."""

from __future__ import annotations

import socket
from typing import Any

from twisted.internet import reactor
from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Factory, Protocol
from twisted.trial.unittest import TestCase

from pipetwist.network.listeners import ListenerTable
from pipetwist.network.tcp_ports import MAX_ACCEPTED, open_ports
from pipetwist.values.bind_address import PortAddress

_CLIENTS = 3 * MAX_ACCEPTED


class _Counting(Factory):
    """Turns everybody away, and counts them."""

    noisy = False
    came = 0

    def buildProtocol(self, addr: IAddress | None) -> Protocol | None:
        self.came += 1
        return None


class TurnTest(TestCase):
    """Clients who come all at once."""

    async def test_few_in_a_turn(self) -> None:
        """A turn of the reactor lets in a few of them, however many wait and have waited, so that
        the relay has its turn as well.
        """
        factory = _Counting()
        (port,) = open_ports(
            reactor,
            "metrics.listen",
            PortAddress("127.0.0.1", 0),
            ListenerTable(),
            self.fail,
            factory,
        )
        port.stopReading()  # so that nobody is let in between what is looked at here
        self.addCleanup(port.stopListening)
        clients: list[Any] = [
            socket.create_connection(("127.0.0.1", port.getHost().port)) for _ in range(_CLIENTS)
        ]
        for client in clients:
            self.addCleanup(client.close)
        came = []
        for _ in range(3):
            port.doRead()
            came.append(factory.came)
        self.assertEqual(came, [MAX_ACCEPTED, 2 * MAX_ACCEPTED, 3 * MAX_ACCEPTED])
