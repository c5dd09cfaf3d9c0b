"""What a server's context is made of, read from its files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from cryptography.x509 import CertificateRevocationList
from OpenSSL.crypto import X509

from pipetwist.files import KnownFiles
from pipetwist.tls.pem import read_certificates, read_key, read_revocation_lists
from pipetwist.values.tls_options import CertificateOptions, TlsListenerOptions

__all__ = ["OwnCertificate", "ServerFiles", "read_server_files"]


@dataclass(frozen=True)
class OwnCertificate:
    """A certificate that a server shows.

    Attributes:
        place: the beginning of its keys in the object ``tls``, for errors.
        options: where it is from.
        chain: the certificate, and those that lead from it to its CA.
        key: the text of its key, which no log shows.
    """

    place: str
    options: CertificateOptions
    chain: Sequence[X509]
    key: bytes = field(repr=False)


@dataclass(frozen=True)
class ServerFiles:
    """What is in the files of a server.

    Attributes:
        own: the certificates that it shows.
        authorities: the CAs of its clients; None where it asks for no certificates.
        revoked: the revocation lists of these; None where it does not look at any.
    """

    own: Sequence[OwnCertificate]
    authorities: Sequence[X509] | None = None
    revoked: Sequence[CertificateRevocationList] | None = None


def read_server_files(label: str, options: TlsListenerOptions, files: KnownFiles) -> ServerFiles:
    """Read the files of a server.

    Args:
        label: whose they are, for errors.
        options: where they are.
        files: reads them.

    Raises:
        StartError: one can't be used.
    """
    own = [
        OwnCertificate(
            place,
            one,
            read_certificates(files, label, f"{place}certificate_path", one.certificate_path),
            read_key(files, label, f"{place}key_path", one.key_path),
        )
        for place, one in options.all_certificates
    ]
    path = options.client_certificate_path
    trusted = path and read_certificates(files, label, "client_certificate_path", path)
    path = options.client_crl_path
    revoked = path and read_revocation_lists(files, label, "client_crl_path", path)
    return ServerFiles(own, trusted or None, revoked or None)
