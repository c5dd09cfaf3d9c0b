"""Who a client of the control service is, or of the page: the kernel or its certificate says so."""

from __future__ import annotations

import os
from typing import Any

from twisted.internet.interfaces import ISSLTransport

from pipetwist.api.frames import RefusedError
from pipetwist.interfaces import AnyTransport
from pipetwist.tls.peer_names import peer_names
from pipetwist.transfer.peer_credentials import peer_credentials
from pipetwist.values import quote

__all__ = ["certificate_holder", "identify"]

_ROOT = 0


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
        return holder
    peer = peer_credentials(handle)
    # Whatever mode the socket's file was given meanwhile.
    if peer.uid not in (_ROOT, os.geteuid()):
        message = f"{peer} is neither the daemon's user nor root"
        raise RefusedError(message)
    return str(peer)


def certificate_holder(
    connection: Any,  # an OpenSSL.SSL.Connection; only the room tls imports it
) -> str | None:
    """Who has shown a certificate, by its names; None if nobody has.

    Args:
        connection: pyOpenSSL's, its handshake complete.
    """
    names = peer_names(connection)
    if names is None:
        return None
    shown = names.common_name or next(iter(names.alternative), "")
    return f"the certificate {quote(shown)}"
