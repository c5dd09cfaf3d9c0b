"""The kernel's tables of sockets, as text."""

from __future__ import annotations

import socket
import sys
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.plugins.socket_table import (
    UNCONNECTED,
    SocketOwner,
    address_text,
    bound_to,
    listeners_on,
    owner_at,
    row_of,
)

# As Linux writes them (get_tcp4_sock, get_tcp6_sock): a listening socket, a connected one, one that
# nobody has any more; and a listening one of IPv6.
_TABLE = b"""\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4711 1 0
   1: 0100007F:8393 0100007F:1F90 01 00000000:00000000 02:000015FF 00000000  1001        0 4712 2 0
   2: 0100007F:8394 0100007F:1F90 06 00000000:00000000 03:000015FF 00000000     0        0 0 3 0
"""
_TABLE6 = b"""\
  sl  local_address                         remote_address                        st tx_queue ...
   0: 00000000000000000000000001000000:1F90 00000000000000000000000000000000:0000 0A \
00000000:00000000 00:00000000 00000000     7        0 4713 1 0
"""
# Of UDP (udp4_format_sock): one without a peer, one with the port 8080 as its peer's, and one that
# has the same port as the first at another address.
_UDP_TABLE = b"""\
   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   19: 0100007F:1F90 00000000:0000 07 00000000:00000000 00:00000000 00000000  1000        0 4714 2 0
 5123: 0100007F:8393 0100007F:1F90 01 00000000:00000000 00:00000000 00000000  1001        0 4715 2 0
  640: 0200007F:1F90 0100007F:0035 01 00000000:00000000 00:00000000 00000000     0        0 4716 2 0
"""


def connected_owner(
    table: bytes, local: tuple[str, int], remote: tuple[str, int]
) -> SocketOwner | None:
    """The owner of a connected socket, as it is looked up in a whole table."""
    start = table.find(row_of(local, remote))
    return None if start < 0 else owner_at(table, start)


class TableTest(SynchronousTestCase):
    """What they say of a socket."""

    def setUp(self) -> None:
        """The tables are those of a machine with this byte order."""
        if sys.byteorder != "little":
            self.skipTest("the tables are written as on a machine whose words are little-endian")

    def test_addresses(self) -> None:
        """Addresses are written word by word."""
        self.assertEqual(address_text("127.0.0.1"), "0100007F")
        self.assertEqual(address_text("::1"), "00000000000000000000000001000000")
        self.assertEqual(address_text("::ffff:127.0.0.1"), "0000000000000000FFFF00000100007F")
        self.assertRaises(ValueError, address_text, "localhost")

    def test_listeners(self) -> None:
        """Those that listen on the port are found, with who owns them, and no connected one."""
        self.assertEqual(list(listeners_on(_TABLE, 8080)), [("0100007F", 1000, 4711)])
        self.assertEqual(list(listeners_on(_TABLE, 0x8393)), [])
        self.assertEqual(list(listeners_on(_TABLE6, 8080)), [(address_text("::1"), 7, 4713)])

    def test_datagrams(self) -> None:
        """Those that have the port of UDP are found, with and without a peer, and those without."""
        first, other = ("0100007F", 1000, 4714), ("0200007F", 0, 4716)
        self.assertEqual(list(listeners_on(_UDP_TABLE, 8080, UNCONNECTED)), [first])
        self.assertEqual(list(bound_to(_UDP_TABLE, 8080)), [first, other])
        self.assertEqual(list(bound_to(_UDP_TABLE, 0x8393)), [("0100007F", 1001, 4715)])
        self.assertEqual(list(bound_to(_UDP_TABLE, 0x35)), [])

    def test_connected(self) -> None:
        """The owner of the other end of a connection is found; one that is gone is none."""
        ours = ("127.0.0.1", 8080)
        self.assertEqual(
            connected_owner(_TABLE, ("127.0.0.1", 0x8393), ours), ("0100007F", 1001, 4712)
        )
        self.assertIsNone(connected_owner(_TABLE, ("127.0.0.1", 0x8394), ours))
        self.assertIsNone(connected_owner(_TABLE, ("127.0.0.1", 0x8395), ours))

    @given(st.integers(0, 2**32 - 1).map(IPv4Address) | st.integers(0, 2**128 - 1).map(IPv6Address))
    def test_any_address(self, address: IPv4Address | IPv6Address) -> None:
        """An address is its words, each from its last byte to its first."""
        text = address_text(str(address))
        words = [text[at : at + 8] for at in range(0, len(text), 8)]
        packed = b"".join(bytes.fromhex(word)[::-1] for word in words)
        self.assertEqual(packed, address.packed)

    @given(st.binary(max_size=300), st.integers(0, 65535))
    def test_any_text(self, text: bytes, port: int) -> None:
        """In lines that are none it finds nothing."""
        garbage = text.replace(b":", b"")
        self.assertEqual(list(listeners_on(garbage, port)), [])
        self.assertEqual(list(bound_to(garbage, port)), [])
        self.assertIsNone(connected_owner(garbage, ("127.0.0.1", port), ("127.0.0.1", 1)))


class KernelTest(SynchronousTestCase):
    """The table of this machine."""

    def test_own_socket(self) -> None:
        """A socket of this process is found there."""
        with socket.create_server(("127.0.0.1", 0)) as server:
            table = Path("/proc/net/tcp").read_bytes()
            (owner,) = listeners_on(table, server.getsockname()[1])
            self.assertEqual(owner.address, address_text("127.0.0.1"))
