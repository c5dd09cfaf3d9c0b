"""The TLS of outbounds, by their keys."""

from __future__ import annotations

from pipetwist.files import KnownFiles
from pipetwist.kinds.outbound_options import TlsClientOptions
from pipetwist.tls.connector import ConnectorTls
from pipetwist.values.tls_options import in_use

__all__ = ["read_tls"]


def read_tls(
    label: str, options: TlsClientOptions | None, server: str, files: KnownFiles | None = None
) -> ConnectorTls | None:
    """Read the certificates that the server's is checked against.

    Args:
        label: whose they are, for errors.
        options: what the configuration says.
        server: the name that the server's certificate must have, unless they say another.
        files: reads them, and only if they have changed; if None, they are read in any case.

    Returns:
        What connections are made with; None if they don't use TLS.

    Raises:
        StartError: a file can't be used, or the name is none.
    """
    tls = in_use(options)
    if tls is None:
        return None
    name = tls.server_name or server
    protocols = [protocol.encode() for protocol in tls.alpn]
    return ConnectorTls(label, name, tls.certificate_path, files, tls, protocols)
