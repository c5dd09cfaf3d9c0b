"""Datagrams that come by proxies, and those that say who their client is."""

from __future__ import annotations

import socket
from dataclasses import replace
from typing import Any

from pipetwist.datagram.proxied import HeadedDatagramSocketSide
from tests.proxy_protocol.headers import block, ipv4, ipv6, summed
from tests.support.datagram_case import DatagramCase

_ALICE = block(0x21, 0x12, ipv4("192.0.2.1", "192.0.2.9", 47, 53))
_BOB = block(0x21, 0x22, ipv6("2001:db8::1", "2001:db8::9", 47, 53))
_LOCAL = block(0x20, 0, b"")


class UdpTest(DatagramCase):
    """A header before each datagram, on the way in and on the way out."""

    inbound_options: dict[str, Any] = {"proxy_protocol": True}  # noqa: RUF012 - see DatagramCase
    outbound_options: dict[str, Any] = {"proxy_protocol": 2}  # noqa: RUF012 - see DatagramCase

    def test_named(self) -> None:
        """The client is whom the header names, and the server is told that before each datagram;
        answers go back without a header, and none is counted.
        """
        client = self.client()
        for datagram in (b"one", b"", b"three"):
            client.send(_ALICE + datagram)
            self.came(self.server, _ALICE + datagram, others=(client,))
            self.server.send(b"answer")
            self.came(client, b"answer", others=(self.server,))
        self.assertEqual((self.open, self.counted()), (1, (8, 18)))
        (connection,) = self.service.relay.connection_table.connections()
        client_info = connection.client_info
        self.assertEqual(
            (client_info.peer, client_info.source, client_info.address, client_info.destination),
            ("192.0.2.1:47", "192.0.2.1", ("192.0.2.1", 47), ("192.0.2.9", 53)),
        )
        self.assertIsInstance(connection.server, HeadedDatagramSocketSide)

    def test_two_clients(self) -> None:
        """Each client that a proxy names is an association of its own, whose answers all go to the
        proxy; so is the proxy itself.
        """
        client = self.client()
        local = client.socket.getsockname()
        for header in (_ALICE, _BOB, _ALICE, _LOCAL):
            client.send(header + b"x")
        self.until([client, self.server], lambda: len(self.server.came) == 4, "all of them")
        self.assertEqual(self.open, 3)
        own = _LOCAL
        if isinstance(local, tuple):
            own = block(0x21, 0x12, ipv4("127.0.0.1", "127.0.0.1", local[1], self.inbound.port))
        self.assertEqual(
            sorted(self.server.came), sorted(one + b"x" for one in (_ALICE, _ALICE, _BOB, own))
        )

    def test_two_proxies(self) -> None:
        """A client that two proxies name is two associations, and each proxy gets its own
        answers.
        """
        ends = self.client("1"), self.client("2")
        for end in ends:
            end.send(_ALICE + b"x")
            self.came(self.server, _ALICE + b"x", others=ends)
        self.assertEqual(self.open, 2)
        self.server.send(b"to the second")
        self.came(ends[1], b"to the second", others=(self.server,))
        self.assertEqual(ends[0].came, [])

    def test_many(self) -> None:
        """Many come in order, each with its header."""
        client = self.client()
        sent = [_ALICE + b"%d" % number for number in range(60)]
        for datagram in sent:
            client.send(datagram)
        self.came(self.server, *sent, others=(client,))
        self.assertEqual(self.open, 1)

    def test_refused(self) -> None:
        """What has no header, or a wrong one, is dropped, and one line says so; a header of version
        1 is none here.
        """
        client = self.client()
        summed_wrongly = summed(0x12, ipv4("192.0.2.1", "192.0.2.9", 47, 53))[:-1] + b"x"
        for sent in (
            b"",
            b"hello",
            b"PROXY TCP4 192.0.2.1 192.0.2.2 47 80\r\nhello",
            _ALICE[:20],
            summed_wrongly,
        ):
            client.send(sent)
        client.send(_ALICE + b"good")
        self.came(self.server, _ALICE + b"good", others=(client,))
        self.assertEqual(self.inbound.dropped, 5)
        self.assertEqual(len(self.warnings()), 4)
        self.assertIn("whose datagram is not taken: it has no header", self.warnings()[0])

    def test_reload(self) -> None:
        """Who is trusted changes while it listens; whether headers are read has it listen again."""
        client = self.client()
        options = replace(self.inbound.options, trusted_proxies=())
        self.assertTrue(self.inbound.can_apply(options))
        self.inbound.apply(options)
        client.send(_ALICE + b"x")
        self.loop.until(lambda: self.inbound.dropped == 1, "it to be dropped")
        self.assertFalse(self.inbound.can_apply(replace(options, proxy_protocol=False)))


