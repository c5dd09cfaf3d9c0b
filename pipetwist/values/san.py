"""Subject alternative names of certificates (RFC 5280, 4.2.1.6), written as OpenSSL does:
``DNS:alice.example.org``, ``email:alice@example.org``, ``URI:spiffe://example.org/alice``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pipetwist.values.checked import Checked
from pipetwist.values.quoting import quote

__all__ = ["SubjectAltName", "written_san"]

_KINDS = {"dns": "DNS", "email": "email", "uri": "URI"}


def written_san(kind: str, name: str) -> str:
    """Write a name such that two that are the same are the same text.

    Case does not matter to names of hosts, those of e-mail addresses too (RFC 5280, 7). A URI is
    compared as it is, as SPIFFE wants it.

    Args:
        kind: ``DNS``, ``email`` or ``URI``.
        name: the name.
    """
    if kind == "DNS":
        name = name.lower()
    elif kind == "email":
        local, at, host = name.rpartition("@")
        name = f"{local}{at}{host.lower()}"
    return f"{kind}:{name}"


def _parse_san(raw: object, folder: Path) -> str:
    if isinstance(raw, str):
        kind, _, name = raw.partition(":")
        if kind.lower() in _KINDS and name and name.isascii():
            return written_san(_KINDS[kind.lower()], name)
    message = (
        f'{quote(raw)} is not a subject alternative name; write "DNS:alice.example.org", '
        '"email:alice@example.org" or "URI:spiffe://example.org/alice", in ASCII'
    )
    raise ValueError(message)


SubjectAltName = Annotated[
    str,
    Checked(
        _parse_san,
        {
            "type": "string",
            "pattern": "^([Dd][Nn][Ss]|[Ee][Mm][Aa][Ii][Ll]|[Uu][Rr][Ii]):[ -~]+$",
            "examples": ["DNS:alice.example.org", "email:alice@example.org"],
        },
    ),
]
"""A subject alternative name, its host in small letters."""
