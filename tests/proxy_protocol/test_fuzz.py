"""Ten thousand headers, most of them wrong somewhere, and a second reader of the specification."""

from __future__ import annotations

import random
import re
import socket
import struct
from typing import Final

from twisted.trial.unittest import SynchronousTestCase

from pipetwist.proxy_protocol.checksum import crc32c
from pipetwist.proxy_protocol.header import Header, HeaderError
from pipetwist.proxy_protocol.machine import HeaderMachine
from tests.proxy_protocol.headers import SIGNATURE, block, ipv4, ipv6, summed, tlv

_COUNT: Final = 10_000
_FAMILIES: Final = {1: socket.AF_INET, 2: socket.AF_INET6}


def _expected(sent: bytes) -> tuple[int, object] | None:
    """How long the header is, and whom it names: an address and a port, or None for the peer. None
    where what was sent is none, or not all of it.
    """
    if sent.startswith(b"PROXY "):
        return _expected_line(sent)
    if not sent.startswith(SIGNATURE) or len(sent) < 16:
        return None
    command, family, size = struct.unpack_from("!BBH", sent, 12)
    end = 16 + size
    if command not in (0x20, 0x21) or end > 4096 or end > len(sent):
        return None
    if command == 0x20:
        return end, None
    kind, transport = divmod(family, 16)
    if kind > 3 or transport > 2:
        return None
    if (kind == 0) != (transport == 0):
        return end, None
    at = 16 + (0, 12, 36, 216)[kind]
    if at > end or not _tlvs_are_right(sent[:end], at):
        return None
    if kind == 3:
        return end, sent[16:124].rstrip(b"\0")
    if kind == 0:
        return end, None
    half = (at - 16 - 4) // 2
    host = socket.inet_ntop(_FAMILIES[kind], sent[16 : 16 + half])
    (port,) = struct.unpack_from("!H", sent, at - 4)
    return end, (host.removeprefix("::ffff:") if "." in host else host, port)


def _tlvs_are_right(header: bytes, at: int) -> bool:
    while at < len(header):
        if at + 3 > len(header):
            return False
        kind, size = struct.unpack_from("!BH", header, at)
        at += 3 + size
        if at > len(header):
            return False
        if kind == 3:
            zeroed = header[: at - size] + bytes(size) + header[at:]
            if size != 4 or struct.pack("!L", crc32c(zeroed)) != header[at - 4 : at]:
                return False
    return True


def _expected_line(sent: bytes) -> tuple[int, object] | None:
    end = sent[:107].find(b"\r\n") + 2
    line = sent[:end]
    if re.fullmatch(rb"PROXY UNKNOWN( [^\n\r]*)?\r\n", line):
        return end, None
    words = line[:-2].decode("latin-1").split(" ")
    if len(words) != 6:
        return None
    family = {"TCP4": socket.AF_INET, "TCP6": socket.AF_INET6}.get(words[1])
    if family is None or not all(
        re.fullmatch("[0-9]{1,5}", port) and int(port) < 65536 for port in words[4:]
    ):
        return None
    try:
        packed = [socket.inet_pton(family, address) for address in words[2:4]]
    except (OSError, ValueError):
        return None
    host = socket.inet_ntop(family, packed[0])
    return end, (host.removeprefix("::ffff:") if "." in host else host, int(words[4]))


class FuzzTest(SynchronousTestCase):
    """Each is taken or refused as the specification says."""

    def test_headers(self) -> None:
        """However it is cut, and whatever comes after it."""
        chance = random.Random(2)
        taken = refused = 0
        for _ in range(_COUNT):
            sent = self._mutated(chance, self._header(chance))
            machine = HeaderMachine()
            expected = _expected(sent)
            used = self._use(machine, sent, chance)
            if expected is None:
                self.assertIsNone(machine.header, sent)
                refused += 1
            else:
                header = machine.header
                assert isinstance(header, Header), sent
                self.assertEqual((used, header.source), expected, sent)
                taken += 1
        # As many as make the comparison worth something.
        self.assertGreater(taken, _COUNT // 5)
        self.assertGreater(refused, _COUNT // 5)

    def _use(self, machine: HeaderMachine, sent: bytes, chance: random.Random) -> int:
        """Let it take what it wants; how much that was."""
        used = seen = 0
        while seen < len(sent):
            seen = min(seen + chance.choice((1, 2, 5, 16, 50, 5000)), len(sent))
            try:
                used += machine.take(sent[used:seen])
            except HeaderError:
                return used
        return used

    def _header(self, chance: random.Random) -> bytes:
        ports = chance.randrange(65536), chance.randrange(65536)
        four = [socket.inet_ntoa(chance.randbytes(4)) for _ in range(2)]
        six = [socket.inet_ntop(socket.AF_INET6, chance.randbytes(16)) for _ in range(2)]
        tlvs = [
            tlv(chance.choice((1, 2, 4, 5, 0xE0)), chance.randbytes(chance.randrange(9)))
            for _ in range(chance.randrange(3))
        ]
        rest = b"".join(tlvs)
        return chance.choice(
            (
                f"PROXY TCP4 {' '.join(four)} {ports[0]} {ports[1]}\r\n".encode(),
                f"PROXY TCP6 {' '.join(six)} {ports[0]} {ports[1]}\r\n".encode(),
                b"PROXY UNKNOWN\r\n",
                block(0x20, 0, rest),
                block(0x21, 0x11, ipv4(four[0], four[1], *ports) + rest),
                block(0x21, 0x22, ipv6(six[0], six[1], *ports) + rest),
                block(0x21, 0x31, b"/x".ljust(216, b"\0") + rest),
                summed(0x11, ipv4(four[0], four[1], *ports), tlvs),
                summed(0x21, ipv6(six[0], six[1], *ports), tlvs),
            )
        )

    def _mutated(self, chance: random.Random, sent: bytes) -> bytes:
        wrong = bytearray(sent)
        for _ in range(chance.choice((0, 0, 1, 1, 2, 3))):
            at = chance.randrange(len(wrong))
            change = chance.randrange(4)
            if change == 0:
                wrong[at] ^= 1 << chance.randrange(8)
            elif change == 1:
                del wrong[at]
            elif change == 2:
                wrong.insert(at, chance.choice(b" 0129:.\r\n\0AF"))
            else:
                wrong[at] = chance.choice(b"\0 \x11\x12\x20\x21\x22\xff09")
        return bytes(wrong) + chance.choice((b"", b"x", chance.randbytes(40)))