class UnixgramTest(UdpTest):
    """The same on unix sockets."""

    clients = "unixgram"
    servers = "unixgram"


class PlainTest(UdpTest):
    """The same with what every system has."""

    plain = True


class UntrustedTest(DatagramCase):
    """A sender that is no trusted proxy."""

    inbound_options: dict[str, Any] = {  # noqa: RUF012 - see DatagramCase
        "proxy_protocol": True,
        "trusted_proxies": ("192.0.2.0/24",),
    }

    def test_dropped(self) -> None:
        """What it sends is dropped, and one line says so."""
        client = self.client()
        for _ in range(3):
            client.send(_ALICE + b"x")
        self.loop.until(lambda: self.inbound.dropped == 3, "them to be dropped")
        (line,) = self.warnings()
        self.assertIn("which is none of its trusted_proxies", line)
        self.assertEqual(self.open, 0)


class AsItIsTest(DatagramCase):
    """One that need not have headers, and is not trusted."""

    inbound_options: dict[str, Any] = {  # noqa: RUF012 - see DatagramCase
        "proxy_protocol": True,
        "trusted_proxies": ("192.0.2.0/24",),
        "proxy_protocol_accept_no_header": True,
    }

    def test_as_it_is(self) -> None:
        """Its datagrams are taken as they are, what looks like a header too."""
        client = self.client()
        for sent in (_ALICE + b"x", b"hello"):
            client.send(sent)
            self.came(self.server, sent, others=(client,))
        (connection,) = self.service.relay.connection_table.connections()
        self.assertEqual(connection.client_info.source, "127.0.0.1")


class OptionalTest(DatagramCase):
    """A trusted one that need not have headers."""

    inbound_options: dict[str, Any] = {  # noqa: RUF012 - see DatagramCase
        "proxy_protocol": True,
        "proxy_protocol_accept_no_header": True,
    }

    def test_both(self) -> None:
        """With a header it is the client's, without one its own; a wrong one is dropped."""
        client = self.client()
        client.send(b"hello")
        client.send(_ALICE + b"x")
        client.send(_ALICE[:20])
        client.send(b"again")
        self.until([client, self.server], lambda: len(self.server.came) == 3, "three")
        self.assertEqual(sorted(self.server.came), [b"again", b"hello", b"x"])
        self.assertEqual((self.open, self.inbound.dropped), (2, 1))


class FamilyTest(DatagramCase):
    """An association that does not come by a proxy."""

    outbound_options: dict[str, Any] = {"proxy_protocol": 2}  # noqa: RUF012 - see DatagramCase

    def test_own(self) -> None:
        """Its server is told its address, and where it was sent to."""
        client = self.client()
        client.send(b"x")
        port = client.socket.getsockname()[1]
        header = block(0x21, 0x12, ipv4("127.0.0.1", "127.0.0.1", port, self.inbound.port))
        self.came(self.server, header + b"x", others=(client,))
        self.assertEqual(client.socket.family, socket.AF_INET)
