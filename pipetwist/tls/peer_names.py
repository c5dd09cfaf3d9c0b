"""The names in the certificate of a client."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from OpenSSL import SSL
from OpenSSL.crypto import X509, Error

from pipetwist.tls.alternative_names import alternative_names
from pipetwist.values.san import written_san

__all__ = ["PeerNames", "certificate_names", "peer_names"]


class PeerNames(NamedTuple):
    """Who a certificate names.

    Attributes:
        common_name: the common name of its subject; empty if it has none.
        alternative: its subject alternative names, as `values.san` writes them.
    """

    common_name: str
    alternative: Sequence[str]


def peer_names(connection: SSL.Connection) -> PeerNames | None:
    """The names in the certificate that a peer has shown in the handshake, or in that of the
    session that it has resumed; None if it has shown none.
    """
    certificate = connection.get_peer_certificate()
    if certificate is None:
        return None
    return certificate_names(certificate)


def certificate_names(certificate: X509) -> PeerNames:
    """The names in a certificate."""
    return PeerNames(
        _common_name(certificate),
        [written_san(kind, name) for kind, name in alternative_names(certificate)],
    )


def _common_name(certificate: X509) -> str:
    """The common name of a certificate's subject, the first if there are several; empty if there is
    none, or if it is no text.
    """
    try:
        name: str | None = certificate.get_subject().CN
    except Error:
        return ""
    return name or ""
