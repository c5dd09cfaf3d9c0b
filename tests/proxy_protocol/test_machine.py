"""Headers in whatever pieces they come, what follows them, and what is none."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import assume, given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.proxy_protocol.header import Header, HeaderError, NoHeaderError
from pipetwist.proxy_protocol.machine import MAX_HEADER_BYTES, HeaderMachine, State
from tests.proxy_protocol.headers import SIGNATURE, block, ipv4, ipv6, summed, tlv

_NAMED = ("192.0.2.1", 47), ("192.0.2.2", 80)
_GOOD = {
    b"PROXY TCP4 192.0.2.1 192.0.2.2 47 80\r\n": Header(1, *_NAMED),
    b"PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n": Header(
        1, ("255.255.255.255", 65535), ("255.255.255.255", 65535)
    ),
    b"PROXY TCP6 2001:db8::1 ::1 0 1\r\n": Header(1, ("2001:db8::1", 0), ("::1", 1)),
    b"PROXY TCP6 " + b" ".join([b":".join([b"ffff"] * 8)] * 2) + b" 65535 65535\r\n": Header(
        1, (":".join(["ffff"] * 8), 65535), (":".join(["ffff"] * 8), 65535)
    ),
    b"PROXY TCP6 ::ffff:192.0.2.1 ::ffff:c000:202 47 80\r\n": Header(1, *_NAMED),
    b"PROXY UNKNOWN\r\n": Header(1),
    b"PROXY UNKNOWN \r\n": Header(1),
    b"PROXY UNKNOWN ffff::1 what ever 65535\r\n": Header(1),
    block(0x20, 0x00, b""): Header(2),
    # Of a LOCAL one everything is to be ignored, a wrong length too.
    block(0x20, 0x11, b"abc"): Header(2),
    block(0x20, 0x77, ipv4("192.0.2.1", "192.0.2.2", 47, 80)): Header(2),
    block(0x21, 0x00, b""): Header(2),
    block(0x21, 0x00, tlv(4, b"pad")): Header(2, tlvs=((4, b"pad"),)),
    block(0x21, 0x01, b"abc"): Header(2),
    block(0x21, 0x11, ipv4("192.0.2.1", "192.0.2.2", 47, 80)): Header(2, *_NAMED),
    block(0x21, 0x12, ipv4("192.0.2.1", "192.0.2.2", 47, 80)): Header(2, *_NAMED),
    block(0x21, 0x21, ipv6("2001:db8::1", "::1", 47, 80)): Header(
        2, ("2001:db8::1", 47), ("::1", 80)
    ),
    block(0x21, 0x22, ipv6("::ffff:192.0.2.1", "::ffff:192.0.2.2", 47, 80)): Header(2, *_NAMED),
    block(0x21, 0x31, b"/run/\xe4".ljust(108, b"\0") + bytes(108)): Header(2, b"/run/\xe4", b""),
    block(0x21, 0x31, b"\0abstract".ljust(108, b"\0") + b"x" * 108): Header(
        2, b"\0abstract", b"x" * 108
    ),
    block(0x21, 0x11, ipv4("192.0.2.1", "192.0.2.2", 47, 80) + tlv(0xE0, b"alice") + tlv(9, b"")): (
        Header(2, *_NAMED, ((0xE0, b"alice"), (9, b"")))
    ),
}
_BAD = {
    b"PROXY TCP4 192.0.2.1 192.0.2.2 47 80 \r\n": "no line of the PROXY protocol",
    b"PROXY TCP4 192.0.2.1  192.0.2.2 47 80\r\n": "no line of the PROXY protocol",
    b"PROXY TCP4 192.0.2.1 192.0.2.2 +47 80\r\n": "no line of the PROXY protocol",
    b"PROXY TCP4 192.0.2.1 192.0.2.2 47 -1\r\n": "no line of the PROXY protocol",
    b"PROXY TCP4 192.0.2.1 192.0.2.2 4_7 80\r\n": "no line of the PROXY protocol",
    b"PROXY TCP4 192.0.2.1 192.0.2.2 47 80\n\r\n": "no line of the PROXY protocol",
    b"PROXY TCP4 ::1 ::1 47 80\r\n": "no line of the PROXY protocol",
    b"PROXY TCP6 fe80::1%lo ::1 47 80\r\n": "no line of the PROXY protocol",
    b"PROXY TCP6 192.0.2.1 192.0.2.2 47 80\r\n": "is no address",
    b"PROXY TCP6 1::2::3 ::1 47 80\r\n": "is no address",
    b"PROXY TCP4 192.0.2.256 192.0.2.2 47 80\r\n": "is no address",
    b"PROXY TCP4 192.0.2.01 192.0.2.2 47 80\r\n": "is no address",
    b"PROXY TCP4 192.0.2.1 192.0.2.2 65536 80\r\n": "is no address",
    b"PROXY UDP4 192.0.2.1 192.0.2.2 47 80\r\n": "no line of the PROXY protocol",
    b"PROXY UNKNOWNX\r\n": "no line of the PROXY protocol",
    b"PROXY \r\n": "no line of the PROXY protocol",
    b"PROXY UNKNOWN" + b" " * 94: "longer than 107 bytes",
    block(0x11, 0x11, b""): "version and command 0x11",
    block(0x31, 0x11, b""): "version and command 0x31",
    block(0x22, 0x11, b""): "version and command 0x22",
    block(0x21, 0x41, bytes(216)): "family and transport 0x41",
    block(0x21, 0x13, bytes(216)): "family and transport 0x13",
    block(0x21, 0x11, bytes(11)): "too short for its addresses",
    block(0x21, 0x21, bytes(35)): "too short for its addresses",
    block(0x21, 0x31, bytes(215)): "too short for its addresses",
    block(0x21, 0x11, bytes(12) + b"\1\0"): "its last TLV is cut off",
    block(0x21, 0x11, bytes(12) + b"\1\0\2x"): "its TLV 0x01 is longer than the header",
    block(0x21, 0x11, bytes(12) + tlv(3, bytes(4))): "its checksum (CRC32C) is wrong",
    block(0x21, 0x11, bytes(12) + tlv(3, b"123")): "its checksum (CRC32C) is wrong",
    block(0x21, 0x11, bytes(MAX_HEADER_BYTES - 15)): "it has 4,097 bytes, more than 4,096",
    block(0x20, 0x00, bytes(65535)): "it has 65,551 bytes, more than 4,096",
}


def _feed(machine: HeaderMachine, pieces: list[bytes]) -> bytes:
    """Give it these pieces as somebody does who looks at what has come; what it does not take."""
    waiting = b""
    for piece in pieces:
        waiting += piece
        waiting = waiting[machine.take(waiting) :]
    return waiting


def _takes(machine: HeaderMachine, pieces: list[bytes]) -> bool:
    """Whether it takes them for a header, or for the beginning of one."""
    try:
        _feed(machine, pieces)
    except HeaderError:
        return False
    return True


class HeaderMachineTest(SynchronousTestCase):
    """What it takes."""

    def test_good(self) -> None:
        """Each header is read, and nothing of what follows it is taken."""
        for sent, header in _GOOD.items():
            for after in (b"", b"\r\n", b"P", b"GET / HTTP/1.1\r\n\r\n", sent):
                machine = HeaderMachine()
                self.assertEqual(machine.take(sent + after), len(sent), sent)
                self.assertEqual(machine.header, header)
                self.assertIs(machine.state, State.COMPLETE)
                self.assertEqual(machine.take(b"more"), 0)

    def test_every_byte(self) -> None:
        """It may be cut at each byte, and into single bytes."""
        for sent, header in _GOOD.items():
            for cut in range(len(sent)):
                machine = HeaderMachine()
                self.assertEqual(_feed(machine, [sent[:cut]]), self._unclear(sent[:cut]))
                self.assertIsNone(machine.header)
                self.assertEqual(_feed(machine, [self._unclear(sent[:cut]) + sent[cut:]]), b"")
                self.assertEqual(machine.header, header)
            machine = HeaderMachine()
            rest = _feed(machine, [bytes([byte]) for byte in sent + b"more"])
            self.assertEqual((rest, machine.header), (b"more", header))

    def _unclear(self, begin: bytes) -> bytes:
        """What is left of a beginning, since it may be no header's."""
        return begin if len(begin) < (6 if begin[:1] == b"P" else len(SIGNATURE)) else b""

    def test_bad(self) -> None:
        """What is wrong is refused, however it is cut, and said."""
        for sent, why in _BAD.items():
            for pieces in ([sent], [bytes([byte]) for byte in sent[:300]], [sent[:20], sent[20:]]):
                if sum(map(len, pieces)) < len(sent) and "bytes" not in why:
                    continue
                machine = HeaderMachine()
                error = self.assertRaises(HeaderError, _feed, machine, pieces)
                self.assertIn(why, str(error), sent)
                self.assertNotIsInstance(error, NoHeaderError)
                self.assertIsNone(machine.header)

    def test_no_header(self) -> None:
        """Of what no header begins with it takes nothing, and says so at the first byte that
        differs.
        """
        for sent in (b"G", b"PROXX", b"PROXY\t", b"\r\n\r\n\0\r\nQUIT\r", b"\0"):
            machine = HeaderMachine()
            self.assertEqual(machine.take(sent[:-1]), 0)
            self.assertRaises(NoHeaderError, machine.take, sent)
            self.assertRaises(NoHeaderError, HeaderMachine().take, sent + b"more")
            self.assertIs(machine.state, State.SIGNATURE)

    def test_largest(self) -> None:
        """One of 4 KiB is taken, and no larger one."""
        padding = MAX_HEADER_BYTES - len(SIGNATURE) - 4 - 12 - 3
        machine = HeaderMachine()
        machine.take(block(0x21, 0x11, bytes(12) + tlv(4, bytes(padding))))
        nobody = ("0.0.0.0", 0)
        self.assertEqual(machine.header, Header(2, nobody, nobody, ((4, bytes(padding)),)))

    def test_checksum(self) -> None:
        """It is right in whichever order the TLVs come, and one wrong bit is found."""
        addresses = ipv4("192.0.2.1", "192.0.2.2", 47, 80)
        for family, packed in ((0x11, addresses), (0x00, b"")):
            sent = summed(family, packed, [tlv(2, b"host"), tlv(1, b"h2")])
            machine = HeaderMachine()
            machine.take(sent)
            self.assertIsNotNone(machine.header)
            for bit in range(8 * 16, 8 * len(sent)):
                wrong = bytearray(sent)
                wrong[bit // 8] ^= 1 << bit % 8
                machine = HeaderMachine()
                # But where the checksum itself has become another TLV, or nobody is named.
                if _takes(machine, [bytes(wrong)]) and machine.header is not None:
                    self.assertNotIn(3, dict(machine.header.tlvs))

    @given(st.binary(max_size=300), st.lists(st.integers(0, 300), max_size=9))
    def test_garbage(self, sent: bytes, ends: list[int]) -> None:
        """Garbage is refused, or waited for; none becomes a header."""
        assume(not sent.startswith((b"PROXY ", SIGNATURE)))  # hypothesis has read what begins one
        machine = HeaderMachine()
        pieces = [sent[a:b] for a, b in pairwise([0, *sorted(ends), len(sent)])]
        if _takes(machine, pieces):
            self.assertIsNone(machine.header)

    def test_shown(self) -> None:
        """Its repr says what it waits for."""
        machine = HeaderMachine()
        self.assertEqual(repr(machine), "<HeaderMachine 0 bytes, waits for the signature>")
        machine.take(SIGNATURE + b"\x21\x11\0")
        self.assertEqual(repr(machine), "<HeaderMachine 15 bytes, waits for the length>")
        machine.take(b"\x0c")
        self.assertEqual(repr(machine), "<HeaderMachine 16 bytes, waits for the addresses>")
