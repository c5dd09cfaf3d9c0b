"""Addresses, and how two of them stand to each other."""

from __future__ import annotations

import socket

from twisted.trial.unittest import SynchronousTestCase

from pipetwist.values.bind_address import (
    ANY_CID,
    BindAddress,
    PortAddress,
    UnixAddress,
    VsockAddress,
    bound_address,
)
from tests.support.scratch import scratch_folder


class OverlapTest(SynchronousTestCase):
    """Two that something listens at."""

    def relation(
        self, one: BindAddress, other: BindAddress, platform: str = "linux"
    ) -> tuple[bool, bool]:
        """Whether they overlap for certain, and whether they may; whichever is asked."""
        here = (one.overlaps(other, platform), one.may_overlap(other))
        self.assertEqual(here, (other.overlaps(one, platform), other.may_overlap(one)))
        return here

    def test_ports(self) -> None:
        """Of one port it is certain where the addresses are alike or one is all of them, and
        possible elsewhere.
        """
        for one, other, expected in (
            ("127.0.0.1", "127.0.0.1", (True, True)),
            ("::", "127.0.0.1", (True, True)),
            ("0.0.0.0", "::1", (False, True)),
            ("127.0.0.1", "relay.example", (False, True)),
        ):
            self.assertEqual(
                self.relation(PortAddress(one, 80), PortAddress(other, 80)), expected, (one, other)
            )

    def test_other_ports(self) -> None:
        """Another port is in nobody's way, nor is one of the other transport, nor one that is
        free.
        """
        for one, other in (
            (PortAddress("::", 80), PortAddress("::", 81)),
            (PortAddress("::", 80), PortAddress("::", 80, "udp")),
            (PortAddress("::", 0), PortAddress("::", 0)),
            (PortAddress("::", 80), UnixAddress("/run/80")),
        ):
            self.assertEqual(self.relation(one, other), (False, False), (one, other))

    def test_vsock(self) -> None:
        """Of vsock a port of one cid is in the way of the same port of all of them, and of no other
        address.
        """
        for one, other, expected in (
            (VsockAddress(2, 80), VsockAddress(2, 80), True),
            (VsockAddress(ANY_CID, 80), VsockAddress(2, 80), True),
            (VsockAddress(ANY_CID, 80), VsockAddress(ANY_CID, 80), True),
            (VsockAddress(1, 80), VsockAddress(2, 80), False),
            (VsockAddress(ANY_CID, 80), VsockAddress(ANY_CID, 81), False),
            (VsockAddress(ANY_CID, 80), PortAddress("::", 80), False),
        ):
            self.assertEqual(self.relation(one, other), (expected, expected), (one, other))

    def test_paths(self) -> None:
        """Of a unix socket's path the text counts, and of an abstract name what the kernel makes of
        it.
        """
        self.assertEqual(
            self.relation(UnixAddress("/run/a"), UnixAddress("/run/a", datagrams=True)),
            (True, True),
        )
        self.assertEqual(
            self.relation(UnixAddress("/run/a"), UnixAddress("/run/b")), (False, False)
        )
        self.assertEqual(self.relation(UnixAddress("@a"), UnixAddress("@@a")), (False, False))

    def test_elsewhere(self) -> None:
        """On other systems than Linux who is more exact may have the port as well."""
        self.assertEqual(
            self.relation(PortAddress("::", 80), PortAddress("::1", 80), "darwin"), (False, True)
        )


class ReachedTest(SynchronousTestCase):
    """One that something listens at, and one that something is sent to."""

    def test_reached(self) -> None:
        """What is sent to this machine reaches who listens at all of its addresses; a unix socket
        is reached by its path and its kind.
        """
        for here, there, expected in (
            (PortAddress("::", 80), PortAddress("127.0.0.1", 80), True),
            (PortAddress("127.0.0.1", 80), PortAddress("LocalHost", 80), True),
            (PortAddress("::", 80), PortAddress("192.0.2.1", 80), False),
            (PortAddress("::", 80), PortAddress("127.0.0.1", 80, "udp"), False),
            (PortAddress("::", 80), PortAddress("127.0.0.1", 81), False),
            (UnixAddress("/a"), UnixAddress("/a"), True),
            (UnixAddress("/a"), UnixAddress("/a", datagrams=True), False),
            (UnixAddress("/a"), PortAddress("/a", 80), False),
        ):
            self.assertEqual(here.is_reached_by(there), expected, (here, there))


