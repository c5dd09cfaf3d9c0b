"""Inbounds whose clients come by proxies: who a client is, who may say so, and what comes after."""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from twisted.internet.interfaces import IReactorSocket
from zope.interface import alsoProvides, noLongerProvides

from pipetwist.connection.cause import Cause
from pipetwist.errors import StartError
from pipetwist.inbounds.header_reader import HEADER_SECONDS
from pipetwist.inbounds.tcp import TcpInbound, TcpInboundOptions
from pipetwist.inbounds.unix import UnixInbound, UnixInboundOptions
from pipetwist.inbounds.vsock import VsockInbound, VsockInboundOptions
from pipetwist.kernel.socket_side import SocketSide
from pipetwist.kinds.user_options import UserOptions
from pipetwist.testing import RecordingReceiver
from tests.inbounds.inbound_case import InboundTestCase
from tests.proxy_protocol.headers import block, ipv6
from tests.support.scratch import free_port
from tests.support.vsock import pretend_vsock

_LINE = b"PROXY TCP4 192.0.2.1 192.0.2.2 47 80\r\n"
_BLOCK = block(0x21, 0x21, ipv6("2001:db8::1", "2001:db8::2", 47, 80))
_LOCAL = block(0x20, 0, b"")


class RefusalTest(InboundTestCase):
    """Who does not come in, on a unix socket."""

    in_kernel = True
    family: int = socket.AF_UNIX
    strangers: Sequence[str] = ("127.0.0.0/8", "::1/128", "vsock")
    peer = rf"pid:{os.getpid()} uid:{os.getuid()} gid:{os.getgid()}"

    def setUp(self) -> None:
        """Have sides be the kernel's where it accepts."""
        super().setUp()
        self.relay.outbound.in_kernel = self.in_kernel
        alsoProvides(self.reactor, IReactorSocket)

    def make(self, **options: Any) -> Any:
        """Make the inbound."""
        path = str(self.folder / "in.sock")
        return UnixInbound(
            UnixInboundOptions(tag="in", path=path, proxy_protocol=True, **options), self.context
        )

    def address(self, inbound: Any) -> Any:
        """Where it listens."""
        return inbound.options.path

    def come(self, inbound: Any, sent: bytes = b"") -> socket.socket:
        """Have a client connect and send."""
        client = self.connect(self.family, self.address(inbound))
        try:
            client.sendall(sent)
        except BrokenPipeError:
            self.assertEqual(self.relay.handled, [], "only one that is refused is closed so")
        self.turn()
        return client

    def turn(self) -> None:
        """Let happen what can."""
        for _ in range(5):
            self.reactor.turn()

    def is_closed(self, client: socket.socket) -> bool:
        """Whether the inbound has closed it."""
        self.reactor.advance(0)
        self.turn()
        try:
            return client.recv(1) == b""
        except ConnectionResetError:
            return True

    def read(self) -> bytes:
        """What comes from the last client."""
        side = self.relay.handled[-1][1]
        self.assertEqual(isinstance(side, SocketSide), self.in_kernel)
        receiver = RecordingReceiver()
        side.attach(receiver)
        side.resume_reading()
        self.turn()
        return receiver.data

    def test_refused(self) -> None:
        """One without a header, with a wrong one, or with none in 5 seconds is refused, and one
        line says so; it is counted, and its socket closed.
        """
        inbound = self.listen(self.make())
        for sent, why in (
            (b"GET / HTTP/1.1\r\n\r\n", r"it begins with b'GET / HTTP/1\.1\\r\\n\\r\\n'"),
            (_LINE.replace(b"TCP4", b"TCP5"), "b'PROXY TCP5 .* is no line of the PROXY protocol"),
            (_BLOCK[:20], "none came within 5 s"),
            (b"", "none came within 5 s"),
        ):
            client = self.come(inbound, sent)
            self.reactor.advance(HEADER_SECONDS)
            (line,) = self.said()
            self.assertRegex(
                line, f"^warn: inbound in: refused {self.peer}, which sent no PROXY header: {why}$"
            )
            self.assertEqual(self.relay.rejections, [("in", Cause.REFUSED)])
            self.assertTrue(self.is_closed(client))
            self.events.clear()
            self.relay.rejections.clear()
        self.assertEqual(self.relay.clients, [])
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_untrusted(self) -> None:
        """One that is no trusted proxy is refused, whatever it sends."""
        inbound = self.listen(self.make(trusted_proxies=("192.0.2.0/24", *self.strangers)))
        self.come(inbound, _LINE)
        (line,) = self.said()
        self.assertRegex(
            line, f"^warn: inbound in: refused {self.peer}, which is none of its trusted_proxies$"
        )
        self.assertEqual((self.relay.clients, self.relay.rejections), ([], [("in", Cause.REFUSED)]))

    def test_reload(self) -> None:
        """Who is trusted changes while it listens; whether headers are read has it listen again."""
        inbound = self.listen(self.make())
        options = replace(inbound.options, trusted_proxies=())
        self.assertTrue(inbound.can_apply(options))
        inbound.apply(options)
        self.come(inbound, _LINE)
        self.assertEqual(self.relay.clients, [])
        self.assertFalse(inbound.can_apply(replace(inbound.options, proxy_protocol=False)))

    def test_stop(self) -> None:
        """Whose header is not complete when it stops does not come in."""
        inbound = self.listen(self.make())
        client = self.come(inbound, _LINE[:20])
        self.successResultOf(inbound.stop_listening())
        self.assertTrue(self.is_closed(client))
        self.assertEqual((self.reactor.getDelayedCalls(), self.said()), ([], []))

    def test_room(self) -> None:
        """Room is kept for it meanwhile, and no longer."""
        inbound = self.listen(self.make())
        share = self.context.shares.share("in")
        before = repr(share)
        client = self.come(inbound, _LINE[:20])
        self.assertNotEqual(repr(share), before)
        client.close()
        self.turn()
        self.assertEqual(repr(share), before)

    def test_gone(self) -> None:
        """One that goes in the middle is refused."""
        inbound = self.listen(self.make())
        self.come(inbound, _LINE[:20]).close()
        self.turn()
        self.assertIn("it ended before that", self.said()[0])


