"""A certificate authority of one's own, in a folder: certificates for a server and its clients, for
trying TLS, or for a few machines of one owner.
"""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Sequence
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from pipetwist.errors import StartError

__all__ = ["CertificateAuthority"]

_CA = "ca"
_LATE = dt.timedelta(hours=1)
"""How late the clock of who checks a new certificate may be."""


class CertificateAuthority:
    """The authority of a folder, ``ca.pem`` with ``ca.key``; it is made if there is none.

    Args:
        folder: the folder.
        days: how long what it signs is valid, and how long it is itself.

    Raises:
        StartError: its files can't be read or written.
    """

    def __init__(self, folder: Path, days: int) -> None:
        self._folder = folder
        self._days = days
        self.written: list[str] = []
        """The names of the files that were written."""
        certificate, key = self._paths(_CA)
        if certificate.exists() or key.exists():
            self._certificate, self._key = _load(certificate, key)
            return
        self._key = ec.generate_private_key(ec.SECP256R1())
        name = _subject("pipetwist CA")
        builder = self._builder(name, name, self._key).add_extension(
            x509.BasicConstraints(ca=True, path_length=0), critical=True
        )
        usage = x509.KeyUsage(
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
        own = x509.SubjectKeyIdentifier.from_public_key(self._key.public_key())
        self._certificate = (
            builder.add_extension(usage, critical=True)
            .add_extension(own, critical=False)
            .sign(self._key, hashes.SHA256())
        )
        self._write(_CA, self._certificate, self._key)

    def issue_server(self, host: str) -> None:
        """Write ``server.pem`` and ``server.key``, for a server at this name or address.

        Raises:
            StartError: they are there already, or can't be written.
        """
        try:
            name: x509.GeneralName = x509.IPAddress(ip_address(host))
        except ValueError:
            name = x509.DNSName(host)
        self._issue("server", host, [name], ExtendedKeyUsageOID.SERVER_AUTH)

    def issue_client(self, name: str) -> None:
        """Write ``NAME.pem`` and ``NAME.key``, for a client with this common name.

        Raises:
            StartError: they are there already, or can't be written.
        """
        self._issue(name, name, [], ExtendedKeyUsageOID.CLIENT_AUTH)

    def has(self, name: str) -> bool:
        """Whether there is a certificate or a key of this name."""
        return any(path.exists() for path in self._paths(name))

    def _issue(
        self, file: str, name: str, names: Sequence[x509.GeneralName], usage: x509.ObjectIdentifier
    ) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        signer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        builder = (
            self._builder(_subject(name), self._certificate.subject, key)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
            .add_extension(signer, critical=False)
        )
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        self._write(file, builder.sign(self._key, hashes.SHA256()), key)

    def _builder(
        self, subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey
    ) -> x509.CertificateBuilder:
        now = dt.datetime.now(dt.timezone.utc)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - _LATE)
            .not_valid_after(now + dt.timedelta(days=self._days))
        )

    def _paths(self, name: str) -> tuple[Path, Path]:
        return self._folder / f"{name}.pem", self._folder / f"{name}.key"

    def _write(
        self, name: str, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey
    ) -> None:
        pem, secret = self._paths(name)
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        for path, content, mode in (
            (secret, private, 0o600),
            (pem, certificate.public_bytes(Encoding.PEM), 0o644),
        ):
            try:
                descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
                with os.fdopen(descriptor, "wb") as file:
                    file.write(content)
            except FileExistsError:
                message = f"{path} exists already, and was not changed; choose another name"
                raise StartError(message) from None
            except OSError as error:
                message = f"{path} can't be written: {error.strerror}"
                raise StartError(message) from error
            self.written.append(path.name)


def _subject(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _load(certificate: Path, key: Path) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    try:
        found = load_pem_private_key(key.read_bytes(), None)
        if not isinstance(found, ec.EllipticCurvePrivateKey):
            message = "it is of another kind than those that are made here"
            raise TypeError(message)
        return x509.load_pem_x509_certificate(certificate.read_bytes()), found
    except (OSError, ValueError, TypeError) as error:
        why = getattr(error, "strerror", None) or error
        message = f"the authority {certificate}, with its key {key}, can't be used: {why}"
        raise StartError(message) from error
