"""The names that the listener answers to, against DNS rebinding.

A page from elsewhere can have its own name resolve to 127.0.0.1 and then read, in a client's
browser, what listens there; but the request says which name it was made for. An address is no such
name: a browser that was sent to it says so, and a page from elsewhere is of another origin.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from ipaddress import IPv6Address, ip_address

__all__ = ["may_ask_for"]

_HOST = re.compile(rb"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]+)(?::[0-9]{0,5})?")


def may_ask_for(headers: Sequence[bytes], names: Iterable[str]) -> bool:
    """Whether a request may be answered by the host that it was made for.

    Args:
        headers: its Host headers; there must be one (RFC 9112, section 3.2).
        names: the names that are good, in small letters. Every address is, and ``localhost``.
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
