"""Inbounds on endpoints of Twisted's whose clients come by proxies."""

from __future__ import annotations

import os
import socket
from typing import Any

from twisted.internet.endpoints import AdoptedStreamServerEndpoint
from twisted.internet.interfaces import IReactorFDSet
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import noLongerProvides

from pipetwist.errors import StartError
from pipetwist.inbounds import endpoint
from pipetwist.inbounds.endpoint import EndpointInbound, EndpointInboundOptions
from tests.inbounds import test_proxied
from tests.support.documents import problems

_LINE = b"PROXY TCP4 192.0.2.1 192.0.2.2 47 80\r\n"


class EndpointTest(test_proxied.UnixTest):
    """On an endpoint, whose clients are handed to its factory."""

    in_kernel = False

    def make(self, **options: Any) -> Any:
        """Make the inbound."""
        return EndpointInbound(
            EndpointInboundOptions(tag="in", endpoint="unix:/x", proxy_protocol=True, **options),
            self.context,
        )

    def listen(self, inbound: Any) -> Any:
        """Have what its endpoint would listen with."""
        self.factory = inbound._factory()
        return inbound

    def connect(self, family: int, address: Any) -> socket.socket:
        """Hand a client in."""
        near, client = self.pair()
        self.addCleanup(client.close)
        client.settimeout(60)
        with near:
            self.reactor.adoptStreamConnection(near.fileno(), near.family, self.factory)
        return client

    def pair(self) -> tuple[socket.socket, socket.socket]:
        """Both ends of a connection."""
        return socket.socketpair()

    def address(self, inbound: Any) -> Any:
        """Where it would listen."""

    def test_stop(self) -> None:
        """Whose header is not complete when it stops does not come in."""
        client = self.come(self.listen(self.make()), _LINE[:20])
        self.factory.stopFactory()
        self.turn()
        self.assertTrue(self.is_closed(client))
        self.assertEqual((self.reactor.getDelayedCalls(), self.said()), ([], []))

    def test_no_socket(self) -> None:
        """A transport that has no socket is refused."""
        self.listen(self.make())
        transport = StringTransport()
        self.factory.buildProtocol(None).makeConnection(transport)
        self.assertTrue(transport.disconnecting)
        self.assertIn("whose transport has no socket to read a header from", self.said()[0])

    def test_reactor(self) -> None:
        """A reactor that watches no sockets can't listen so."""
        inbound = self.make()
        noLongerProvides(inbound._reactor, IReactorFDSet)
        failure = self.failureResultOf(inbound.listen(), StartError)
        self.assertIn("inbound in: proxy_protocol: this reactor does not", str(failure.value))


class TcpEndpointTest(EndpointTest):
    """The same with clients of TCP."""

    family = socket.AF_INET
    strangers = ("unix", "vsock")
    peer = r"127\.0\.0\.1:\d+"

    def pair(self) -> tuple[socket.socket, socket.socket]:
        """Both ends of a connection."""
        with socket.create_server(("127.0.0.1", 0)) as server:
            client = socket.create_connection(server.getsockname())
            return server.accept()[0], client


class SystemdTest(test_proxied.UnixTest):
    """On a socket that systemd has opened."""

    def make(self, **options: Any) -> Any:
        """Make the inbound."""
        path = str(self.folder / "in.sock")
        listening = socket.socket(socket.AF_UNIX)
        listening.bind(path)
        listening.listen()
        descriptor = listening.detach()
        self.addCleanup(os.close, descriptor)
        self.patch(
            endpoint,
            "serverFromString",
            lambda *_: AdoptedStreamServerEndpoint(self.reactor, descriptor, socket.AF_UNIX),
        )
        options = {"tag": "in", "endpoint": "systemd:x", "proxy_protocol": True, **options}
        return EndpointInbound(EndpointInboundOptions(**options), self.context)

    def address(self, inbound: Any) -> Any:
        """Where it listens."""
        return str(self.folder / "in.sock")


class StringsTest(SynchronousTestCase):
    """What an endpoint may be."""

    def problem(self, **options: Any) -> str:
        """What is wrong with an inbound."""
        (text,) = problems(
            {
                "inbounds": [{"type": "endpoint", "tag": "in", **options}],
                "outbounds": [{"type": "tcp", "tag": "out", "server": "::1", "server_port": 1}],
            }
        )
        return text

    def test_wrapper(self) -> None:
        """Twisted's own reading of headers is refused, with the key that is right."""
        text = self.problem(endpoint="haproxy:tcp:80")
        self.assertIn('leave it out, and write "proxy_protocol": true', text)

    def test_tls(self) -> None:
        """So is TLS around the headers."""
        text = self.problem(endpoint="ssl:443:privateKey=x", proxy_protocol=True)
        self.assertIn('use the type "tcp" with tls', text)
