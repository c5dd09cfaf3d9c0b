"""Sockets that listen already."""

from __future__ import annotations

import os
import socket
from pathlib import Path

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from pipetwist.errors import StartError
from pipetwist.network.inherited import InheritedSocket, InheritedSockets
from pipetwist.values.bind_address import ANY_CID, PortAddress, UnixAddress, VsockAddress
from tests.support.scratch import scratch_folder


class InheritedTest(SynchronousTestCase):
    """Found by their addresses."""

    def setUp(self) -> None:
        """Choose the folder."""
        self.folder = scratch_folder(self)

    def open(
        self, family: int, address: object, kind: int = socket.SOCK_STREAM, *, listens: bool = True
    ) -> socket.socket:
        """A socket; the test's clean-up closes it."""
        opened = socket.socket(family, kind)
        self.addCleanup(opened.close)
        opened.bind(address)  # type: ignore[arg-type]  # of the family
        if listens:
            opened.listen()
        os.set_inheritable(opened.fileno(), True)
        return opened

    def test_path(self) -> None:
        """A unix socket is found by its path, by another that leads there, and by its abstract
        name, as a configuration writes them.
        """
        path = self.folder / "in.sock"
        (self.folder / "link").symlink_to(self.folder)
        name = f"pipetwist-{os.getpid()}"
        sockets = [
            self.open(socket.AF_UNIX, str(path)),
            self.open(socket.AF_UNIX, f"\0{name}"),
            self.open(socket.AF_UNIX, f"\0{name}".encode().ljust(108, b"\0")),
        ]
        inherited = InheritedSockets(one.fileno() for one in sockets)
        self.assertEqual(
            [str(one) for one in inherited], [str(path.resolve()), f"@{name}", f"@{name}"]
        )
        for written, expected in (
            (path, 0),
            (self.folder / "link" / "in.sock", 0),
            (f"@{name}", 1),
            (f"@@{name}", 2),
        ):
            (found,) = inherited.at(UnixAddress(str(written)))
            self.assertEqual(found.descriptor, sockets[expected].fileno())
        self.assertEqual(inherited.at(UnixAddress(str(self.folder / "other"))), ())

    def test_port(self) -> None:
        """A TCP socket is found by its address and port."""
        opened = self.open(socket.AF_INET, ("127.0.0.1", 0))
        port = opened.getsockname()[1]
        inherited = InheritedSockets([opened.fileno()])
        self.assertEqual([str(one) for one in inherited], [f"127.0.0.1:{port}"])
        for host, number, found in (
            ("127.0.0.1", port, True),
            ("0.0.0.0", port, False),
            ("127.0.0.1", 1, False),
        ):
            self.assertEqual(inherited.at(PortAddress(host, number)) != (), found, (host, number))

    def test_name(self) -> None:
        """Of a host with several addresses all sockets are found that listen at one; of a
        link-local one the interface counts.
        """
        first, second = (
            self.open(socket.AF_INET, ("127.0.0.1", 0)),
            self.open(socket.AF_INET, ("127.0.0.2", 0)),
        )
        inherited = InheritedSockets([first.fileno(), second.fileno()])
        one, other = inherited
        for opened, expected in ((first, one), (second, other)):
            port = opened.getsockname()[1]
            self.assertEqual(
                inherited.at(
                    *(PortAddress(host, port) for host in ("127.0.0.2", "::1", "127.0.0.1"))
                ),
                (expected,),
            )
        one.address = PortAddress("fe80::1", 80, interface=2)
        for interface, found in ((2, (one,)), (3, ())):
            self.assertEqual(inherited.at(PortAddress("fe80::1", 80, interface=interface)), found)

    def test_copy(self) -> None:
        """What an inbound listens with is its own to close, while the socket stays open; no command
        inherits either.
        """
        opened = self.open(socket.AF_UNIX, str(self.folder / "in.sock"))
        one = InheritedSocket(opened.fileno())
        copy = one.copy()
        self.assertFalse(os.get_inheritable(opened.fileno()) or copy.get_inheritable())
        copy.close()
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(self.folder / "in.sock"))
            with one.copy() as again:
                again.take().close()

    def test_no_listener(self) -> None:
        """What is not a stream socket that listens is refused, with what to do."""
        datagrams = self.open(
            socket.AF_UNIX, str(self.folder / "dgram"), socket.SOCK_DGRAM, listens=False
        )
        silent = self.open(socket.AF_UNIX, str(self.folder / "silent"), listens=False)
        with Path("/dev/null").open("rb") as file:
            for number in (datagrams.fileno(), silent.fileno(), file.fileno(), 1_000_000):
                error = self.assertRaises(StartError, InheritedSockets, [number])
                self.assertIn(
                    f"descriptor {number}, which was inherited, is not a listening stream socket",
                    str(error),
                )

    def test_other_family(self) -> None:
        """One of an address family that no inbound listens in is refused with its name and what to
        do.
        """
        opened = self.open(socket.AF_INET, ("127.0.0.1", 0))
        self.patch(socket.socket, "family", socket.AF_QIPCRTR)
        error = self.assertRaises(StartError, InheritedSockets, [opened.fileno()])
        self.assertEqual(
            str(error),
            f"descriptor {opened.fileno()}, which was inherited, is a socket of AF_QIPCRTR: "
            "pipetwist listens on unix sockets, TCP ports and vsock; "
            "take it out of the socket unit",
        )

    def test_vsock(self) -> None:
        """A socket of vsock is found by its cid and port, of which the cid may be any."""
        family = getattr(socket, "AF_VSOCK", None)
        if family is None:
            message = "this system has no vsock"
            raise SkipTest(message)
        try:
            opened = self.open(family, (ANY_CID, socket.VMADDR_PORT_ANY))
        except OSError as none:
            message = f"this kernel gives no vsock: {none.strerror}"
            raise SkipTest(message) from none
        port = opened.getsockname()[1]
        (one,) = inherited = InheritedSockets([opened.fileno()])
        self.assertEqual((str(one), one.is_unix), (f"vsock::{port}", False))
        self.assertEqual(inherited.at(VsockAddress(ANY_CID, port)), (one,))
        self.assertEqual(inherited.at(VsockAddress(2, port)), ())
        with one.copy() as copy:
            self.assertEqual(copy.getsockname(), (ANY_CID, port))

    def test_unnamed_family(self) -> None:
        """So is one of a family that Python knows by its number alone."""
        opened = self.open(socket.AF_INET, ("127.0.0.1", 0))
        self.patch(socket.socket, "family", 4711)
        error = self.assertRaises(StartError, InheritedSockets, [opened.fileno()])
        self.assertIn(
            "is a socket of address family 4711: pipetwist listens on unix sockets, TCP ports and "
            "vsock",
            str(error),
        )
