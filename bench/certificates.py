"""Certificates for the relays that speak TLS: one of each kind, the same for all."""

from __future__ import annotations

import datetime as dt
from enum import Enum
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

__all__ = ["Key", "pem_file"]

_LIFE = dt.timedelta(days=2)


class Key(Enum):
    """What a certificate's key is."""

    RSA_2048 = "rsa-2048"
    ECDSA_P256 = "ecdsa-p256"


def pem_file(kind: Key, folder: Path) -> Path:
    """A file with a certificate of that kind and its key, which is made where there is none yet.

    Args:
        kind: what the key is.
        folder: where it is; whoever asks for the same folder has the same certificate.
    """
    path = folder / f"{kind.value}.pem"
    if path.exists():
        return path
    key = (
        rsa.generate_private_key(public_exponent=65537, key_size=2048)
        if kind is Key.RSA_2048
        else ec.generate_private_key(ec.SECP256R1())
    )
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.timezone.utc)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - _LIFE)
        .not_valid_after(now + _LIFE)
        .sign(key, hashes.SHA256())
    )
    text = certificate.public_bytes(Encoding.PEM) + key.private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    path.touch(mode=0o600)
    path.write_bytes(text)
    return path
