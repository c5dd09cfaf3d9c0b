"""The outbounds to unix sockets, and sockets that become Twisted's."""

from __future__ import annotations

import errno
import os
import socket
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from pipetwist.interfaces import IOutbound
from pipetwist.outbounds.registry import OUTBOUNDS
from pipetwist.outbounds.unix import UnixOutbound, UnixOutboundOptions
from pipetwist.values import unix_sockaddr
from tests.outbounds.socket_case import SocketTestCase
from tests.support.loop import open_descriptors
from tests.support.scratch import scratch_folder


class RegistryTest(SynchronousTestCase):
    """The types there are."""

    def test_types(self) -> None:
        """Each type has a name of its own, and options of its own that say it."""
        names = [kind.Options.__dataclass_fields__["type"].default for kind in OUTBOUNDS]
        self.assertEqual(
            names, ["endpoint", "fork", "pt", "sip003", "tcp", "udp", "unix", "unixgram", "vsock"]
        )
        for kind in OUTBOUNDS:
            self.assertTrue(IOutbound.implementedBy(kind))


class UnixTest(SocketTestCase):
    """To a unix socket."""

    def setUp(self) -> None:
        """Choose the path."""
        super().setUp()
        self.path = str(scratch_folder(self) / "out.sock")

    def make(self, path: str | None = None) -> UnixOutbound:
        """Make the outbound."""
        return UnixOutbound(
            UnixOutboundOptions(tag="out", path=path or self.path, connect_timeout=3), self.context
        )

    def test_interface(self) -> None:
        """It is an outbound, which has its tag and its time-out from its options."""
        outbound = self.make()
        verifyObject(IOutbound, outbound)
        self.assertEqual(
            (outbound.tag, outbound.connect_timeout, outbound.in_kernel), ("out", 3, self.in_kernel)
        )

    def test_connects(self) -> None:
        """It connects to the path or the abstract name, and reads nothing before it is asked
        for.
        """
        name = f"pipetwist-test-{os.getpid()}-{self.in_kernel}"
        for path in (self.path, f"@{name}", f"@@{name}"):
            listening = self.listen(socket.AF_UNIX, unix_sockaddr(path))
            self.assertCarries(self.side(self.make(path).connect()), listening)
            listening.close()

    def test_replaced(self) -> None:
        """A server that has made its socket again at the path is the one that the next connection
        leads to.
        """
        outbound = self.make()
        listening = self.listen(socket.AF_UNIX, self.path)
        self.assertCarries(self.side(outbound.connect()), listening)
        Path(self.path).unlink()
        again = self.listen(socket.AF_UNIX, self.path)
        self.assertCarries(self.side(outbound.connect()), again)

    def test_fails(self) -> None:
        """If it can't, it is said where and why, and no descriptor is left."""
        before = open_descriptors()
        self.assertEqual(
            self.error(self.make().connect()), f"{self.path}: No such file or directory"
        )
        stale = self.listen(socket.AF_UNIX, self.path)
        stale.close()
        self.assertEqual(self.error(self.make().connect()), f"{self.path}: Connection refused")
        self.assertEqual(open_descriptors() - before, set())

    def test_no_descriptor(self) -> None:
        """Without a descriptor left it fails as well."""

        def refuse(*_: object, **__: object) -> None:
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

        outbound = self.make()
        self.patch(socket, "SocketType", refuse)
        self.assertEqual(self.error(outbound.connect()), f"{self.path}: Too many open files")

    def crowd(self) -> tuple[socket.socket, socket.socket]:
        """Listen, with as many waiting as may: who listens, and who waits."""
        listening = self.listen(socket.AF_UNIX, self.path, 0)
        waits = socket.socket(socket.AF_UNIX)
        self.addCleanup(waits.close)
        waits.connect(self.path)
        return listening, waits

    def test_busy(self) -> None:
        """A server that has too many waiting is tried again until it takes one more."""
        listening, _ = self.crowd()
        connecting: Any = self.make().connect()
        self.reactor.pump([0.01] * 20)
        self.assertNoResult(connecting)
        listening.accept()[0].close()
        self.reactor.pump([0.01] * 2)
        self.assertCarries(self.side(connecting), listening)
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_busy_then_gone(self) -> None:
        """One that goes meanwhile fails it."""
        listening, waits = self.crowd()
        connecting: Any = self.make().connect()
        listening.close()
        waits.close()
        self.reactor.pump([0.01] * 2)
        self.assertEqual(self.error(connecting), f"{self.path}: Connection refused")

    def test_given_up(self) -> None:
        """Given up meanwhile nothing is left of it."""
        self.crowd()
        before = open_descriptors()
        connecting: Any = self.make().connect()
        connecting.cancel()
        self.failureResultOf(connecting)
        self.assertEqual((self.reactor.getDelayedCalls(), open_descriptors() - before), ([], set()))


class KernelUnixTest(UnixTest):
    """With bytes that the kernel moves."""

    in_kernel = True


class AdoptionTest(SocketTestCase):
    """Sockets that become Twisted's transports."""

    def test_not_adopted(self) -> None:
        """A socket that the reactor can't adopt fails it, and is closed."""

        def refuse(*_: object) -> None:
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

        path = str(scratch_folder(self) / "out.sock")
        self.listen(socket.AF_UNIX, path)
        self.patch(self.reactor, "adoptStreamConnection", refuse)
        before = open_descriptors()
        self.assertEqual(
            self.error(
                UnixOutbound(UnixOutboundOptions(tag="out", path=path), self.context).connect()
            ),
            f"{path}: Too many open files",
        )
        self.assertEqual(open_descriptors() - before, set())
