"""What a server shows and asks for, as a context of pyOpenSSL."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

from OpenSSL import SSL

from pipetwist.errors import StartError
from pipetwist.files import KnownFiles
from pipetwist.tls.context import new_context, trust
from pipetwist.tls.pem import parse_key, read_certificates, read_key
from pipetwist.transfer.loss_reasons import describe_error
from pipetwist.values.tls_files import TlsFiles

__all__ = ["server_context"]


def server_context(
    label: str,
    options: TlsFiles,
    protocols: Sequence[bytes] = (),
    files: KnownFiles | None = None,
) -> SSL.Context:
    """Make the context of a server.

    Args:
        label: whose it is, for errors.
        options: what the configuration says.
        protocols: what is spoken inside, the best first, by the names of ALPN. Clients that offer
            none of these come in all the same, without an agreement.
        files: reads the files; where it is None they are read anew.

    Raises:
        StartError: a file can't be used.
    """
    files = files or KnownFiles()
    context = new_context()
    own, *chain = read_certificates(files, label, "certificate_path", options.certificate_path)
    if options.client_certificate_path is not None:
        path = options.client_certificate_path
        trust(context, read_certificates(files, label, "client_certificate_path", path))
        context.set_verify(
            SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT | SSL.VERIFY_CLIENT_ONCE
        )
    key = read_key(files, label, "key_path", options.key_path)
    try:
        context.use_certificate(own)
        context.use_privatekey(parse_key(key))
        for certificate in chain:
            context.add_extra_chain_cert(certificate)
        # Said now, and not to the first client, where the key is another certificate's.
        context.check_privatekey()
    except Exception as error:
        paths = f"{options.key_path} can't be used with {options.certificate_path}"
        message = f"{label}: tls.key_path: {paths}: {describe_error(error)}"
        raise StartError(message) from error
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    context.set_options(SSL.OP_NO_TICKET)
    # Where client certificates are asked for OpenSSL wants to know who goes on with whose sessions.
    context.set_session_id(os.urandom(16))
    context.set_alpn_select_callback(_agreeing_on(protocols))
    return context


def _agreeing_on(protocols: Sequence[bytes]) -> Callable[[object, list[bytes]], Any]:
    """What chooses among the protocols that a client offers.

    Browsers, curl and V2Ray offer something in any case, so that who speaks none of theirs lets
    them in all the same, where RFC 7301, 3.2, would have it end.
    """

    def agree(_: object, offered: list[bytes]) -> Any:
        return next((one for one in protocols if one in offered), SSL.NO_OVERLAPPING_PROTOCOLS)

    return agree
