"""The contexts of servers."""

from __future__ import annotations

import os
from collections.abc import Sequence

from OpenSSL import SSL
from OpenSSL.crypto import X509StoreFlags

from pipetwist.errors import StartError
from pipetwist.tls.alpn import choosing
from pipetwist.tls.context import new_context, store_of, trust
from pipetwist.tls.pem import parse_key
from pipetwist.tls.server_files import OwnCertificate, ServerFiles
from pipetwist.tls.sni import ContextsByName
from pipetwist.transfer.loss_reasons import describe_error
from pipetwist.values.tls_options import TlsListenerOptions

__all__ = ["server_context"]

# How long a session can be resumed. It goes with what the handshake has found out about the client.
_TICKET_SECONDS = 2 * 3600


def server_context(
    label: str,
    options: TlsListenerOptions,
    read: ServerFiles,
    protocols: Sequence[bytes] = (),
    *,
    required: bool = False,
) -> SSL.Context:
    """Make the context of a server. With several certificates it has a context for each, and
    changes to the one that the client names.

    Session tickets are those of the context that is returned, for every name: OpenSSL makes them
    with keys of the context that a connection began with. These live as long as it does.

    Args:
        label: whose it is, for errors.
        options: what the configuration says.
        read: what is in the files that it names.
        protocols: what is spoken inside, preferred ones first, by the names of ALPN.
        required: see `alpn.choosing`.

    Raises:
        StartError: a certificate and its key don't belong together, or OpenSSL has none of the
            cipher suites.
    """
    # With client certificates OpenSSL resumes only the sessions of the same name of a context.
    session_id = os.urandom(16)
    contexts = []
    for own in read.own:
        context = new_context(label, options)
        _show(label, context, own)
        _ask_for_certificates(context, read)
        context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
        context.set_timeout(_TICKET_SECONDS)
        context.set_session_id(session_id)
        context.set_alpn_select_callback(choosing(protocols, required=required))
        contexts.append(context)
    first, *others = contexts
    if others:
        named = ContextsByName(zip((own.chain[0] for own in read.own), contexts, strict=True))
        first.set_tlsext_servername_callback(named.change)
    return first


def _show(label: str, context: SSL.Context, own: OwnCertificate) -> None:
    try:
        context.use_certificate(own.chain[0])
        context.use_privatekey(parse_key(own.key))
        for certificate in own.chain[1:]:
            context.add_extra_chain_cert(certificate)
        # Said now, and not to the first client, if the key is another certificate's.
        context.check_privatekey()
    except Exception as error:
        paths = f"{own.options.key_path} can't be used with {own.options.certificate_path}"
        message = f"{label}: tls.{own.place}key_path: {paths}: {describe_error(error)}"
        raise StartError(message) from error


def _ask_for_certificates(context: SSL.Context, read: ServerFiles) -> None:
    if read.authorities is None:
        return
    trust(context, read.authorities)
    context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT | SSL.VERIFY_CLIENT_ONCE)
    if read.revoked is not None:
        store = store_of(context)
        for revoked in read.revoked:
            store.add_crl(revoked)
        store.set_flags(X509StoreFlags.CRL_CHECK | X509StoreFlags.CRL_CHECK_ALL)
