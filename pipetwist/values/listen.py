"""Addresses of the API and the metrics: ``host:port``, or ``unix:`` and a path.

Only the text is checked: nothing is opened or looked up.
"""

from __future__ import annotations

import re
from ipaddress import IPv6Address, ip_address
from pathlib import Path
from typing import Annotated

from pipetwist.values.bind_address import PortAddress, UnixAddress
from pipetwist.values.checked import Checked
from pipetwist.values.numbers import parse_port
from pipetwist.values.paths import is_abstract, parse_unix_path
from pipetwist.values.quoting import quote

__all__ = ["HostName", "ListenAddress", "TcpListenAddress", "parse_listen", "why_refused"]

_UNIX = "unix:"
_HOST_AND_PORT = re.compile(r"(\[[^\[\]]*\]|[^\[\]:]*):([0-9]{1,5})", re.ASCII)
_HOST_NAME = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?")


def parse_listen(raw: object, folder: Path | None = None) -> PortAddress | UnixAddress:
    """Parse an address to listen on.

    Args:
        raw: what the configuration says.
        folder: what a relative path is relative to; by default the current folder.

    Raises:
        ValueError: it is not such an address.
    """
    if isinstance(raw, str) and raw.startswith(_UNIX):
        path = raw.removeprefix(_UNIX)
        if is_abstract(path):
            message = (
                f"{quote(raw)} is an abstract name, which every user of this machine could "
                "connect to; write a path"
            )
            raise ValueError(message)
        return UnixAddress(parse_unix_path(path, (folder or Path()).absolute()))
    match = _HOST_AND_PORT.fullmatch(raw) if isinstance(raw, str) else None
    if match is None:
        message = (
            f'{quote(raw)} is not an address; write "127.0.0.1:10085", "[::1]:10085" or '
            '"unix:/path"'
        )
        raise ValueError(message)
    return PortAddress(_parse_host(match[1], match[0]), parse_port(int(match[2])))


def _parse_host(host: str, whole: str) -> str:
    if not host:
        message = (
            f'{quote(whole)} names no host; write "127.0.0.1:PORT" for this machine, or '
            '"[::]:PORT" for every address'
        )
        raise ValueError(message)
    if host.startswith("["):
        try:
            return str(IPv6Address(host[1:-1]))
        except ValueError:
            message = f"{quote(host)} is not an IPv6 address"
            raise ValueError(message) from None
    if re.fullmatch(r"[0-9.]+", host):
        try:
            return str(ip_address(host))
        except ValueError:
            message = f"{quote(host)} is not an IPv4 address"
            raise ValueError(message) from None
    if not _HOST_NAME.fullmatch(host):
        message = f"{quote(host)} is not the name of a host"
        raise ValueError(message)
    return host


def why_refused(listen: PortAddress | UnixAddress, *, tls: bool, insecure: bool) -> str | None:
    """Why such a listener is refused; None if it is not.

    The counters show who uses the relay and when, and everybody who can connect may reset them.
    """
    if isinstance(listen, UnixAddress):
        return (
            "a unix socket has no TLS; leave the key out, or listen on a TCP port" if tls else None
        )
    if listen.is_loopback or tls or insecure:
        return None
    return (
        f'{listen} can be reached from other machines without TLS; give "tls", or listen on '
        '127.0.0.1, or say "insecure": true'
    )


def _normalise(raw: object, folder: Path) -> str:
    return str(parse_listen(raw, folder))


def _normalise_tcp(raw: object, folder: Path) -> str:
    listen = parse_listen(raw, folder)
    if isinstance(listen, UnixAddress):
        message = (
            f"{quote(raw)} is a unix socket, where no browser and no Prometheus can ask; write "
            '"127.0.0.1:9100" or "[::1]:9100"'
        )
        raise ValueError(message)
    return str(listen)


def _parse_host_name(raw: object, folder: Path) -> str:
    if not isinstance(raw, str) or not _HOST_NAME.fullmatch(raw):
        message = (
            f"{quote(raw)} is not the name of a host; write it alone, without a port, such as "
            '"relay.example.org"'
        )
        raise ValueError(message)
    return raw.lower()


_SCHEMA = {
    "type": "string",
    "pattern": "^(unix:.+|.+:[0-9]{1,5})$",
    "examples": ["127.0.0.1:10085", "unix:/run/api.sock"],
}
ListenAddress = Annotated[str, Checked(_normalise, _SCHEMA)]
"""A text that `parse_listen` takes, its path absolute."""

_TCP_SCHEMA = {
    "type": "string",
    "pattern": "^.+:[0-9]{1,5}$",
    "not": {"pattern": "^unix:"},
    "examples": ["127.0.0.1:9100"],
}
TcpListenAddress = Annotated[str, Checked(_normalise_tcp, _TCP_SCHEMA)]
"""A text that `parse_listen` takes for a TCP port."""

HostName = Annotated[
    str,
    Checked(
        _parse_host_name,
        {"type": "string", "pattern": f"^{_HOST_NAME.pattern}$", "examples": ["relay.example.org"]},
    ),
]
"""A host's name in lower case, without a port."""
