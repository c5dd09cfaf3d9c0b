"""Handshakes between contexts, without sockets and without Twisted."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from OpenSSL import SSL
from OpenSSL.crypto import FILETYPE_PEM, load_certificate, load_privatekey
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.kinds.inbound_options import TlsServerOptions
from pipetwist.kinds.outbound_options import TlsClientOptions
from pipetwist.tls.connector import ConnectorTls
from pipetwist.tls.listener import ListenerTls
from pipetwist.values.tls_options import CertificateOptions
from tests.support.certificates import Authority
from tests.support.scratch import scratch_folder

__all__ = ["ContextsCase", "certificates"]


class ContextsCase(SynchronousTestCase):
    """A CA, a server's certificate that it has signed, and handshakes."""

    def setUp(self) -> None:
        """Make certificates."""
        self.folder = scratch_folder(self)
        self.authority = Authority(self.folder, "authority")
        self.certificate, self.key = self.authority.issue("server.example")
        self.now = 0.0
        self.ends: Sequence[SSL.Connection] = ()

    def listener(self, **options: Any) -> ListenerTls:
        """A server with these options, and a certificate if they have none."""
        if "certificates" not in options:
            own = {"certificate_path": str(self.certificate), "key_path": str(self.key)}
            options = {**own, **options}
        wanted = TlsServerOptions(**options)
        return ListenerTls("inbound in", wanted, seconds=lambda: self.now)

    def connector(self, name: str = "server.example", **options: Any) -> ConnectorTls:
        """A client that asks for that name, with these options."""
        wanted = TlsClientOptions(enabled=True, **options)
        protocols = [protocol.encode() for protocol in wanted.alpn]
        path = str(self.authority.path)
        return ConnectorTls("outbound out", name, path, None, wanted, protocols)

    def shake(
        self,
        listener: ListenerTls,
        connector: ConnectorTls,
        own: tuple[Path, Path] | None = None,
        session: Any = None,
    ) -> str:
        """Have a handshake.

        Args:
            listener: the server.
            connector: the client.
            own: the client's certificate and key.
            session: what the client resumes.

        Returns:
            What the two ends say was wrong, the server first; empty if nothing was.
        """
        client = connector.connection()
        server = listener.connection()
        self.ends = client, server
        if own is not None:
            client.use_certificate(load_certificate(FILETYPE_PEM, own[0].read_bytes()))
            client.use_privatekey(load_privatekey(FILETYPE_PEM, own[1].read_bytes()))
        if session is not None:
            client.set_session(session)
        said: dict[SSL.Connection, str] = {}
        for _ in range(10):
            for one, other in ((client, server), (server, client)):
                if one not in said:
                    try:
                        one.do_handshake()
                    except SSL.WantReadError:
                        pass
                    except SSL.Error as error:
                        said[one] = str(error)
                _carry(one, other)
        for one in self.ends:
            # Behind the handshake come session tickets, and the alert of a server that refuses.
            if one not in said:
                try:
                    one.recv(1)
                except SSL.WantReadError:
                    pass
                except SSL.Error as error:
                    said[one] = str(error)
        if not said:
            listener.completed(server)
            # Without this OpenSSL takes the client's session for one that can't be resumed.
            client.set_shutdown(SSL.SENT_SHUTDOWN | SSL.RECEIVED_SHUTDOWN)
        return " ".join(said[one] for one in (server, client) if one in said)


def _carry(one: SSL.Connection, other: SSL.Connection) -> None:
    """Carry what one end has to send to the other."""
    with contextlib.suppress(SSL.WantReadError):
        other.bio_write(one.bio_read(2**15))


def certificates(*paths: tuple[Path, Path]) -> tuple[CertificateOptions, ...]:
    """The options of several certificates."""
    return tuple(
        CertificateOptions(certificate_path=str(certificate), key_path=str(key))
        for certificate, key in paths
    )
