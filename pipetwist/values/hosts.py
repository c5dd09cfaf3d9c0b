"""A host to listen on or to connect to: its name, or its address."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

from pipetwist.values.checked import Checked
from pipetwist.values.quoting import quote
from pipetwist.values.texts import parse_text

__all__ = ["Host"]

# No name has any of these in it, nor has an address, of which one of IPv6 has two colons at least.
_PATTERN = r"^(?!unix:)(?![^:]*:[^:]*$)[^\s/@\[\]]+$"
_PORT = re.compile(r"\[?(.*?)\]?:[0-9]*")


def _parse_host(raw: object, folder: Path) -> str:
    host = parse_text(raw, folder)
    if re.match(_PATTERN, host):
        return host
    message = f"{quote(host)} is {_why_no_host(host)}"
    raise ValueError(message)


def _why_no_host(raw: str) -> str:
    host = _PORT.fullmatch(raw)
    if raw.startswith(("unix:", "/", "./", "@")):
        return (
            "a path; unix sockets have types of their own, "
            '"unix" and "unixgram", with the key "path"'
        )
    if host is not None and host[1] and "/" not in raw:
        return f"a host with a port; write {quote(host[1])}, and the port in the key for it"
    if raw.startswith("[") and raw.endswith("]"):
        return f"in brackets; write {quote(raw[1:-1])}"
    return "no host; write its name or its address alone"


Host = Annotated[
    str,
    Checked(
        _parse_host,
        {
            "type": "string",
            "minLength": 1,
            "pattern": _PATTERN,
            "examples": ["127.0.0.1", "::1", "relay.example.org"],
        },
    ),
]
"""Its name or its address, an IPv6 address without brackets. Nothing is looked up."""
