"""The subject alternative names of a certificate (RFC 5280, 4.2.1.6)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cryptography.x509 import (
    Certificate,
    DNSName,
    ExtensionNotFound,
    RFC822Name,
    SubjectAlternativeName,
    UniformResourceIdentifier,
    UnsupportedGeneralNameType,
)
from OpenSSL.crypto import X509

__all__ = ["alternative_names"]

_KINDS: Sequence[tuple[str, type[DNSName | RFC822Name | UniformResourceIdentifier]]] = (
    ("DNS", DNSName),
    ("email", RFC822Name),
    ("URI", UniformResourceIdentifier),
)

# The tags of those kinds among general names, and what leads to them (RFC 5280, 4.1 and 4.2.1.6).
_KINDS_BY_TAG = {0x82: "DNS", 0x81: "email", 0x86: "URI"}
_SEQUENCE, _OBJECT_IDENTIFIER, _OCTET_STRING, _EXTENSIONS = 0x30, 0x06, 0x04, 0xA3
_SUBJECT_ALT_NAME = b"\x55\x1d\x11"  # 2.5.29.17

_LONG_TAG = 0x1F
_LONG_LENGTH = 0x80


def alternative_names(certificate: X509) -> list[tuple[str, str]]:
    """The DNS names, e-mail addresses and URIs of a certificate, each with its kind: ``DNS``,
    ``email`` or ``URI``. Names of other kinds are skipped. None of a certificate that can't be
    taken apart.
    """
    try:
        parsed = certificate.to_cryptography()
        try:
            names = parsed.extensions.get_extension_for_class(SubjectAlternativeName).value
        except UnsupportedGeneralNameType:
            # The package gives up at names of X.400 and EDI, with all others of the certificate.
            return _read(parsed)
    except (ExtensionNotFound, ValueError):
        return []
    return [(kind, name) for kind, type_ in _KINDS for name in names.get_values_for_type(type_)]


def _read(certificate: Certificate) -> list[tuple[str, str]]:
    """The names of a certificate that has others beside them which cryptography does not read.

    Raises:
        ValueError: it can't be taken apart, or a name is not ASCII.
    """
    found = [
        (_KINDS_BY_TAG[tag], name.decode("ascii"))
        for tag, name in _general_names(certificate.tbs_certificate_bytes)
        if tag in _KINDS_BY_TAG
    ]
    kinds = [kind for kind, _ in _KINDS]
    return sorted(found, key=lambda one: kinds.index(one[0]))


def _general_names(unsigned: bytes) -> Iterator[tuple[int, bytes]]:
    """The tag and the contents of each name of a TBSCertificate."""
    for _, fields in _elements(unsigned):
        for tag, wrapped in _elements(fields):
            if tag == _EXTENSIONS:
                for extension in _contents(_contents(wrapped, _SEQUENCE)[0], _SEQUENCE):
                    yield from _names_of(extension)


def _names_of(extension: bytes) -> Iterator[tuple[int, bytes]]:
    if _SUBJECT_ALT_NAME in _contents(extension, _OBJECT_IDENTIFIER):
        for value in _contents(extension, _OCTET_STRING):
            for names in _contents(value, _SEQUENCE):
                yield from _elements(names)


def _contents(encoded: bytes, wanted: int) -> list[bytes]:
    return [contents for tag, contents in _elements(encoded) if tag == wanted]


def _elements(encoded: bytes) -> Iterator[tuple[int, bytes]]:
    """The elements of DER one after the other (X.690, 8.1): the tag and the contents of each.

    Raises:
        ValueError: it is not DER, or has a tag of several bytes, which no certificate has there.
    """
    start = 0
    while start < len(encoded):
        tag, length, *_ = *encoded[start : start + 2], _LONG_LENGTH
        begin = start + 2
        if tag & _LONG_TAG == _LONG_TAG or length == _LONG_LENGTH:
            message = "this is not DER"
            raise ValueError(message)
        if length > _LONG_LENGTH:
            begin += length - _LONG_LENGTH
            length = int.from_bytes(encoded[start + 2 : begin], "big")
        start = begin + length
        if start > len(encoded):
            message = "this DER is cut off"
            raise ValueError(message)
        yield tag, encoded[begin:start]
