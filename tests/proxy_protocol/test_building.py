"""Headers that are sent."""

from __future__ import annotations

from socket import SocketKind

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.proxy_protocol.building import block_header, line_header
from pipetwist.proxy_protocol.checksum import crc32c
from pipetwist.proxy_protocol.header import Header
from pipetwist.proxy_protocol.machine import HeaderMachine
from tests.proxy_protocol.headers import block, ipv4, ipv6, tlv

_SOURCE, _DESTINATION = ("192.0.2.1", 47), ("192.0.2.2", 80)

_ADDRESSES = st.tuples(st.ip_addresses().map(str), st.integers(0, 65535))


class LineTest(SynchronousTestCase):
    """Version 1."""

    def test_families(self) -> None:
        """Both addresses are of one family, and a unix socket's client is UNKNOWN."""
        for source, destination, line in (
            (_SOURCE, _DESTINATION, b"PROXY TCP4 192.0.2.1 192.0.2.2 47 80\r\n"),
            (("fe80::1%eth0", 47), ("::1", 80), b"PROXY TCP6 fe80::1 ::1 47 80\r\n"),
            (_SOURCE, ("::1", 80), b"PROXY TCP6 ::ffff:c000:201 ::1 47 80\r\n"),
            (None, None, b"PROXY UNKNOWN\r\n"),
            (b"/x", _DESTINATION, b"PROXY UNKNOWN\r\n"),
            (_SOURCE, None, b"PROXY UNKNOWN\r\n"),
            (("somewhere.onion", 47), _DESTINATION, b"PROXY UNKNOWN\r\n"),
        ):
            built = line_header(source, destination)
            self.assertIn(built, (line, line.replace(b"c000:201", b"192.0.2.1")))


class BlockTest(SynchronousTestCase):
    """Version 2."""

    def test_families(self) -> None:
        """They are as in version 1, and a unix socket's client is LOCAL."""
        for source, destination, kind, expected in (
            (
                _SOURCE,
                _DESTINATION,
                SocketKind.SOCK_STREAM,
                block(0x21, 0x11, ipv4("192.0.2.1", "192.0.2.2", 47, 80)),
            ),
            (
                _SOURCE,
                ("::1", 80),
                SocketKind.SOCK_DGRAM,
                block(0x21, 0x22, ipv6("::ffff:192.0.2.1", "::1", 47, 80)),
            ),
            (None, None, SocketKind.SOCK_STREAM, block(0x20, 0x00, b"")),
            (b"/x", b"/y", SocketKind.SOCK_STREAM, block(0x20, 0x00, b"")),
        ):
            self.assertEqual(block_header(source, destination, kind), expected)

    def test_tlvs(self) -> None:
        """They follow the addresses."""
        tlvs = {5: b"17", 0xE0: b"alice"}
        rest = tlv(5, b"17") + tlv(0xE0, b"alice")
        self.assertEqual(
            block_header(_SOURCE, _DESTINATION, tlvs=tlvs),
            block(0x21, 0x11, ipv4("192.0.2.1", "192.0.2.2", 47, 80) + rest),
        )
        self.assertEqual(block_header(None, None, tlvs=tlvs), block(0x20, 0x00, rest))


class BothWaysTest(SynchronousTestCase):
    """What is built is read."""

    @given(_ADDRESSES, _ADDRESSES, st.dictionaries(st.sampled_from([2, 5, 0xE0]), st.binary()))
    def test_all(
        self, source: tuple[str, int], destination: tuple[str, int], tlvs: dict[int, bytes]
    ) -> None:
        """Every address is what it was; one of IPv4 in IPv6 is shown as that of IPv4."""
        for version, built in (
            (1, line_header(source, destination)),
            (2, block_header(source, destination, tlvs=tlvs)),
        ):
            machine = HeaderMachine()
            self.assertEqual(machine.take(built + b"more"), len(built))
            header = machine.header
            assert isinstance(header, Header)
            self.assertEqual(header.version, version)
            if not any(host.startswith("::ffff:") for host, _ in (source, destination)):
                self.assertEqual((header.source, header.destination), (source, destination))
            self.assertEqual(dict(header.tlvs), tlvs if version == 2 else {})

    def test_checksum(self) -> None:
        """The checksum is that of RFC 3720, whose example it has."""
        self.assertEqual(crc32c(b"123456789"), 0xE3069283)
        self.assertEqual(crc32c(bytes(32)), 0x8A9136AA)
