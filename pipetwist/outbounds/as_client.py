"""Connects unix sockets as the very users who have come: with their effective ids, which is what
the server is told (SO_PEERCRED, unix(7)).
"""

from __future__ import annotations

import errno
import socket
import threading
from collections.abc import Callable
from functools import partial

from twisted.internet.defer import Deferred, fail
from twisted.internet.interfaces import IDelayedCall

from pipetwist.errors import ConnectError, StartError
from pipetwist.interfaces import AnyReactor, ISide
from pipetwist.kernel.connector import connect_error
from pipetwist.network.effective_ids import (
    CannotChangeBackError,
    Ids,
    call_as,
    overflow_uid,
)
from pipetwist.network.threads import UnawaitedThreads
from pipetwist.transfer.peer_credentials import other_groups, peer_credentials

__all__ = ["ClientConnector", "ids_of"]

# As in `pipetwist.kernel.connector`: a backlog that is full can't be waited for.
_RETRY_SECONDS = 0.01
_KIND = int(socket.SOCK_STREAM | getattr(socket, "SOCK_NONBLOCK", 0))

CallAs = Callable[[Ids, Callable[[], int]], int]


def ids_of(client: ISide) -> Ids:
    """Who a client is.

    Args:
        client: its side.

    Raises:
        ConnectError: that is not known.
    """
    connected: socket.SocketType | None = getattr(client, "peer_socket", None)
    if connected is None or connected.family != socket.AF_UNIX:
        message = "credentials: the client has not come by a unix socket, so nobody says who it is"
        raise ConnectError(message)
    try:
        peer = peer_credentials(connected)
    except OSError as error:
        message = f"credentials: the system does not say who the client is: {error.strerror}"
        raise ConnectError(message) from error
    if peer.uid == overflow_uid():
        message = (
            f"credentials: the client's uid, {peer.uid}, is that of every user of other user "
            "namespaces who is none here, so it can't be taken"
        )
        raise ConnectError(message)
    return Ids(peer.uid, peer.gid, other_groups(connected))


class ClientConnector:
    """Connects, each time as somebody.

    Args:
        reactor: counts the time, and gets the results of threads.
        failed: is called if a thread can't get its own credentials back: the program must end.
        start_thread: has something called in a thread that does nothing else meanwhile; raises
            RuntimeError where there is none.
        call: makes a call as somebody, in that thread.
    """

    def __init__(
        self,
        reactor: AnyReactor,
        failed: Callable[[StartError], None],
        start_thread: Callable[[Callable[[], None]], None] | None = None,
        call: CallAs = call_as,
    ) -> None:
        self._reactor = reactor
        self._failed = failed
        self._start_thread = start_thread or UnawaitedThreads(name="pipetwist as client").start
        self._call = call

    def connect(
        self,
        ids: Ids,
        address: str | bytes,
        name: str,
        connected: Callable[[socket.SocketType], ISide | Deferred[ISide]],
    ) -> Deferred[ISide]:
        """Connect a unix socket.

        Args:
            ids: as whom.
            address: where to.
            name: the address for people.
            connected: makes a side of the connected socket, which does not block.

        Returns:
            A Deferred of that side, which fails with ConnectError. It may be cancelled.
        """
        try:
            opened = socket.SocketType(socket.AF_UNIX, _KIND)
        except OSError as error:
            return fail(ConnectError(f"{name}: {error.strerror}"))
        attempt = _Attempt(self, opened, ids, address, name)
        attempt.start()
        return attempt.deferred.addCallback(connected)

    def later(self, call: Callable[[], None]) -> IDelayedCall:
        """Have something called a moment later."""
        delayed: IDelayedCall = self._reactor.callLater(_RETRY_SECONDS, call)
        return delayed

    def start(self, attempt: _Attempt) -> None:
        """Have an attempt made.

        Raises:
            RuntimeError: this process may have no more threads.
        """
        connect = partial(attempt.opened.connect_ex, attempt.address)
        self._start_thread(partial(self._work, attempt.ids, connect, attempt.tried))

    def _work(
        self, ids: Ids, connect: Callable[[], int], tried: Callable[[int, str], None]
    ) -> None:
        """In a thread."""
        tell = self._reactor.callFromThread
        try:
            number = self._call(ids, connect)
        except OSError as error:
            why = f"the client's ids can't be taken (uid {ids.uid}): {error.strerror}"
            tell(tried, error.errno, why)
            return
        except CannotChangeBackError as error:
            tell(self._failed, StartError(f"outbound with credentials: {error}; it ends"))
            threading.Event().wait()  # for ever: with these ids it may do nothing
            return
        tell(tried, number, "")


class _Attempt:
    """One connection that is to be made."""

    def __init__(
        self,
        connector: ClientConnector,
        opened: socket.SocketType,
        ids: Ids,
        address: str | bytes,
        name: str,
    ) -> None:
        self.opened = opened
        self.ids = ids
        self.address = address
        self.deferred: Deferred[socket.SocketType] = Deferred(lambda _: self._give_up())
        self._connector = connector
        self._name = name
        self._retry: IDelayedCall | None = None
        self._in_thread = False
        self._given_up = False

    def __repr__(self) -> str:
        where = "in its thread" if self._in_thread else "waits to try again"
        return f"<_Attempt to {self._name} as {self.ids.uid}, {where}>"

    def start(self) -> None:
        """Try, in a thread."""
        self._retry = None
        self._in_thread = True
        try:
            self._connector.start(self)
        except RuntimeError:
            self._in_thread = False
            self._fail("this process may have no more threads")

    def tried(self, number: int, why: str) -> None:
        """The thread has tried.

        Args:
            number: the error's; 0 for none.
            why: what could not be done before that; empty if nothing.
        """
        self._in_thread = False
        if self._given_up:
            self.opened.close()
        elif not number:
            self.deferred.callback(self.opened)
        elif number == errno.EAGAIN and not why:
            self._retry = self._connector.later(self.start)
        elif why:
            self._fail(why)
        else:
            self.opened.close()
            self.deferred.errback(connect_error(self._name, number))

    def _fail(self, why: str) -> None:
        self.opened.close()
        self.deferred.errback(ConnectError(f"{self._name}: {why}"))

    def _give_up(self) -> None:
        self._given_up = True
        if self._retry is not None:
            self._retry.cancel()
        if not self._in_thread:  # which has the socket's number, and must not meet another's
            self.opened.close()
