"""Who may name the client that it is a proxy of: networks of IP, unix sockets, and vsock."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

from pipetwist.values.checked import Checked
from pipetwist.values.networks import parse_network
from pipetwist.values.quoting import quote

__all__ = ["DEFAULT_PROXIES", "UNIX", "VSOCK", "TrustedProxy"]

UNIX = "unix"
"""Everybody who comes by a unix socket."""
VSOCK = "vsock"
"""Everybody who comes by vsock; with a colon and a cid behind it, one machine."""
DEFAULT_PROXIES = ("127.0.0.0/8", "::1/128", UNIX)
"""Those on this machine."""

_WORDS = re.compile(rf"{UNIX}|{VSOCK}(:(0|[1-9][0-9]{{0,9}}))?")


def _parse_trusted_proxy(raw: object, folder: Path) -> str:
    if isinstance(raw, str):
        if _WORDS.fullmatch(raw):
            return raw
        try:
            return parse_network(raw)
        except ValueError:
            pass
    message = (
        f'{quote(raw)} is no proxy that could be trusted; write a network, such as "10.0.0.0/8", '
        'an IP address, "unix", "vsock", or "vsock:3" for one machine'
    )
    raise ValueError(message)


TrustedProxy = Annotated[
    str,
    Checked(
        _parse_trusted_proxy,
        {"type": "string", "minLength": 1, "examples": ["10.0.0.0/8", "::1", "unix", "vsock:3"]},
    ),
]
"""A network of IPv4 or IPv6, an address as that of a single one, ``unix``, ``vsock``, or ``vsock:``
and a machine's cid.
"""
