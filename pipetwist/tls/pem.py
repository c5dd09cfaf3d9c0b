"""Reading PEM files: certificates, keys and revocation lists, or what is wrong with them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TypeVar

from cryptography.x509 import CertificateRevocationList, load_pem_x509_crl
from OpenSSL.crypto import FILETYPE_PEM, X509, PKey, load_certificate, load_privatekey

from pipetwist.errors import StartError
from pipetwist.files import KnownFiles
from pipetwist.transfer.loss_reasons import describe_error

__all__ = ["parse_key", "read_certificates", "read_key", "read_revocation_lists"]

_CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)
_LIST = re.compile(rb"-----BEGIN X509 CRL-----.*?-----END X509 CRL-----", re.DOTALL)

_Part = TypeVar("_Part")


def read_certificates(files: KnownFiles, label: str, key: str, path: str) -> Sequence[X509]:
    """Read all certificates of a file, in their order.

    Args:
        files: reads it.
        label: whose it is, for errors.
        key: its key in the object ``tls``, for errors.
        path: where it is.

    Raises:
        StartError: it can't be read, a certificate in it is broken, or there is none.
    """
    content = _read(files, label, key, path)
    return _parse(_certificates, content, "certificate", f"{label}: tls.{key}", path)


def read_revocation_lists(
    files: KnownFiles, label: str, key: str, path: str
) -> Sequence[CertificateRevocationList]:
    """Read all certificate revocation lists of a file.

    Args:
        files: reads it.
        label: whose it is, for errors.
        key: its key in the object ``tls``, for errors.
        path: where it is.

    Raises:
        StartError: it can't be read, a list in it is broken, or there is none.
    """
    content = _read(files, label, key, path)
    return _parse(_lists, content, "revocation list", f"{label}: tls.{key}", path)


def read_key(files: KnownFiles, label: str, key: str, path: str) -> bytes:
    """Read the text of a private key, which `parse_key` takes.

    Args:
        files: reads it.
        label: whose it is, for errors.
        key: its key in the object ``tls``, for errors.
        path: where it is.

    Raises:
        StartError: it can't be read, or it is encrypted.
    """
    content = _read(files, label, key, path)
    if b"ENCRYPTED" in content:
        # OpenSSL would ask for the pass phrase at a terminal that a daemon does not have.
        message = f"{label}: tls.{key}: {path} is encrypted; a key without a pass phrase is needed"
        raise StartError(message)
    return content


def parse_key(content: bytes) -> PKey:
    """The private key of a text that `read_key` has read.

    Raises:
        Exception: pyOpenSSL's; there is none in it.
    """
    return load_privatekey(FILETYPE_PEM, content)


def _parse(
    parse: Callable[[bytes], Sequence[_Part]], content: bytes, what: str, place: str, path: str
) -> Sequence[_Part]:
    try:
        parts = parse(content)
    except Exception as error:
        message = f"{place}: {path} can't be used: {describe_error(error)}"
        raise StartError(message) from error
    if not parts:
        message = f"{place}: there is no {what} in {path}"
        raise StartError(message)
    return parts


@lru_cache(maxsize=64)
def _certificates(content: bytes) -> tuple[X509, ...]:
    # A file of all public CAs takes 10 ms, in which every connection waits: once is enough.
    return tuple(load_certificate(FILETYPE_PEM, part) for part in _CERTIFICATE.findall(content))


@lru_cache(maxsize=8)
def _lists(content: bytes) -> tuple[CertificateRevocationList, ...]:
    return tuple(load_pem_x509_crl(part) for part in _LIST.findall(content))


def _read(files: KnownFiles, label: str, key: str, path: str) -> bytes:
    try:
        return files.read(path)
    except OSError as error:
        message = f"{label}: tls.{key}: {path} can't be read: {error.strerror}"
        raise StartError(message) from error
