"""What the contexts of both ends have in common."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

from OpenSSL import SSL
from OpenSSL.crypto import X509, X509Store

from pipetwist.errors import StartError
from pipetwist.transfer.loss_reasons import describe_error
from pipetwist.values.tls_names import CIPHER_SUITES
from pipetwist.values.tls_options import TlsOptions

__all__ = ["new_context", "store_of", "trust"]

# Suites of TLS 1.2; those of 1.3 are all good. Those with forward secrecy come first, and of these
# those without CBC. The peer and the kind of certificate decide which remain.
_CIPHERS = (
    "ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:DHE+CHACHA20:"
    "ECDHE+AES256:DHE+AES256:ECDHE+AES128:DHE+AES128:RSA+AESGCM:RSA+AES:!aNULL:!eNULL:!DSS"
)
_VERSIONS = {"1.2": SSL.TLS1_2_VERSION, "1.3": SSL.TLS1_3_VERSION}


def new_context(label: str, options: TlsOptions) -> SSL.Context:
    """Make a context with its versions and cipher suites, but without certificates.

    Args:
        label: whose it is, for errors.
        options: what the configuration says.

    Raises:
        StartError: this OpenSSL has none of the cipher suites.
    """
    context = SSL.Context(SSL.TLS_METHOD)
    # In the middle of another handshake nothing can be written until the peer has gone on with it,
    # and each costs a server as much as the first. TLS 1.3 knows none.
    context.set_options(
        SSL.OP_NO_COMPRESSION | SSL.OP_CIPHER_SERVER_PREFERENCE | SSL.OP_NO_RENEGOTIATION
    )
    # An idle connection keeps no buffers.
    context.set_mode(SSL.MODE_RELEASE_BUFFERS)
    context.set_min_proto_version(_VERSIONS[options.min_version or "1.2"])
    if options.max_version is not None:
        context.set_max_proto_version(_VERSIONS[options.max_version])
    ciphers = ":".join(CIPHER_SUITES[name] for name in options.cipher_suites) or _CIPHERS
    try:
        context.set_cipher_list(ciphers.encode("ascii"))
    except SSL.Error as error:
        message = f"{label}: tls.cipher_suites: OpenSSL has none of these: {describe_error(error)}"
        raise StartError(message) from error
    return context


def store_of(context: SSL.Context) -> X509Store:
    """The certificates that a context trusts, and what it checks of others."""
    # The annotation allows None, but a context has a store from the beginning.
    return cast("X509Store", context.get_cert_store())


def trust(context: SSL.Context, authorities: Iterable[X509]) -> None:
    """Have a context trust the certificates that these CAs have signed."""
    store = store_of(context)
    for authority in authorities:
        store.add_cert(authority)
