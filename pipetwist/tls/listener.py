"""TLS of what listens."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from pipetwist.files import KnownFiles
from pipetwist.values.tls_options import TlsListenerOptions

if TYPE_CHECKING:
    import socket

    from OpenSSL import SSL

    from pipetwist.tls.server_files import ServerFiles

__all__ = ["TICKET_KEY_SECONDS", "ListenerTls"]

TICKET_KEY_SECONDS = 12 * 3600.0
"""How long the keys of session tickets are used, in seconds. Whoever gets one can read the
sessions of TLS 1.2 that were resumed with it.
"""


class _Shown(NamedTuple):
    """What is shown to clients.

    Attributes:
        options: what the configuration says.
        read: what is in the files that it names.
        context: made of these.
        made: when, by the listener's clock.
    """

    options: TlsListenerOptions
    read: ServerFiles
    context: SSL.Context
    made: float


class ListenerTls:
    """The TLS of a listener, whose files can be read again.

    Args:
        label: whose it is, for errors.
        options: what the configuration says.
        protocols: what is spoken inside, preferred ones first, by the names of ALPN, if the options
            don't say it. Clients that offer only others come in all the same.
        known: reads the files; where it is None they are read anew.
        seconds: tells the time, which ticket keys are replaced by.

    Raises:
        StartError: a file can't be used.
    """

    def __init__(
        self,
        label: str,
        options: TlsListenerOptions,
        protocols: Sequence[bytes] = (),
        known: KnownFiles | None = None,
        *,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._label = label
        self._protocols = protocols
        self._known = known or KnownFiles()
        self._seconds = seconds
        self._shown = self._make(options, self._read(options))
        self.handshakes = 0
        """Handshakes that are complete."""
        self.resumed = 0
        """Those among them that resumed a session."""

    def __repr__(self) -> str:
        (_, first), *others = self._shown.options.all_certificates
        more = f" and {len(others)} more" if others else ""
        return f"<ListenerTls of {self._label}: {first.certificate_path}{more}>"

    @property
    def context(self) -> SSL.Context:
        """What the connection of the next client is made with.

        The keys of session tickets are a context's, so that a new context after
        `TICKET_KEY_SECONDS` has new ones. Clients with an older ticket have a full handshake then,
        and a new ticket by it.
        """
        shown = self._shown
        if self._seconds() - shown.made >= TICKET_KEY_SECONDS:
            shown = self._shown = self._make(shown.options, shown.read)
        return shown.context

    def connection(self, accepted: socket.SocketType | None = None) -> SSL.Connection:
        """A connection that waits for its client's handshake.

        Args:
            accepted: the socket that it is on; where it is None, bytes are handed in and taken out.
        """
        from pipetwist.tls.connections import new_connection

        connection = new_connection(self.context, accepted)
        connection.set_accept_state()
        return connection

    def completed(self, connection: SSL.Connection) -> None:
        """Count a handshake that is complete."""
        from pipetwist.tls.connections import is_resumed

        self.handshakes += 1
        self.resumed += is_resumed(connection)

    def read_again(
        self, options: TlsListenerOptions | None = None
    ) -> Callable[[], Callable[[], None]]:
        """Read the files again.

        Args:
            options: what the configuration says now; what it said where it is None.

        Returns:
            What has them shown to who connects from then on. It returns what takes that back.

        Raises:
            StartError: they can't be used; nothing has changed.
        """
        wanted = options or self._shown.options
        files = self._read(wanted)
        shown = self._shown
        # With the same context clients can resume their sessions.
        same = (wanted, files) == (shown.options, shown.read)
        read = shown if same else self._make(wanted, files)

        def show() -> Callable[[], None]:
            before, self._shown = self._shown, read

            def take_back() -> None:
                self._shown = before

            return take_back

        return show

    def _read(self, options: TlsListenerOptions) -> ServerFiles:
        from pipetwist.tls.server_files import read_server_files

        return read_server_files(self._label, options, self._known)

    def _make(self, options: TlsListenerOptions, read: ServerFiles) -> _Shown:
        from pipetwist.tls.server_context import server_context

        said = options.alpn_protocols
        protocols = said or self._protocols
        context = server_context(self._label, options, read, protocols, required=bool(said))
        return _Shown(options, read, context, self._seconds())
