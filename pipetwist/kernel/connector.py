"""Connects sockets without waiting: a unix socket mostly at once, a TCP socket when the poller says
so.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from twisted.internet.defer import Deferred, fail
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from pipetwist.errors import ConnectError, NobodyListensError
from pipetwist.kernel.poller import OUT, Pollable

__all__ = ["Watcher", "connect_error", "connect_socket"]

# A unix socket whose server's backlog is full can't be waited for with poll(2): connecting is tried
# anew this often.
_RETRY_SECONDS = 0.01
_T = TypeVar("_T")

_NON_BLOCKING = getattr(socket, "SOCK_NONBLOCK", 0)
# No server listens, or none yet: there is no file of that name, no machine that has the cid, or no
# socket behind it.
_NOBODY = (errno.ECONNREFUSED, errno.ENOENT, errno.ENODEV)
_VSOCK = int(getattr(socket, "AF_VSOCK", 40))
_TCP = (int(socket.AF_INET), int(socket.AF_INET6))
_KIND = int(socket.SOCK_STREAM | _NON_BLOCKING)


class Watcher(Protocol):
    """Tells when a socket can be written to: the poller, or a reactor in its place."""

    def add(self, descriptor: int, told: Pollable, events: int, /) -> None: ...
    def remove(self, descriptor: int, /) -> None: ...


class _Connecting:
    """One attempt that could not be finished at once."""

    def __init__(
        self,
        reactor: IReactorTime,
        poller: Watcher | None,
        opened: socket.SocketType,
        address: Any,  # as the module socket types it
        name: str,
    ) -> None:
        self._reactor = reactor
        self._poller = poller
        self._opened = opened
        self._address = address
        self._name = name
        self._retry: IDelayedCall | None = None
        self._polled = False
        self.deferred: Deferred[socket.SocketType] = Deferred(lambda _: self._give_up())

    def __repr__(self) -> str:
        waits = (
            "to try again"
            if self._retry is not None
            else "for the poller"
            if self._polled
            else "no more"
        )
        return f"<_Connecting to {self._name}, waits {waits}>"

    def wait(self, number: int) -> None:
        """Wait as the error number of the last attempt asks for."""
        if number == errno.EAGAIN and self._opened.family == socket.AF_UNIX:
            self._retry = self._reactor.callLater(_RETRY_SECONDS, self._try_again)
        elif number == errno.EINPROGRESS and self._poller is not None:
            try:
                self._poller.add(self._opened.fileno(), self, OUT)
                self._polled = True
            except OSError as error:  # the kernel's bound on what may be watched, epoll_ctl(2)
                self._fail(error.errno)
        else:
            self._fail(number)

    def ready(self, events: int) -> None:
        """The attempt has come to an end."""
        # The side that it becomes is watched anew.
        self._stop_polling()
        number = self._opened.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if number:
            self._fail(number)
        else:
            self.deferred.callback(self._opened)

    def failed(self) -> None:
        self.deferred.cancel()

    def _fail(self, number: int | None) -> None:
        self._opened.close()
        self.deferred.errback(_connect_error(self._name, number, self._opened.family))

    def _try_again(self) -> None:
        self._retry = None
        number = self._opened.connect_ex(self._address)
        if number:
            self.wait(number)
        else:
            self.deferred.callback(self._opened)

    def _give_up(self) -> None:
        if self._retry is not None:
            self._retry.cancel()
        self._stop_polling()
        self._opened.close()

    def _stop_polling(self) -> None:
        if self._polled and self._poller is not None:
            self._polled = False
            self._poller.remove(self._opened.fileno())


def connect_socket(
    reactor: IReactorTime,
    poller: Watcher | None,
    family: int,
    address: Any,  # as the module socket types it
    name: str,
    connected: Callable[[socket.SocketType], _T | Deferred[_T]],
    prepare: Callable[[socket.SocketType], object] | None = None,
) -> _T | Deferred[_T]:
    """Connect a stream socket.

    Args:
        reactor: counts the time.
        poller: tells when a socket is connected; a unix socket needs none.
        family: the address's family.
        address: where to.
        name: the address for people.
        connected: makes a side of the connected socket, which does not block.
        prepare: is called with the socket before it connects; may raise OSError.

    Returns:
        That side, or a Deferred of it, which fails with ConnectError, and where nobody listens with
        NobodyListensError.
    """
    try:
        # Python's own class puts more around it, which takes as long as a system call.
        opened = socket.SocketType(family, _KIND)
    except OSError as error:
        return fail(_connect_error(name, error.errno, family))
    if not _NON_BLOCKING:
        opened.setblocking(False)
    if prepare is not None:
        try:
            prepare(opened)
        except OSError as error:
            opened.close()
            return fail(_connect_error(name, error.errno, family))
    number = opened.connect_ex(address)
    if number == errno.EINPROGRESS and family in _TCP:
        # Where the server is on this machine the answer is there by now, and asking again costs
        # less than being told.
        number = opened.connect_ex(address)
        if number == errno.EALREADY:
            number = errno.EINPROGRESS
    if not number:
        try:
            return connected(opened)
        except OSError as error:
            return fail(_connect_error(name, error.errno, family))
    attempt = _Connecting(reactor, poller, opened, address, name)
    attempt.wait(number)
    return attempt.deferred.addCallback(connected)


def connect_error(name: str, number: int | None) -> ConnectError:
    """What connecting fails with.

    Args:
        name: the address, for people.
        number: the system's error; None if it gave none.
    """
    kind = NobodyListensError if number in _NOBODY else ConnectError
    return kind(f"{name}: {os.strerror(number or errno.EIO)}")


def _connect_error(name: str, number: int | None, family: int) -> ConnectError:
    if number == errno.ECONNRESET and family == _VSOCK:
        # So a machine says that nobody listens there (virtio_transport_recv_connecting in Linux).
        number = errno.ECONNREFUSED
    return connect_error(name, number)
