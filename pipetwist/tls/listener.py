"""TLS of what listens."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from pipetwist.files import KnownFiles
from pipetwist.values.tls_files import TlsFiles

if TYPE_CHECKING:
    import socket

    from OpenSSL import SSL

__all__ = ["ListenerTls"]


class ListenerTls:
    """What a listener shows and asks for, which can be read again.

    Args:
        label: whose it is, for errors.
        files: where it is read from.
        protocols: see `server_context.server_context`.
        known: reads the files; where it is None they are read anew.

    Raises:
        StartError: a file can't be used.
    """

    def __init__(
        self,
        label: str,
        files: TlsFiles,
        protocols: Sequence[bytes] = (),
        known: KnownFiles | None = None,
    ) -> None:
        self._label = label
        self._files = files
        self._protocols = protocols
        self._known = known
        self.context = self._read(files)
        """What the connections of later clients are made with."""

    def __repr__(self) -> str:
        return f"<ListenerTls of {self._label}: {self._files.certificate_path}>"

    def connection(self, accepted: socket.socket | None = None) -> SSL.Connection:
        """A connection that waits for its client's handshake.

        Args:
            accepted: the socket that it is on; where it is None, bytes are handed in and taken out.
        """
        from OpenSSL.SSL import Connection

        connection = Connection(self.context, accepted)
        connection.set_accept_state()
        return connection

    def read_again(self, files: TlsFiles | None = None) -> Callable[[], Callable[[], None]]:
        """Read the files again.

        Args:
            files: where they are; where they were if it is None.

        Returns:
            What has them shown to who connects from then on. It returns what takes that back.

        Raises:
            StartError: they can't be used; nothing has changed.
        """
        wanted = files or self._files
        read = self._read(wanted)

        def show() -> Callable[[], None]:
            before = self._files, self.context
            self._files, self.context = wanted, read

            def take_back() -> None:
                self._files, self.context = before

            return take_back

        return show

    def _read(self, files: TlsFiles) -> SSL.Context:
        from pipetwist.tls.server_context import server_context

        return server_context(self._label, files, self._protocols, self._known)
