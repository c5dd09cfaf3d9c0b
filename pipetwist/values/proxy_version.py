"""Versions of the PROXY protocol."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pipetwist.values.checked import Checked
from pipetwist.values.quoting import quote

__all__ = ["DatagramProxyVersion", "ProxyVersion"]


def _parse_version(raw: object, folder: Path) -> int:
    if type(raw) is int and raw in (1, 2):  # True is an int as well
        return raw
    message = f"{quote(raw)} is no version of the PROXY protocol; write 1 or 2"
    raise ValueError(message)


def _parse_datagram_version(raw: object, folder: Path) -> int:
    if type(raw) is int and raw == 2:
        return raw
    message = f"{quote(raw)} is no version of the PROXY protocol that datagrams have; write 2"
    raise ValueError(message)


ProxyVersion = Annotated[int, Checked(_parse_version, {"type": "integer", "enum": [1, 2]})]
"""A version: the first, which is a line of text, or the second."""
DatagramProxyVersion = Annotated[
    int, Checked(_parse_datagram_version, {"type": "integer", "enum": [2]})
]
"""A version that datagrams have, which is the second alone."""
