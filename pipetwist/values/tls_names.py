"""Names in TLS: its versions, IANA's cipher suites, and the protocols of ALPN."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path
from typing import Annotated

from pipetwist.values.checked import Checked
from pipetwist.values.quoting import quote

__all__ = ["CIPHER_SUITES", "AlpnProtocol", "CipherSuite", "TlsVersion"]

_VERSIONS = ("1.2", "1.3")

# Key exchange and authentication, and what follows: IANA has a name for each pair but those of CBC
# with SHA384 that are left out below.
_AEAD = ("AES_128_GCM_SHA256", "AES_256_GCM_SHA384")
_CHACHA = ("CHACHA20_POLY1305_SHA256",)
_CBC = ("AES_128_CBC_SHA", "AES_256_CBC_SHA", "AES_128_CBC_SHA256")
_SUITES = {
    "ECDHE_ECDSA": (*_AEAD, *_CHACHA, *_CBC, "AES_256_CBC_SHA384"),
    "ECDHE_RSA": (*_AEAD, *_CHACHA, *_CBC, "AES_256_CBC_SHA384"),
    "DHE_RSA": (*_AEAD, *_CHACHA, *_CBC, "AES_256_CBC_SHA256"),
    "RSA": (*_AEAD, *_CBC, "AES_256_CBC_SHA256"),
}


def _in_openssl(exchange: str, cipher: str) -> str:
    """OpenSSL's name, openssl-ciphers(1)."""
    cipher = (
        cipher.replace("AES_", "AES").replace("_CBC", "").replace("POLY1305_SHA256", "POLY1305")
    )
    whole = cipher if exchange == "RSA" else f"{exchange}_{cipher}"
    return whole.replace("_", "-")


CIPHER_SUITES = {
    f"TLS_{exchange}_WITH_{cipher}": _in_openssl(exchange, cipher)
    for exchange, ciphers in _SUITES.items()
    for cipher in ciphers
}
"""The cipher suites of TLS 1.2 that can be chosen: OpenSSL's name for each of IANA's."""


def _parse_version(raw: object, folder: Path) -> str:
    if raw in _VERSIONS:
        return str(raw)
    if raw in ("1.0", "1.1"):
        message = f'TLS {raw} is not supported (RFC 8996); write "1.2" or "1.3"'
    else:
        message = f'{quote(raw)} is not a version of TLS; write "1.2" or "1.3"'
    raise ValueError(message)


def _parse_cipher_suite(raw: object, folder: Path) -> str:
    if isinstance(raw, str) and raw in CIPHER_SUITES:
        return raw
    message = f"{quote(raw)} is not a cipher suite of TLS 1.2; {_suite_hint(raw)}"
    raise ValueError(message)


def _suite_hint(raw: object) -> str:
    if isinstance(raw, str):
        for name, in_openssl in CIPHER_SUITES.items():
            if raw == in_openssl:
                return f"IANA's name of it is {quote(name)}"
        if raw.startswith("TLS_") and "_WITH_" not in raw:
            return "those of TLS 1.3 can't be chosen, and are always allowed; leave it out"
        near = get_close_matches(raw, CIPHER_SUITES, 1)
        if near:
            return f"did you mean {quote(near[0])}?"
    return f"write an IANA name, such as {quote(next(iter(CIPHER_SUITES)))}"


def _parse_protocol(raw: object, folder: Path) -> str:
    if isinstance(raw, str) and 1 <= len(raw.encode("utf-8", "surrogatepass")) <= _MAX_PROTOCOL:
        return raw
    message = (
        f"{quote(raw)} is not the name of a protocol; write a text of 1 to {_MAX_PROTOCOL} bytes, "
        'such as "h2" or "http/1.1"'
    )
    raise ValueError(message)


_MAX_PROTOCOL = 255  # RFC 7301, 3.1: its length stands in one byte

TlsVersion = Annotated[str, Checked(_parse_version, {"enum": list(_VERSIONS)})]
CipherSuite = Annotated[str, Checked(_parse_cipher_suite, {"enum": list(CIPHER_SUITES)})]
AlpnProtocol = Annotated[
    str,
    Checked(
        _parse_protocol,
        {"type": "string", "minLength": 1, "maxLength": _MAX_PROTOCOL, "examples": ["h2"]},
    ),
]
