"""What a client asks for, as a context of pyOpenSSL."""

from __future__ import annotations

from OpenSSL import SSL

from pipetwist.files import KnownFiles
from pipetwist.tls.context import new_context, trust
from pipetwist.tls.pem import read_certificates
from pipetwist.tls.server_name import ServerName

__all__ = ["client_context"]


def client_context(
    label: str, server_name: ServerName, certificate_path: str | None, files: KnownFiles
) -> SSL.Context:
    """Make the context of a client, whose handshakes fail with a server of another name.

    Args:
        label: whose it is, for errors.
        server_name: the name that the server's certificate must have.
        certificate_path: the CA of the server's certificate; None for the system's.
        files: reads it.

    Raises:
        StartError: a file can't be used.
    """
    context = new_context()
    if certificate_path is None:
        context.set_default_verify_paths()
    else:
        trust(context, read_certificates(files, label, "certificate_path", certificate_path))
    context.set_verify(SSL.VERIFY_PEER, server_name.verify)
    return context