class BoundTest(SynchronousTestCase):
    """What a socket is bound to."""

    def bound(self, family: int, kind: int, name: object) -> BindAddress:
        """The address of a socket that is bound to a name."""
        with socket.socket(family, kind) as opened:
            opened.bind(name)  # type: ignore[arg-type]  # of the family
            return bound_address(opened)

    def test_unix(self) -> None:
        """A path, an abstract name and a padded one are read as a configuration writes them, and
        are the same as that.
        """
        path = str(scratch_folder(self) / "s")
        for written in (path, "@pipetwist-test-bound", "@@pipetwist-test-bound"):
            address = UnixAddress(written, datagrams=True)
            bound = self.bound(socket.AF_UNIX, socket.SOCK_DGRAM, address.sockaddr)
            self.assertEqual(bound, address)
            self.assertTrue(address.is_the_same_as(bound))
            self.assertFalse(UnixAddress(written).is_the_same_as(bound))

    def test_strange_name(self) -> None:
        """An abstract name that no configuration can write is nobody else's."""
        bound = self.bound(socket.AF_UNIX, socket.SOCK_STREAM, b"\0pipetwist-test-strange\0\0")
        self.assertFalse(UnixAddress("@pipetwist-test-strange").is_the_same_as(bound))
        self.assertTrue(bound.is_the_same_as(bound))

    def test_link(self) -> None:
        """Of two paths that lead to one file either may be written."""
        folder = scratch_folder(self)
        (folder / "link").symlink_to(folder)
        self.assertTrue(
            UnixAddress(str(folder / "link" / "s")).is_the_same_as(UnixAddress(str(folder / "s")))
        )

    def test_port(self) -> None:
        """A port is reported with its transport; an address that is another is not the same, though
        it overlaps.
        """
        bound = self.bound(socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", 0))
        assert isinstance(bound, PortAddress)
        self.assertEqual((bound.host, bound.transport), ("127.0.0.1", "udp"))
        self.assertTrue(PortAddress("127.0.0.1", bound.port, "udp").is_the_same_as(bound))
        self.assertFalse(PortAddress("0.0.0.0", bound.port, "udp").is_the_same_as(bound))


class VsockTest(SynchronousTestCase):
    """Addresses of vsock."""

    def test_shown(self) -> None:
        """It is shown as systemd writes it."""
        self.assertEqual(
            [str(VsockAddress(3, 1024)), str(VsockAddress(ANY_CID, 1024))],
            ["vsock:3:1024", "vsock::1024"],
        )

    def test_reached(self) -> None:
        """What is sent to the very address arrives there; what is sent to this machine's own cid
        arrives where any is listened at. Which other cids are this machine's is not known.
        """
        for here, target, expected in (
            (VsockAddress(3, 80), VsockAddress(3, 80), True),
            (VsockAddress(ANY_CID, 80), VsockAddress(1, 80), True),
            (VsockAddress(ANY_CID, 80), VsockAddress(3, 80), False),
            (VsockAddress(3, 80), VsockAddress(3, 81), False),
            (VsockAddress(3, 80), UnixAddress("/80"), False),
        ):
            self.assertEqual(here.is_reached_by(target), expected, (here, target))

    def test_same(self) -> None:
        """A socket listens there where cid and port are the same."""
        self.assertTrue(VsockAddress(3, 80).is_the_same_as(VsockAddress(3, 80)))
        self.assertFalse(VsockAddress(3, 80).is_the_same_as(VsockAddress(ANY_CID, 80)))
        self.assertFalse(VsockAddress(3, 80).is_the_same_as(UnixAddress("/80")))
