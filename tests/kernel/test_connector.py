"""Connecting that takes a while: who waits, how it ends, and that nothing is left of what is given
up. Outbounds are tested elsewhere.
"""

from __future__ import annotations

import errno
import os
import socket
from typing import Any, ClassVar

from twisted.internet.defer import CancelledError, Deferred

from pipetwist.errors import ConnectError, NobodyListensError
from pipetwist.kernel import connector
from pipetwist.kernel.connector import connect_socket
from pipetwist.kernel.socket_side import SocketSide
from pipetwist.testing import RecordingReceiver
from tests.support.loop import KernelCase, open_descriptors, take_all


class _Slow(socket.socket):
    """Connects, and says that it is not done with that."""

    made: ClassVar[list[_Slow]] = []
    fails_with = 0

    def connect_ex(self, address: Any) -> int:
        """Begin at the first call; later ones say that it is under way."""
        if self in self.made:
            return errno.EALREADY
        self.made.append(self)
        super().connect_ex(address)
        return errno.EINPROGRESS

    def getsockopt(self, level: int, option: int, *rest: Any) -> Any:
        """What has become of it."""
        if option == socket.SO_ERROR:
            return self.fails_with
        return super().getsockopt(level, option, *rest)


class _Sockets:
    """The module socket, whose sockets are slow."""

    SocketType = _Slow

    def __getattr__(self, name: str) -> Any:
        return getattr(socket, name)


class ConnectorTest(KernelCase):
    """TCP sockets that are not connected at once."""

    def setUp(self) -> None:
        """Listen, and let sockets be slow."""
        super().setUp()
        self.server = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(self.server.close)
        _Slow.made.clear()
        self.addCleanup(_Slow.made.clear)
        self.patch(connector, "socket", _Sockets())

    def connect(self) -> Deferred[Any]:
        """Begin to connect."""
        address = self.server.getsockname()
        connecting = connect_socket(
            self.loop,
            self.kernel.poller,
            socket.AF_INET,
            address,
            "there",
            lambda connected: SocketSide(self.kernel, connected),
        )
        assert isinstance(connecting, Deferred)
        return connecting

    def test_connected(self) -> None:
        """The poller tells when it is connected, and does not look at it any more; the side is as
        any other.
        """
        connecting = self.connect()
        self.assertNoResult(connecting)
        self.loop.settle()
        side = self.successResultOf(connecting)
        self.assertEqual(self.kernel.poller._told, {})
        receiver = RecordingReceiver()
        side.attach(receiver)
        with self.server.accept()[0] as peer:
            peer.setblocking(False)
            side.write(b"hello")
            self.assertEqual(take_all(peer), b"hello")
            peer.send(b"hello yourself")
            side.resume_reading()
            self.loop.settle()
        self.assertEqual(receiver.data, b"hello yourself")
        side.abort()

    def test_failed(self) -> None:
        """So it tells when it fails, with the system's words."""
        self.assertFails(errno.EHOSTUNREACH, ConnectError, "there: No route to host")

    def test_refused(self) -> None:
        """That nobody listens there is an error of its own, since somebody may soon."""
        self.assertFails(errno.ECONNREFUSED, NobodyListensError, "there: Connection refused")

    def test_refused_by_vsock(self) -> None:
        """Of vsock the system tells of a refusal as of a reset, and of a machine that is not there
        as of a device.
        """
        self.patch(connector, "_VSOCK", int(socket.AF_INET))
        self.assertFails(errno.ECONNRESET, NobodyListensError, "there: Connection refused")
        _Slow.made.clear()
        self.assertFails(errno.ENODEV, NobodyListensError, "there: No such device")

    def test_reset(self) -> None:
        """Of TCP a reset is none."""
        self.assertFails(errno.ECONNRESET, ConnectError, "there: Connection reset by peer")

    def test_prepared(self) -> None:
        """A socket can be prepared; where that fails, it is closed."""

        def prepare(opened: socket.SocketType) -> None:
            raise OSError(errno.ENOPROTOOPT, os.strerror(errno.ENOPROTOOPT))

        before = open_descriptors()
        connecting = connect_socket(
            self.loop,
            self.kernel.poller,
            socket.AF_INET,
            self.server.getsockname(),
            "there",
            lambda connected: SocketSide(self.kernel, connected),
            prepare,
        )
        assert isinstance(connecting, Deferred)
        error = self.failureResultOf(connecting, ConnectError).value
        self.assertEqual(str(error), "there: Protocol not available")
        self.assertEqual(open_descriptors() - before, set())

    def assertFails(self, number: int, kind: type[ConnectError], text: str) -> None:
        """Connecting fails so where the system says that."""
        self.patch(_Slow, "fails_with", number)
        connecting = self.connect()
        self.loop.settle()
        error = self.failureResultOf(connecting, ConnectError).value
        self.assertEqual((type(error), str(error)), (kind, text))
        self.nothing_is_left()

    def test_given_up(self) -> None:
        """Given up before it is connected it is closed, and nothing is reported any more."""
        connecting = self.connect()
        connecting.cancel()
        self.failureResultOf(connecting, CancelledError)
        self.loop.settle()
        self.nothing_is_left()

    def test_unwatchable(self) -> None:
        """If the kernel can't watch it, that is why it fails."""

        def refuse(descriptor: int, told: Any, events: int) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        self.patch(self.kernel.poller, "add", refuse)
        self.assertEqual(
            str(self.failureResultOf(self.connect(), ConnectError).value),
            "there: No space left on device",
        )
        self.nothing_is_left()

    def test_mistake(self) -> None:
        """A mistake in asking what has become of it gives it up."""
        self.patch(_Slow, "getsockopt", lambda *_: 1 // 0)
        connecting = self.connect()
        self.loop.settle()
        self.failureResultOf(connecting, CancelledError)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.nothing_is_left()

    def nothing_is_left(self) -> None:
        """Its socket is closed, and nobody watches it."""
        (made,) = _Slow.made
        self.assertEqual((made.fileno(), self.kernel.poller._told), (-1, {}))
