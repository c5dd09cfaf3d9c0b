"""The inbound ``vsock``, whose sockets are TCP ones; see `pretend_vsock`."""

from __future__ import annotations

import socket

from pipetwist.errors import StartError
from pipetwist.inbounds import vsock
from pipetwist.inbounds.context import InboundContext
from pipetwist.inbounds.vsock import VsockInbound, VsockInboundOptions
from pipetwist.network import inherited
from pipetwist.network.listeners import ListenerTable
from pipetwist.values.bind_address import ANY_CID, VsockAddress
from tests.inbounds.inbound_case import InboundTestCase
from tests.support.documents import problems
from tests.support.scratch import free_port
from tests.support.vsock import pretend_vsock

_WRITE = "write a whole number from 0 to 4294967294"


class VsockInboundTest(InboundTestCase):
    """An inbound on a port."""

    def setUp(self) -> None:
        """Choose the port."""
        super().setUp()
        pretend_vsock(self)
        self.port = free_port(self)

    def make(self, context: InboundContext | None = None) -> VsockInbound:
        """Make it, at any cid."""
        return VsockInbound(VsockInboundOptions(tag="in", port=self.port), context or self.context)

    def test_client(self) -> None:
        """A client is known by its machine's cid and its port, and is no user."""
        inbound = self.listen(self.make())
        client = self.connect(socket.AF_INET, ("127.0.0.1", self.port))
        (client_info,) = self.relay.clients
        own = client.getsockname()[1]
        # Of these sockets what stands in the place of a cid is an address.
        self.assertEqual(
            (client_info.peer, client_info.source, client_info.user),
            (f"vsock:127.0.0.1:{own}", "vsock:127.0.0.1", None),
        )
        self.assertEqual(inbound.claims, (VsockAddress(ANY_CID, self.port),))
        (event,) = self.events
        self.assertEqual(event["where"], f"vsock::{self.port}")

    def test_stops(self) -> None:
        """Nobody can connect once it has stopped, and it can listen again."""
        inbound = self.listen(self.make())
        self.successResultOf(inbound.listen())
        self.successResultOf(inbound.stop_listening())
        self.assertRaises(
            ConnectionRefusedError, self.connect, socket.AF_INET, ("127.0.0.1", self.port)
        )
        self.assertEqual(len(self.context.listeners), 0)
        self.listen(inbound)
        self.connect(socket.AF_INET, ("127.0.0.1", self.port))
        self.assertEqual(len(self.relay.clients), 1)

    def test_taken(self) -> None:
        """A port that another listens at is an error with its address."""
        self.listen(self.make())
        error = self.failureResultOf(self.make().listen(), StartError)
        self.assertEqual(
            str(error.value),
            f"inbound in: can't listen on vsock::{self.port}: Address already in use",
        )

    def test_inherited(self) -> None:
        """It listens with a socket of its address that was handed in, and leaves that open."""
        opened = socket.create_server(("127.0.0.1", self.port))
        self.addCleanup(opened.close)
        self.patch(inherited, "bound_address", lambda _: VsockAddress(ANY_CID, self.port))
        listeners = ListenerTable([opened.fileno()])
        context = InboundContext(
            self.reactor, self.relay, log=self.context.log, listeners=listeners
        )
        inbound = self.listen(self.make(context))
        self.connect(socket.AF_INET, ("127.0.0.1", self.port))
        self.assertEqual(len(self.relay.clients), 1)
        self.assertIn("on an inherited socket", str(self.events[0]["whose"]))
        self.successResultOf(inbound.stop_listening())
        self.connect(socket.AF_INET, ("127.0.0.1", self.port))  # it waits there


class VsockOptionsTest(InboundTestCase):
    """What a configuration says of it."""

    def test_numbers(self) -> None:
        """A cid and a port are numbers of 32 bits, but for the one that means any."""
        document = {
            "inbounds": [{"type": "vsock", "tag": "a", "cid": 2**32 - 1, "port": -1}],
            "outbounds": [{"type": "vsock", "tag": "out", "port": 2**32 - 1}],
        }
        self.assertEqual(
            problems(document, "linux"),
            [
                f"inbounds[0].cid: 4294967295 is not a cid; {_WRITE}",
                f"inbounds[0].port: -1 is not a port of vsock; {_WRITE}",
                f"outbounds[0].port: 4294967295 is not a port of vsock; {_WRITE}",
                "outbounds[0].cid: this required key is missing",
            ],
        )

    def test_here(self) -> None:
        """The check of a machine asks for vsock and the cid."""
        asked: list[tuple[str, int]] = []
        self.patch(vsock, "check_vsock", lambda label, cid: asked.append((label, cid)))
        VsockInboundOptions(tag="a", port=1).check_here()
        VsockInboundOptions(tag="b", cid=3, port=1).check_here()
        self.assertEqual(asked, [("inbound a", ANY_CID), ("inbound b", 3)])
