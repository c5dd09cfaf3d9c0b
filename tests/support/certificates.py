"""Certificates made for a test."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import ExtensionOID, NameOID

__all__ = ["Authority"]

_DAY = dt.timedelta(days=1)
# Python from 3.13 on checks as strictly as RFC 5280 says: a CA says what it may do, and who signed
# can be told from a certificate.
_SIGNS_CERTIFICATES = x509.KeyUsage(
    key_cert_sign=True,
    crl_sign=True,
    digital_signature=False,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    encipher_only=False,
    decipher_only=False,
)


class Authority:
    """A CA, and the certificates that it signs, as PEM files.

    Args:
        folder: where the files go.
        name: of the CA, and of its file.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _subject(name)
        own_key = x509.SubjectKeyIdentifier.from_public_key(self._key.public_key())
        certificate = (
            _builder(self._name, self._name, self._key)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_SIGNS_CERTIFICATES, critical=True)
            .add_extension(own_key, critical=False)
        )
        self.path = folder / f"{name}.pem"
        """The CA's certificate."""
        self.path.write_bytes(
            certificate.sign(self._key, hashes.SHA256()).public_bytes(Encoding.PEM)
        )

    def issue(
        self,
        name: str,
        pass_phrase: bytes | None = None,
        *,
        key: CertificateIssuerPrivateKeyTypes | None = None,
        address: str = "127.0.0.1",
        names: Sequence[x509.GeneralName] | bytes | None = None,
        expired: bool = False,
    ) -> tuple[Path, Path]:
        """Sign a certificate for that name, localhost and an address.

        Args:
            name: the subject's common name, and the files' name.
            pass_phrase: what the key is encrypted with, if it is.
            key: the key; a new one of the curve P-256 where it is None.
            address: the address.
            names: what it is for instead; nothing, so that it has the common name alone, where
                that is empty. Bytes are the DER of all names, which need not be known to anybody.
            expired: whether it is not valid any more.

        Returns:
            The certificate's file and the key's.
        """
        key = key or ec.generate_private_key(ec.SECP256R1())
        if names is None:
            local = x509.DNSName("localhost"), x509.IPAddress(ip_address(address))
            names = [x509.DNSName(name), *local]
        signer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        unsigned = _builder(_subject(name), self._name, key, expired=expired)
        unsigned = unsigned.add_extension(signer, critical=False)
        if isinstance(names, bytes):
            raw = x509.UnrecognizedExtension(ExtensionOID.SUBJECT_ALTERNATIVE_NAME, names)
            unsigned = unsigned.add_extension(raw, critical=False)
        elif names:
            unsigned = unsigned.add_extension(x509.SubjectAlternativeName(names), critical=False)
        certificate = unsigned.sign(self._key, hashes.SHA256())
        encryption = NoEncryption() if pass_phrase is None else BestAvailableEncryption(pass_phrase)
        paths = self._folder / f"{name}.pem", self._folder / f"{name}.key"
        paths[0].write_bytes(certificate.public_bytes(Encoding.PEM))
        paths[1].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption))
        return paths

    def revoke(self, *certificates: Path, file: str = "revoked.pem", expired: bool = False) -> Path:
        """Write a revocation list with these certificates.

        Args:
            certificates: their files.
            file: the list's name.
            expired: whether the next list should have come already.

        Returns:
            The list's file.
        """
        now = dt.datetime.now(dt.timezone.utc)
        revoked = x509.CertificateRevocationListBuilder(
            self._name, now - 2 * _DAY, now - _DAY if expired else now + _DAY
        )
        for path in certificates:
            number = x509.load_pem_x509_certificate(path.read_bytes()).serial_number
            entry = x509.RevokedCertificateBuilder(number, now - _DAY).build()
            revoked = revoked.add_revoked_certificate(entry)
        path = self._folder / file
        path.write_bytes(revoked.sign(self._key, hashes.SHA256()).public_bytes(Encoding.PEM))
        return path


def _subject(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: CertificateIssuerPrivateKeyTypes,
    *,
    expired: bool = False,
) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.timezone.utc)
    end = now - _DAY if expired else now + _DAY
    return x509.CertificateBuilder(
        issuer, subject, key.public_key(), x509.random_serial_number(), end - 2 * _DAY, end
    )
