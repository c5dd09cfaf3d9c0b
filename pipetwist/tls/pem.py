"""What is in PEM files, or what is wrong with it."""

from __future__ import annotations

import re
from functools import lru_cache

from OpenSSL.crypto import FILETYPE_PEM, X509, PKey, load_certificate, load_privatekey

from pipetwist.errors import StartError
from pipetwist.files import KnownFiles
from pipetwist.transfer.loss_reasons import describe_error

__all__ = ["parse_key", "read_certificates", "read_key"]

_CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)


def read_certificates(files: KnownFiles, label: str, key: str, path: str) -> tuple[X509, ...]:
    """Read all certificates of a file, in their order.

    Args:
        files: reads it.
        label: whose it is, for errors.
        key: what names it in the configuration, for errors.
        path: where it is.

    Raises:
        StartError: it can't be read, one of them is none, or there is none.
    """
    content = _read(files, label, key, path)
    try:
        certificates = _parse(content)
    except Exception as error:
        message = f"{label}: tls.{key}: {path} can't be used: {describe_error(error)}"
        raise StartError(message) from error
    if not certificates:
        message = f"{label}: tls.{key}: there is no certificate in {path}"
        raise StartError(message)
    return certificates


def read_key(files: KnownFiles, label: str, key: str, path: str) -> bytes:
    """Read a private key's text, which `parse_key` takes.

    Args:
        files: reads it.
        label: whose it is, for errors.
        key: what names it in the configuration, for errors.
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


@lru_cache(maxsize=64)
def _parse(content: bytes) -> tuple[X509, ...]:
    # A file of all public CAs takes 10 ms, in which every connection waits: once is enough.
    return tuple(load_certificate(FILETYPE_PEM, part) for part in _CERTIFICATE.findall(content))


def _read(files: KnownFiles, label: str, key: str, path: str) -> bytes:
    try:
        return files.read(path)
    except OSError as error:
        message = f"{label}: tls.{key}: {path} can't be read: {error.strerror}"
        raise StartError(message) from error
