"""TLS handshakes on sockets in the poller."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Final

from OpenSSL import SSL

from pipetwist.kernel.poller import IN, ONCE, OUT, Poller
from pipetwist.kernel.turns import Turns
from pipetwist.tls.client_hello import MAX_LOOK_BYTES, ClientHello, ClientHelloError
from pipetwist.tls.closure import note_alerts
from pipetwist.tls.error_queue import forget_errors
from pipetwist.transfer.loss_reasons import NOT_NOW, describe_error
from pipetwist.transfer.socket_state import has_ended

__all__ = ["Handshake"]

_LOOK: Final = int(getattr(socket, "MSG_PEEK", 2)) | int(getattr(socket, "MSG_DONTWAIT", 0))
_EOF: Final = -1  # what pyOpenSSL has in the place of an error number where the peer has gone


class Handshake:
    """One handshake. It calls ``done`` or ``failed`` once, and is over then.

    Args:
        poller: tells of the socket's events.
        turns: says when it may take a step.
        connected: the socket, which does not block. It is not to be closed before this is over.
        begin: makes OpenSSL's connection on the socket, when it first has something to do: who
            says nothing costs little.
        done: takes that connection when the handshake is complete.
        failed: takes why it can't be, for people; empty where the peer just left.
    """

    __slots__ = (
        "_begin",
        "_done",
        "_events",
        "_failed",
        "_hello",
        "_over",
        "_poller",
        "_queued",
        "_socket",
        "_tls",
        "_turns",
    )

    def __init__(
        self,
        poller: Poller,
        turns: Turns,
        connected: socket.SocketType,
        begin: Callable[[socket.SocketType], SSL.Connection],
        done: Callable[[SSL.Connection], None],
        failed: Callable[[str], None],
    ) -> None:
        self._poller = poller
        self._turns = turns
        self._begin = begin
        self._done = done
        self._failed = failed
        self._tls: SSL.Connection | None = None
        self._events = -1
        self._queued = False
        self._socket = connected
        self._hello: ClientHello | None = None
        self._over = False

    def __repr__(self) -> str:
        if self._over:
            return "<Handshake over>"
        waits = (
            "for its turn"
            if self._queued
            else {IN: "to read", OUT: "to write"}.get(self._events, "")
        )
        return f"<Handshake fd={self._socket.fileno()} waits {waits}>"

    def start(self, *, speaks_first: bool) -> None:
        """Begin.

        Args:
            speaks_first: whether this end has something to say before the peer has.
        """
        if speaks_first:
            self.ready(OUT)
        else:
            self._hello = ClientHello()
            self._watch(IN)

    def stop(self) -> None:
        """Let go of the socket, and call nobody."""
        if not self._over:
            self._leave()

    # Its socket's events.

    def ready(self, events: int) -> None:
        """See `Pollable`: take a step, now or when it is its turn."""
        if self._queued:
            return
        if self._turns.take():
            self._take_step()
        else:
            self._queued = True
            self._turns.wait(self)

    def failed(self) -> None:
        """See `Pollable`."""
        self._fail("internal error")

    def step(self) -> None:
        """Its turn has come."""
        self._queued = False
        if not self._over and self._turns.take():
            try:
                self._take_step()
            except Exception:
                self.failed()
                raise

    def _take_step(self) -> None:
        try:
            if self._hello is not None and not self._looks_good(self._hello):
                self._watch(IN)
                return
            if self._tls is None:
                self._tls = self._begin(self._socket)
            self._tls.do_handshake()
        except ClientHelloError as error:
            self._fail(f"TLS: {error}")
        except SSL.WantReadError:
            # A server may have asked for another one.
            if self._hello is not None:
                self._hello = ClientHello()
            self._watch(IN)
        except SSL.WantWriteError:
            self._watch(OUT)
        except SSL.ZeroReturnError:
            self._fail("")
        except SSL.SysCallError as error:
            forget_errors()
            self._fail(
                ""
                if error.args[0] == _EOF
                else describe_error(OSError(error.args[0], error.args[1]))
            )
        except SSL.Error as error:
            forget_errors()
            self._fail(describe_error(error))
        else:
            done, tls = self._done, self._tls
            note_alerts(tls)
            self._leave()
            done(tls)

    def _looks_good(self, hello: ClientHello) -> bool:
        """Whether OpenSSL may read what the client has sent.

        Raises:
            ClientHelloError: it is too much.
        """
        try:
            sent = self._socket.recv(MAX_LOOK_BYTES, _LOOK)
        except OSError as error:
            return error.errno not in NOT_NOW
        return hello.look(sent) or has_ended(self._socket.fileno())

    # Its end.

    def _fail(self, reason: str) -> None:
        if not self._over:
            failed = self._failed
            self._leave()
            failed(reason)

    def _leave(self) -> None:
        self._over = True
        # Who is called mostly has this, in a circle that the collector would have to find.
        self._tls = None
        self._begin, self._done, self._failed = _begin_nothing, _tell_nobody, _tell_nobody
        if self._events >= 0:
            self._poller.remove(self._socket.fileno())

    def _watch(self, events: int) -> None:
        # OpenSSL has read or written until there was nothing more to, so that what is new is all
        # that matters. What waits for its turn is not told of again and again meanwhile.
        if events == self._events or self._over:
            return
        new, self._events = self._events < 0, events
        if not new:
            self._poller.change(self._socket.fileno(), events | ONCE)
            return
        try:
            self._poller.add(self._socket.fileno(), self, events | ONCE)
        except OSError as error:  # the kernel's bound on what may be watched, epoll_ctl(2)
            self._events = -1
            self._fail(describe_error(error))


def _begin_nothing(_: socket.SocketType) -> SSL.Connection:
    raise AssertionError


def _tell_nobody(_: object) -> None:
    pass