class UnixTest(RefusalTest):
    """Who comes in, on a unix socket."""

    def test_named(self) -> None:
        """The client is whom the header names, and its bytes begin after that, also where both come
        together; it is read in pieces as well.
        """
        inbound = self.listen(self.make())
        for sent, peer, source, address, destination in (
            (_LINE, "192.0.2.1:47", "192.0.2.1", ("192.0.2.1", 47), ("192.0.2.2", 80)),
            (_BLOCK, "[2001:db8::1]:47", "2001:db8::1", ("2001:db8::1", 47), ("2001:db8::2", 80)),
        ):
            for cut in (0, 3, 13, len(sent)):
                client = self.come(inbound, sent[:cut])
                if cut < len(sent):
                    self.assertEqual(self.relay.clients, [])
                client.sendall(sent[cut:] + b"hello")
                self.reactor.advance(0.1)
                self.turn()
                (client_info,) = self.relay.clients
                self.assertEqual(client_info[:4], ("in", peer, source, None))
                self.assertEqual(
                    (client_info.address, client_info.destination), (address, destination)
                )
                self.assertEqual(self.read(), b"hello")
                self.relay.clients.clear()
        self.assertEqual(self.said(), [])

    def test_unix_source(self) -> None:
        """A path in a header is shown as one, without what can't be printed."""
        inbound = self.listen(self.make())
        for path, shown in (
            (b"/run/x.sock", "unix:/run/x.sock"),
            (b"\0x\n\xe4", r"unix:\x00x\x0a\xe4"),
            (b"", "unix"),
        ):
            self.come(inbound, block(0x21, 0x31, path.ljust(108, b"\0") + bytes(108)))
            client_info = self.relay.clients.pop()
            self.assertEqual((client_info.peer, client_info.source), (shown, shown))
            self.assertIsNone(client_info.address)

    def test_nobody_named(self) -> None:
        """With LOCAL and UNKNOWN the client is the peer."""
        inbound = self.listen(self.make())
        for sent in (_LOCAL, b"PROXY UNKNOWN\r\n", block(0x21, 0, b"")):
            self.come(inbound, sent + b"hello")
            client_info = self.relay.clients.pop()
            self.assertRegex(client_info.peer, f"^{self.peer}$")
            self.assertIsNone(client_info.destination)
            self.assertEqual(self.read(), b"hello")

    def test_untrusted_as_it_is(self) -> None:
        """Where headers need not be, it is taken as it is, its bytes unread, header or not."""
        inbound = self.listen(
            self.make(trusted_proxies=("192.0.2.0/24",), proxy_protocol_accept_no_header=True)
        )
        for sent in (_LINE, b"hello", b""):
            self.come(inbound, sent)
            self.assertRegex(self.relay.clients.pop().peer, f"^{self.peer}$")
            self.assertEqual(self.read(), sent)

    def test_without(self) -> None:
        """Where headers need not be, a trusted one has none that begins with something else, or is
        silent; a wrong header is refused all the same.
        """
        inbound = self.listen(self.make(proxy_protocol_accept_no_header=True))
        for sent, seconds in ((b"GET /", 0.0), (b"PRO", HEADER_SECONDS), (b"", HEADER_SECONDS)):
            self.come(inbound, sent)
            self.reactor.advance(seconds)
            self.assertRegex(self.relay.clients.pop().peer, f"^{self.peer}$")
            self.assertEqual(self.read(), sent)
        self.come(inbound, _LINE)
        self.assertEqual(self.relay.clients.pop().source, "192.0.2.1")
        self.assertEqual(self.said(), [])
        self.come(inbound, _LINE.replace(b"TCP4", b"TCP5"))
        self.assertIn("is no line of the PROXY protocol", self.said()[0])


