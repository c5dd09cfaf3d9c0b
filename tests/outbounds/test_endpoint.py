"""The outbounds to endpoints of Twisted's."""

from __future__ import annotations

import socket
from typing import Any

from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from pipetwist.errors import StartError
from pipetwist.interfaces import IDatagramSide, IOutbound
from pipetwist.network.lookups import Lookups
from pipetwist.outbounds.context import OutboundContext
from pipetwist.outbounds.endpoint import EndpointOutbound, EndpointOutboundOptions
from pipetwist.transfer.stream import StreamSide
from tests.outbounds.socket_case import Addresses


class EndpointTest(SynchronousTestCase):
    """To an endpoint."""

    def test_connects(self) -> None:
        """It connects the endpoint that the string describes, each time again."""
        reactor = Addresses()
        outbound = EndpointOutbound(
            EndpointOutboundOptions(tag="out", endpoint="tcp:127.0.0.1:80"),
            OutboundContext(reactor),
        )
        verifyObject(IOutbound, outbound)
        for number in range(2):
            self.assertIsInstance(self._connected(reactor, outbound, number), StreamSide)

    def test_connects_from_name(self) -> None:
        """It connects from the address of a name that the string has it connect from, which is
        looked up as other names are.
        """
        reactor: Any = Addresses()
        reactor.callFromThread = lambda call, *args: call(*args)
        lookups = Lookups(
            reactor,
            lambda *_, **__: [(socket.AF_INET, 0, 0, "", ("127.0.0.2", 0))],
            start_thread=lambda call: call(),
        )
        options = EndpointOutboundOptions(
            tag="out", endpoint="tcp:127.0.0.1:80:bindAddress=relay.example"
        )
        self._connected(
            reactor, EndpointOutbound(options, OutboundContext(reactor, lookups=lookups)), 0
        )
        self.assertEqual(reactor.tcpClients[0][4], ("127.0.0.2", 0))

    def test_framed(self) -> None:
        """With framing its stream carries datagrams."""
        reactor = Addresses()
        options = EndpointOutboundOptions(tag="out", endpoint="tcp:127.0.0.1:80", framing="rfc4571")
        self.assertTrue(
            IDatagramSide.providedBy(
                self._connected(reactor, EndpointOutbound(options, OutboundContext(reactor)), 0)
            )
        )

    def _connected(self, reactor: Any, outbound: EndpointOutbound, number: int) -> object:
        connecting: Any = outbound.connect()
        reactor.advance(0)
        protocol: Any = reactor.tcpClients[number][2].buildProtocol(None)
        protocol.makeConnection(StringTransport())
        return self.successResultOf(connecting)

    def test_bad_strings(self) -> None:
        """A string that describes nothing is reported with the outbound."""
        for text in ("", "nothing:x", "tcp", "tcp:127.0.0.1:80:nothing=1"):
            error = self.assertRaises(
                StartError,
                EndpointOutbound,
                EndpointOutboundOptions(tag="out", endpoint=text),
                OutboundContext(Addresses()),
            )
            self.assertTrue(
                str(error).startswith(f"outbound out: {text!r} is not a client endpoint string: "),
                str(error),
            )
