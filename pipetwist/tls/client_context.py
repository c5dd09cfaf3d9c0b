"""The contexts of clients."""

from __future__ import annotations

from collections.abc import Sequence

from OpenSSL import SSL

from pipetwist.files import KnownFiles
from pipetwist.tls.context import new_context, trust
from pipetwist.tls.pem import read_certificates
from pipetwist.tls.server_name import ServerName
from pipetwist.values.tls_options import TlsOptions

__all__ = ["client_context"]


def client_context(
    label: str,
    options: TlsOptions,
    server_name: ServerName,
    certificate_path: str | None,
    protocols: Sequence[bytes],
    files: KnownFiles,
) -> SSL.Context:
    """Make the context of a client, whose handshakes fail with a server of another name.

    Args:
        label: whose it is, for errors.
        options: what the configuration says.
        server_name: the name that the server's certificate must have.
        certificate_path: the CA of the server's certificate; None for the system's.
        protocols: what the server is offered by ALPN, preferred ones first.
        files: reads the CA's file.

    Raises:
        StartError: the file can't be used, or OpenSSL has none of the cipher suites.
    """
    context = new_context(label, options)
    if certificate_path is None:
        context.set_default_verify_paths()
    else:
        trust(context, read_certificates(files, label, "certificate_path", certificate_path))
    if protocols:
        context.set_alpn_protos(list(protocols))
    context.set_verify(SSL.VERIFY_PEER, server_name.verify)
    return context
