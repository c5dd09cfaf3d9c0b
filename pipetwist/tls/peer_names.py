"""The names in the certificate of a client."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from cryptography.x509 import (
    DNSName,
    ExtensionNotFound,
    RFC822Name,
    SubjectAlternativeName,
    UniformResourceIdentifier,
)
from OpenSSL import SSL
from OpenSSL.crypto import X509, Error

from pipetwist.values.san import written_san

__all__ = ["PeerNames", "peer_names"]

_KINDS: Sequence[tuple[str, type[DNSName | RFC822Name | UniformResourceIdentifier]]] = (
    ("DNS", DNSName),
    ("email", RFC822Name),
    ("URI", UniformResourceIdentifier),
)


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
    return PeerNames(_common_name(certificate), _alternative_names(certificate))


def _common_name(certificate: X509) -> str:
    """The common name of a certificate's subject, the first if there are several; empty if there is
    none, or if it is no text.
    """
    try:
        name: str | None = certificate.get_subject().CN
    except Error:
        return ""
    return name or ""


def _alternative_names(certificate: X509) -> list[str]:
    """The DNS names, e-mail addresses and URIs of a certificate, as `values.san` writes them. None
    of a certificate that can't be taken apart.
    """
    try:
        extensions = certificate.to_cryptography().extensions
        names = extensions.get_extension_for_class(SubjectAlternativeName).value
    except (ExtensionNotFound, ValueError):
        return []
    return [
        written_san(kind, name)
        for kind, type_ in _KINDS
        for name in names.get_values_for_type(type_)
    ]
