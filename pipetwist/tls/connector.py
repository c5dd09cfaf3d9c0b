"""TLS of what connects servers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pipetwist.errors import StartError
from pipetwist.files import KnownFiles
from pipetwist.transfer.loss_reasons import describe_error
from pipetwist.values.tls_options import TlsOptions

if TYPE_CHECKING:
    import socket

    from OpenSSL import SSL

__all__ = ["ConnectorTls"]


class ConnectorTls:
    """What a client asks for: a certificate of this name.

    Args:
        label: whose it is, for errors.
        server_name: the name or address.
        certificate_path: the CA of the server's certificate; None for the system's.
        files: reads it; where it is None it is read anew.
        options: versions and cipher suites; where it is None, the usual ones.
        protocols: what the server is offered by ALPN, preferred ones first.

    Raises:
        StartError: a file can't be used, or the name is none.
    """

    def __init__(
        self,
        label: str,
        server_name: str,
        certificate_path: str | None,
        files: KnownFiles | None = None,
        options: TlsOptions | None = None,
        protocols: Sequence[bytes] = (),
    ) -> None:
        from pipetwist.tls.client_context import client_context
        from pipetwist.tls.server_name import ServerName

        try:
            self._name = ServerName(server_name)
        except Exception as error:
            fault = describe_error(error)
            message = f"{label}: tls.server_name: {server_name!r} is no name of a host: {fault}"
            raise StartError(message) from error
        self._shown = f"{label}: {server_name}"
        self.context = client_context(
            label,
            options or TlsOptions(),
            self._name,
            certificate_path,
            protocols,
            files or KnownFiles(),
        )
        """What each connection is made with."""

    def __repr__(self) -> str:
        return f"<ConnectorTls of {self._shown}>"

    def connection(self, connected: socket.SocketType | None = None) -> SSL.Connection:
        """A connection that is about to begin its handshake, in which the server's name is
        verified.

        Args:
            connected: the socket that it is on; where it is None, bytes are handed in and taken
                out.
        """
        from pipetwist.tls.connections import new_connection

        connection = new_connection(self.context, connected)
        self._name.ask_for(connection)
        connection.set_connect_state()
        return connection
