"""The host names that requests may have, against DNS rebinding.

A foreign page can make its own name resolve to 127.0.0.1, and then read the local listener from a
visitor's browser; but the request's Host header has the foreign name. An address in the Host header
is safe: the page would then have another origin.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from ipaddress import IPv6Address, ip_address

__all__ = ["may_ask_for"]

_HOST = re.compile(rb"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]+)(?::[0-9]{0,5})?")


def may_ask_for(headers: Sequence[bytes], names: Iterable[str]) -> bool:
    """Whether a request may be answered, by its Host header.

    Args:
        headers: its Host headers; there must be one (RFC 9112, section 3.2).
        names: the allowed names, in lower case. Every address is allowed, and ``localhost``.
    """
    match = _HOST.fullmatch(headers[0]) if len(headers) == 1 else None
    if match is None:
        return False
    host = match[1].decode().lower()
    return _is_address(host) or host.removesuffix(".") in {"localhost", *names}


def _is_address(host: str) -> bool:
    try:
        if host.startswith("["):
            IPv6Address(host[1:-1])
        else:
            ip_address(host)
    except ValueError:
        return False
    return True
