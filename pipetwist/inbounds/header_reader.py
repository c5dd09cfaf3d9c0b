"""Reads the header of the PROXY protocol from a client's socket, and not one byte more: what
follows is left there for whoever would have read the first byte without it.
"""

from __future__ import annotations

import socket
from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall

from pipetwist.interfaces import AnyReactor
from pipetwist.kernel.connector import Watcher
from pipetwist.kernel.poller import IN
from pipetwist.proxy_protocol.header import Header, HeaderError, NoHeaderError
from pipetwist.proxy_protocol.machine import MAX_HEADER_BYTES, HeaderMachine, State
from pipetwist.transfer.loss_reasons import NOT_NOW, describe_error
from pipetwist.transfer.socket_state import has_ended

__all__ = ["HEADER_SECONDS", "HeaderReader"]

HEADER_SECONDS = 5.0
"""How long a client may take for its header."""

_DONT_WAIT = int(getattr(socket, "MSG_DONTWAIT", 0))
_LOOK = int(getattr(socket, "MSG_PEEK", 2)) | _DONT_WAIT
# What may still become a header's signature is left where it is, and a socket with something unread
# is told of all the time: it is looked at again after a pause.
_FIRST_PAUSE_SECONDS = 0.01
_LONGEST_PAUSE_SECONDS = 0.64


class HeaderReader:
    """Reads one header. It calls ``done`` or ``refused`` once, and is over then.

    Args:
        clock: counts the time.
        watcher: tells when there is something to read.
        connected: the client's socket. It is not to be closed before this is over.
        optional: whether it is good too where there is none.
        done: takes the header, or None where there is none.
        refused: takes what is wrong with it, for people.
    """

    __slots__ = (
        "_clock",
        "_done",
        "_machine",
        "_optional",
        "_over",
        "_pause",
        "_pause_seconds",
        "_refused",
        "_socket",
        "_time_out",
        "_watched",
        "_watcher",
    )

    def __init__(
        self,
        clock: AnyReactor,
        watcher: Watcher,
        connected: socket.SocketType,
        *,
        optional: bool,
        done: Callable[[Header | None], None],
        refused: Callable[[str], None],
    ) -> None:
        self._clock = clock
        self._watcher = watcher
        self._socket = connected
        self._optional = optional
        self._done = done
        self._refused = refused
        self._machine = HeaderMachine()
        self._watched = False
        self._over = False
        self._pause: IDelayedCall | None = None
        self._pause_seconds = _FIRST_PAUSE_SECONDS
        self._time_out: IDelayedCall | None = None

    def __repr__(self) -> str:
        state = "over" if self._over else repr(self._machine)
        return f"<HeaderReader fd={self._socket.fileno()} {state}>"

    def start(self) -> None:
        """Begin."""
        self._look()
        if not self._over:
            self._time_out = self._clock.callLater(HEADER_SECONDS, self._too_slow)

    def stop(self) -> None:
        """Let go of the socket, and call nobody."""
        if self._over:
            return
        self._over = True
        self._unwatch()
        for call in (self._pause, self._time_out):
            if call is not None and call.active():
                call.cancel()

    # Its socket's events.

    def ready(self, events: int) -> None:
        """See `pipetwist.kernel.poller.Pollable`."""
        self._look()

    def failed(self) -> None:
        """See `pipetwist.kernel.poller.Pollable`."""
        self._refuse("internal error")

    def _look(self) -> None:
        try:
            while not self._over and self._take():
                pass
        except OSError as error:
            if error.errno in NOT_NOW:
                self._watch()
            else:
                self._refuse(describe_error(error))

    def _take(self) -> bool:
        """Take what there is; whether there may be more.

        Raises:
            OSError: there is nothing, or never will be.
        """
        sent = self._socket.recv(MAX_HEADER_BYTES, _LOOK)
        if not sent:
            self._without("it ended before that")
            return False
        try:
            taken = self._machine.take(sent)
        except NoHeaderError as error:
            self._without(str(error))
            return False
        except HeaderError as error:
            self._refuse(str(error))
            return False
        left = taken
        while left:
            left -= len(self._socket.recv(left, _DONT_WAIT))
        if self._machine.header is not None:
            self._complete(self._machine.header)
        elif not taken:
            self._wait_for_more()
        return bool(taken)

    def _wait_for_more(self) -> None:
        if has_ended(self._socket.fileno()):
            self._without("it ended before that")
            return
        self._unwatch()
        self._pause = self._clock.callLater(self._pause_seconds, self._look)
        self._pause_seconds = min(self._pause_seconds * 2, _LONGEST_PAUSE_SECONDS)

    def _watch(self) -> None:
        if not self._watched:
            try:
                self._watcher.add(self._socket.fileno(), self, IN)
            except OSError as error:  # the kernel's bound on what may be watched, epoll_ctl(2)
                self._refuse(describe_error(error))
            else:
                self._watched = True

    def _unwatch(self) -> None:
        if self._watched:
            self._watched = False
            self._watcher.remove(self._socket.fileno())

    # Its end.

    def _too_slow(self) -> None:
        self._without(f"none came within {HEADER_SECONDS:g} s")

    def _without(self, why: str) -> None:
        """There is no header, unless one has begun."""
        if self._optional and self._machine.state is State.SIGNATURE:
            self._complete(None)
        else:
            self._refuse(why)

    def _complete(self, header: Header | None) -> None:
        if not self._over:
            self.stop()
            self._done(header)

    def _refuse(self, why: str) -> None:
        if not self._over:
            self.stop()
            self._refused(why)
