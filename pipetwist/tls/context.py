"""What the contexts of both ends have."""

from __future__ import annotations

from collections.abc import Iterable

from OpenSSL import SSL
from OpenSSL.crypto import X509

__all__ = ["new_context", "trust"]

# Suites of TLS 1.2; those of 1.3 are all good. First what keeps what was said secret from who gets
# the key later, of these first what is no CBC. What a peer and a certificate can do decides.
_CIPHERS = (
    b"ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:DHE+CHACHA20:"
    b"ECDHE+AES256:DHE+AES256:ECDHE+AES128:DHE+AES128:RSA+AESGCM:RSA+AES:!aNULL:!eNULL:!DSS"
)


def new_context() -> SSL.Context:
    """A context of TLS 1.2 and 1.3 that neither shows nor trusts anything yet."""
    context = SSL.Context(SSL.TLS_METHOD)
    context.set_options(SSL.OP_NO_COMPRESSION | SSL.OP_CIPHER_SERVER_PREFERENCE)
    # An idle connection keeps no buffers.
    context.set_mode(SSL.MODE_RELEASE_BUFFERS)
    context.set_min_proto_version(SSL.TLS1_2_VERSION)
    context.set_cipher_list(_CIPHERS)
    return context


def trust(context: SSL.Context, authorities: Iterable[X509]) -> None:
    """Have a context trust certificates that these CAs have signed."""
    store = context.get_cert_store()
    if store is not None:  # as the annotation has it; a context has one from the beginning
        for authority in authorities:
            store.add_cert(authority)
