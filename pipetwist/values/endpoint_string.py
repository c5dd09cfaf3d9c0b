"""What a Twisted endpoint string says of the host that it listens at; the string itself is for
Twisted to take apart.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

from pipetwist.values.bind_address import EVERY_IPV4, BindAddress, PortAddress, UnixAddress
from pipetwist.values.checked import Checked
from pipetwist.values.quoting import quote
from pipetwist.values.texts import parse_text

__all__ = ["EndpointString", "listen_address", "listen_host", "listen_path"]

# The kind of endpoint comes first, as the name of a plug-in.
_KIND = r"^[A-Za-z][A-Za-z0-9_+-]*(:|$)"

_PARAMETER = re.compile(r"((?:\\.|[^\\:])*)(?::|\Z)", re.DOTALL)
_KEY_AND_VALUE = re.compile(r"((?:\\.|[^\\=])*)=(.*)", re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)

# What Twisted's own kinds of endpoints take for the host, by its place where it has no key.
_PLACES = {"tcp": 2, "tcp6": 3, "ssl": 5, "tls": 4}
_WRAPPER = "haproxy"


def listen_host(description: str) -> str | None:
    """The host that a server endpoint string is to listen at, as Twisted's own kinds write it:
    ``interface=`` or its place. None if it says none.

    Args:
        description: the string, as ``twisted.internet.endpoints.serverFromString`` takes it.
    """
    words, keys = _parameters(description)
    place = _PLACES.get(words[0].lower()) if words else None
    if place is None:
        return None
    return keys.get("interface") or next(iter(words[place : place + 1]), None) or None


def listen_path(description: str) -> str | None:
    """The path of the unix socket that a server endpoint string is to listen at; None if it is of
    another kind.

    Args:
        description: as for `listen_host`.
    """
    words, keys = _parameters(description)
    if words[:1] != ["unix"]:
        return None
    return keys.get("address") or next(iter(words[1:2]), None) or None


def listen_address(description: str) -> BindAddress | None:
    """Where a server endpoint string is to listen, of those kinds of Twisted's own whose strings
    say all of it; None for others.

    Args:
        description: as for `listen_host`.
    """
    path = listen_path(description)
    if path is not None:
        return UnixAddress(path)
    words, keys = _parameters(description)
    port = keys.get("port") or next(iter(words[1:2]), "")
    if words[:1] != ["tcp"] or not port.isdecimal():
        return None
    return PortAddress(listen_host(description) or EVERY_IPV4, int(port))


def _parameters(description: str) -> tuple[list[str], dict[str, str]]:
    """Those without a key, the kind first, and those with one."""
    keys: dict[str, str] = {}
    words: list[str] = []
    for parameter in _PARAMETER.findall(description):
        pair = _KEY_AND_VALUE.fullmatch(parameter)
        if pair is None:
            words.append(_unescaped(parameter))
        else:
            keys[_unescaped(pair[1])] = _unescaped(pair[2])
    while words and words[0].lower() == _WRAPPER:
        del words[0]
    return words, keys


def _unescaped(text: str) -> str:
    return _ESCAPED.sub(r"\1", text)


def _parse(raw: object, folder: Path) -> str:
    description = parse_text(raw, folder)
    if re.match(_KIND, description):
        return description
    if description.startswith(("/", "./", "@")):
        why = f'is a path; write {quote(f"unix:{description}")}, or use the type "unix"'
    else:
        why = 'names no kind of endpoint; write it first, as in "tcp:127.0.0.1:80"'
    message = f"{quote(description)} {why}"
    raise ValueError(message)


EndpointString = Annotated[
    str,
    Checked(
        _parse, {"type": "string", "pattern": _KIND, "examples": ["tcp:127.0.0.1:80", "unix:/x"]}
    ),
]
"""A Twisted endpoint string. Twisted itself parses it at the start."""
