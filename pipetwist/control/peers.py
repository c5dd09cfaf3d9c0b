"""Who a client of the control service is, or of the page: the kernel or its certificate says so."""

from __future__ import annotations

import os
from typing import Any, NamedTuple

from twisted.internet.interfaces import ISSLTransport

from pipetwist.api.frames import RefusedError
from pipetwist.interfaces import AnyTransport
from pipetwist.tls.peer_names import peer_names
from pipetwist.transfer.peer_credentials import peer_credentials
from pipetwist.values import quote

__all__ = ["Holder", "certificate_holder", "identify"]

_ROOT = 0


class Holder(NamedTuple):
    """The holder of a certificate.

    Attributes:
        name: the common name of its subject, or else its first alternative name.
        fingerprint: of the certificate, by SHA-256.
    """

    name: str
    fingerprint: bytes

    def __str__(self) -> str:
        """For people, on one line."""
        return f"the certificate {quote(self.name)}"


def identify(transport: AnyTransport) -> str:
    """Who is connected, for people, on one line.

    Raises:
        RefusedError: they may not act on connections, or it is not known who they are.
    """
    handle = transport.getHandle()
    if ISSLTransport.providedBy(transport):
        holder = certificate_holder(handle)
        if holder is None:
            message = "it has shown no certificate"
            raise RefusedError(message)
        return str(holder)
    peer = peer_credentials(handle)
    # Whatever mode the socket's file was given meanwhile.
    if peer.uid not in (_ROOT, os.geteuid()):
        message = f"{peer} is neither the daemon's user nor root"
        raise RefusedError(message)
    return str(peer)


def certificate_holder(
    connection: Any,  # an OpenSSL.SSL.Connection; only the room tls imports it
) -> Holder | None:
    """Who has shown a certificate; None if nobody has.

    Args:
        connection: pyOpenSSL's, its handshake complete.
    """
    names = peer_names(connection)
    if names is None:
        return None
    fingerprint: bytes = connection.get_peer_certificate().digest("sha256")
    return Holder(names.common_name or next(iter(names.alternative), ""), fingerprint)
