"""Inbounds on an endpoint of Twisted's."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.endpoints import AdoptedStreamServerEndpoint
from twisted.internet.interfaces import IUNIXTransport
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.logger import formatEvent
from zope.interface import alsoProvides
from zope.interface.verify import verifyObject

from pipetwist.errors import StartError
from pipetwist.inbounds import endpoint
from pipetwist.inbounds.context import InboundContext
from pipetwist.inbounds.endpoint import EndpointInbound, EndpointInboundOptions
from pipetwist.interfaces import IInbound
from pipetwist.network.listeners import ListenerTable
from pipetwist.network.listening import ListenHosts
from pipetwist.network.lookups import Lookups
from tests.inbounds.inbound_case import InboundTestCase, Peer
from tests.support.mailbox import Mailbox
from tests.support.scratch import scratch_folder


class EndpointTest(InboundTestCase):
    """On an endpoint."""

    def make(self, endpoint: str) -> EndpointInbound:
        """Make the inbound."""
        return EndpointInbound(EndpointInboundOptions(tag="in", endpoint=endpoint), self.context)

    def hand_in(self, path: str) -> int:
        """A listening socket as systemd hands it in: inherited; the number of its descriptor."""
        listening = socket.socket(socket.AF_UNIX)
        listening.bind(path)
        listening.listen()
        os.set_inheritable(listening.fileno(), True)
        return listening.detach()

    def adopt(self, descriptor: int) -> EndpointInbound:
        """An inbound on an inherited socket."""
        self.addCleanup(os.close, descriptor)
        self.patch(
            endpoint,
            "serverFromString",
            lambda *_: AdoptedStreamServerEndpoint(self.reactor, descriptor, socket.AF_UNIX),
        )
        return self.make("systemd:domain=UNIX:name=pipe")

    def test_strings(self) -> None:
        """An invalid string is reported, and so is a socket that systemd has not passed."""
        for text in ("", "nothing:x", "tcp:x"):
            error = self.assertRaises(StartError, self.make, text)
            self.assertTrue(
                str(error).startswith(f"inbound in: {text!r} is not a server endpoint string: "),
                str(error),
            )
        error = self.assertRaises(StartError, self.make, "systemd:domain=UNIX:name=pipe")
        self.assertIn("no inherited socket is named", str(error))

    def test_listens(self) -> None:
        """It listens on the endpoint, once."""
        reactor = MemoryReactorClock()
        inbound = EndpointInbound(
            EndpointInboundOptions(tag="in", endpoint="tcp:10080"),
            InboundContext(reactor, self.relay),
        )
        verifyObject(IInbound, inbound)
        for _ in range(2):
            self.successResultOf(inbound.listen())
        self.assertEqual([server[0] for server in reactor.tcpServers], [10080])

    def test_name(self) -> None:
        """A start waits for a name that its endpoint is to listen at, since it is root no longer
        afterwards, and says where it has none.
        """
        reactor = MemoryReactorClock()
        hosts = ListenHosts(
            Lookups(None, lambda *_, **__: [(socket.AF_INET, None, None, None, ("127.0.0.2", 0))])
        )
        context = InboundContext(reactor, self.relay, listeners=ListenerTable(hosts=hosts))
        inbound = EndpointInbound(
            EndpointInboundOptions(tag="in", endpoint="tcp:10080:interface=relay"), context
        )
        inbound.privilegedStartService()
        self.addCleanup(inbound.stopService)
        self.assertEqual([server[3] for server in reactor.tcpServers], ["127.0.0.2"])

        def nowhere(*_: object, **__: object) -> Any:
            raise socket.gaierror(-2, "Name or service not known")

        context = InboundContext(
            reactor, self.relay, listeners=ListenerTable(hosts=ListenHosts(Lookups(None, nowhere)))
        )
        inbound = EndpointInbound(
            EndpointInboundOptions(tag="in", endpoint="tcp:10080:interface=relay"), context
        )
        error = self.assertRaises(StartError, inbound.privilegedStartService)
        self.assertEqual(
            str(error), "inbound in: endpoint: relay is not an address: Name or service not known"
        )

    def test_shared_folder(self) -> None:
        """Root does not have Twisted listen in a folder where somebody else could put a link, whose
        target would get the socket's mode; anybody else may.
        """
        folder = scratch_folder(self)
        folder.chmod(0o777)
        reactor = MemoryReactorClock()
        inbound = EndpointInbound(
            EndpointInboundOptions(tag="in", endpoint=f"unix:{folder}/x.sock:lockfile=0"),
            InboundContext(reactor, self.relay),
        )
        self.patch(os, "geteuid", lambda: 0)
        error = self.failureResultOf(inbound.listen(), StartError).value
        self.assertEqual(
            str(error),
            f"inbound in: endpoint: another user may replace files in {folder.resolve()}, and "
            f'Twisted would follow a link at {folder}/x.sock as root; use the type "unix" for it, '
            "or a folder where only root may write",
        )
        self.assertEqual(reactor.unixServers, [])
        self.patch(os, "geteuid", lambda: 1000)
        self.successResultOf(inbound.listen())
        self.assertEqual(len(reactor.unixServers), 1)

    def test_embedded(self) -> None:
        """If a program gives its context no table of listeners, an endpoint's name is looked up for
        its reactor, without making that wait.
        """

        class ThreadedReactor(Mailbox, MemoryReactorClock):
            """One that threads can talk to."""

            def __init__(self) -> None:
                Mailbox.__init__(self)
                MemoryReactorClock.__init__(self)

        self.patch(
            socket,
            "getaddrinfo",
            lambda *_, **__: [(socket.AF_INET, None, None, None, ("127.0.0.2", 0))],
        )
        reactor = ThreadedReactor()
        inbound = EndpointInbound(
            EndpointInboundOptions(tag="in", endpoint="tcp:10080:interface=relay"),
            InboundContext(reactor, self.relay),
        )
        listening = inbound.listen()
        self.assertNoResult(listening)
        reactor.do_one()
        self.successResultOf(listening)
        self.assertEqual([server[3] for server in reactor.tcpServers], ["127.0.0.2"])

    def test_who_clients_are(self) -> None:
        """A client of a unix socket is known by what the kernel says of it, one of TCP by its
        address, one of neither not at all.
        """
        reactor = MemoryReactorClock()
        inbound = EndpointInbound(
            EndpointInboundOptions(tag="in", endpoint="tcp:10080"),
            InboundContext(reactor, self.relay),
        )
        self.successResultOf(inbound.listen())
        near, far = socket.socketpair()
        self.addCleanup(near.close)
        self.addCleanup(far.close)
        unix = Peer(None)
        self.patch(unix, "getHandle", lambda: near)
        alsoProvides(unix, IUNIXTransport)
        tcp = StringTransport(peerAddress=IPv4Address("TCP", "10.0.0.1", 80))
        for transport, source in (
            (unix, f"pid:{os.getpid()}"),
            (tcp, "10.0.0.1"),
            (Peer(None), "unix"),
        ):
            self.assertEqual(inbound._identify(transport).source, source)

    def test_says_where(self) -> None:
        """Where it listens is logged, as Twisted's endpoint knows it."""
        for string, where in (("unix:/in.sock", "/in.sock"), ("tcp:10080", "0.0.0.0:10080")):
            self.events.clear()
            context = InboundContext(MemoryReactorClock(), self.relay, log=self.context.log)
            self.successResultOf(
                EndpointInbound(
                    EndpointInboundOptions(tag="any", endpoint=string), context
                ).listen()
            )
            self.assertEqual(
                [formatEvent(event) for event in self.events], [f"inbound any listens on {where}"]
            )

    def test_handed_in(self) -> None:
        """It listens on a unix socket from systemd, once, and commands do not inherit that; its
        file is systemd's and stays.
        """
        path = str(self.folder / "systemd.sock")
        descriptor = self.hand_in(path)
        inbound = self.listen(self.adopt(descriptor))
        self.successResultOf(inbound.listen())
        self.assertFalse(os.get_inheritable(descriptor))
        self.connect(socket.AF_UNIX, path)
        (client_info,) = self.relay.clients
        self.assertEqual(client_info.source, f"pid:{os.getpid()}")
        self.successResultOf(inbound.stop_listening())
        self.assertTrue(Path(path).exists())

    def test_handed_in_again(self) -> None:
        """Such a socket stays open when the inbound stops: new clients wait, and are accepted when
        it listens again.
        """
        path = self.folder / "systemd.sock"
        inbound = self.adopt(self.hand_in(str(path)))
        self.successResultOf(inbound.listen())
        inbound.stop_listening()
        client = socket.socket(socket.AF_UNIX)
        self.addCleanup(client.close)
        client.connect(str(path))
        self.listen(inbound)
        self.reactor.turn()
        self.assertEqual(len(self.relay.clients), 1)