class UnixUsersTest(InboundTestCase):
    """Users of a unix socket."""

    def test_users(self) -> None:
        """A source makes nobody a user by who the proxy is; without one the peer is who it is."""
        options = UnixInboundOptions(
            tag="in",
            path=str(self.folder / "in.sock"),
            proxy_protocol=True,
            users=(UserOptions(name="proxy", uid=os.getuid()),),
        )
        inbound = self.listen(UnixInbound(options, self.context))
        for sent in (_LINE, block(0x21, 0x31, bytes(216))):
            self.connect(socket.AF_UNIX, options.path).sendall(sent)
            self.reactor.turn()
        self.assertEqual(self.relay.clients, [])
        self.assertEqual(
            self.said(),
            [
                "warn: inbound in: refused 192.0.2.1:47, which is not one of its users",
                "warn: inbound in: refused unix, which is not one of its users",
            ],
        )
        self.connect(socket.AF_UNIX, options.path).sendall(_LOCAL)
        self.reactor.turn()
        self.assertEqual(self.relay.clients[0].user, "proxy")
        self.successResultOf(inbound.stop_listening())

    def test_source(self) -> None:
        """A source makes its client a user by address."""
        office = UserOptions(name="office", source=("192.0.2.0/24",))
        options = UnixInboundOptions(
            tag="in", path=str(self.folder / "in.sock"), proxy_protocol=True, users=(office,)
        )
        inbound = self.listen(UnixInbound(options, self.context))
        for sent in (_LINE, _LOCAL):
            self.connect(socket.AF_UNIX, options.path).sendall(sent)
            self.reactor.turn()
        self.assertEqual([client.user for client in self.relay.clients], ["office"])
        self.assertEqual(len(self.said()), 1)
        self.successResultOf(inbound.stop_listening())


class SourcesTest(InboundTestCase):
    """Users by address."""

    def test_sources(self) -> None:
        """A user's address is that which the header names, and not the proxy's."""
        users = (
            UserOptions(name="proxy", source=("127.0.0.0/8",)),
            UserOptions(name="alice", source=("192.0.2.0/24",)),
        )
        options = TcpInboundOptions(tag="in", listen_port=0, proxy_protocol=True, users=users)
        alsoProvides(self.reactor, IReactorSocket)
        inbound = self.listen(TcpInbound(options, self.context))
        for sent in (_LINE, _LOCAL, _BLOCK):
            self.connect(socket.AF_INET, ("127.0.0.1", inbound.port)).sendall(sent)
            self.reactor.turn()
        self.assertEqual([one.user for one in self.relay.clients], ["alice", "proxy"])
        self.assertEqual(
            self.said(),
            ["warn: inbound in: refused [2001:db8::1]:47, which is not one of its users"],
        )


class UnixStreamTest(UnixTest):
    """The same on Twisted's transports."""

    in_kernel = False


class TcpTest(UnixTest):
    """On a TCP port."""

    family = socket.AF_INET
    strangers = ("unix", "vsock")
    peer = r"127\.0\.0\.1:\d+"

    def make(self, **options: Any) -> Any:
        """Make the inbound."""
        return TcpInbound(
            TcpInboundOptions(tag="in", listen_port=0, proxy_protocol=True, **options),
            self.context,
        )

    def address(self, inbound: Any) -> Any:
        """Where it listens."""
        return "127.0.0.1", inbound.port


class TcpStreamTest(TcpTest):
    """The same on Twisted's transports."""

    in_kernel = False

    def test_no_sockets(self) -> None:
        """A reactor that takes no sockets can't listen so."""
        noLongerProvides(self.reactor, IReactorSocket)
        failure = self.failureResultOf(self.make().listen(), StartError)
        self.assertIn(
            "inbound in: proxy_protocol: this reactor takes no sockets", str(failure.value)
        )


class VsockTest(UnixTest):
    """On a port of vsock, whose sockets are TCP ones here."""

    family = socket.AF_INET
    strangers = ("unix",)
    peer = r"(vsock:)?127\.0\.0\.1:\d+"

    def setUp(self) -> None:
        """Choose the port."""
        super().setUp()
        pretend_vsock(self)
        self.port = free_port(self)

    def make(self, **options: Any) -> Any:
        """Make the inbound."""
        return VsockInbound(
            VsockInboundOptions(tag="in", port=self.port, proxy_protocol=True, **options),
            self.context,
        )

    def address(self, inbound: Any) -> Any:
        """Where it listens."""
        return "127.0.0.1", self.port
