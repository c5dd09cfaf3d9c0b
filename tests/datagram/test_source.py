"""Where a datagram came from, as the kernel writes it."""

from __future__ import annotations

import socket
import struct

from twisted.trial.unittest import SynchronousTestCase

from pipetwist.datagram.context import DatagramContext
from pipetwist.datagram.source import source_of
from tests.support.datagram_ends import datagram_socket
from tests.support.memory_transport import TurningReactor

_HEADER = struct.Struct("@Nii")  # struct cmsghdr, cmsg(3)
_HERE = bytes([127, 0, 0, 9])
_HERE6 = bytes([0x20, 1, 0xD, 0xB8, *[0] * 11, 9])
_INTERFACE = 0x01020304  # a number of which every byte says whether it is left


class AnsweringTest(SynchronousTestCase):
    """Sockets for every address, which get the address that a datagram was sent to, and the
    interface that it was received on.
    """

    def test_internet(self) -> None:
        """An answer over IPv4 leaves from the address that was sent to, and by whatever interface
        the route names.
        """
        name = (
            struct.pack("@H", socket.AF_INET)
            + struct.pack("!H", 7)
            + bytes([127, 0, 0, 1])
            + bytes(8)
        )
        header = _HEADER.pack(_HEADER.size + 12, socket.IPPROTO_IP, 8)
        # struct in_pktinfo, ip(7)
        source = source_of(name, header + struct.pack("@I", _INTERFACE) + _HERE + _HERE)
        self.assertEqual(
            (source.host, source.port, source.named, source.address), ("127.0.0.1", 7, True, None)
        )
        self.assertEqual((source.name, source.control), (name, header + bytes(4) + _HERE + _HERE))

    def test_internet_6(self) -> None:
        """So does an answer over IPv6."""
        name = (
            struct.pack("@H", socket.AF_INET6)
            + struct.pack("!H", 7)
            + bytes(4)
            + bytes(15)
            + b"\1"
            + bytes(4)
        )
        header = _HEADER.pack(_HEADER.size + 20, socket.IPPROTO_IPV6, 50)
        # struct in6_pktinfo, ipv6(7)
        source = source_of(name, header + _HERE6 + struct.pack("@I", _INTERFACE))
        self.assertEqual(
            (source.host, source.port, source.named, source.address), ("::1", 7, True, None)
        )
        self.assertEqual((source.name, source.control), (name, header + _HERE6 + bytes(4)))

    def test_kernel(self) -> None:
        """What the kernel itself writes names the interface where it is looked for."""
        for family, every, chosen, at in (
            (socket.AF_INET, "0.0.0.0", "127.0.0.9", 0),
            (socket.AF_INET6, "::", "::1", 16),
        ):
            option = (
                (socket.IPPROTO_IP, 8)
                if family == socket.AF_INET
                else (socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO)
            )
            anywhere, client = (datagram_socket(family, (every, 0)) for _ in range(2))
            self.addCleanup(anywhere.close)
            self.addCleanup(client.close)
            anywhere.setsockopt(*option, 1)
            client.sendto(b"?", (chosen, anywhere.getsockname()[1]))
            batch = DatagramContext(TurningReactor()).from_network(family, anywhere=True)
            self.assertEqual(batch.receive(anywhere, connected=False), 1)
            ((_, _, key),) = batch.runs()
            control = batch.source(key).control
            told, answered = (
                struct.unpack_from("@I", one, _HEADER.size + at)[0]
                for one in (key[-len(control) :], control)
            )
            self.assertNotEqual(told, 0)
            self.assertEqual(answered, 0)
