"""SOCKS version 4, and 4a, which has names (the documents by Ying-Da Lee that OpenSSH's web site
keeps).
"""

from __future__ import annotations

from collections.abc import Generator
from ipaddress import IPv4Address

from pipetwist.errors import ConnectError
from pipetwist.socks.handshake import ExactHandshake
from pipetwist.socks.target import Target

__all__ = ["Socks4"]

_VERSION, _CONNECT = 4, 1
_REPLY_VERSION, _GRANTED = 0, 90
_NAME_FOLLOWS = bytes([0, 0, 0, 1])
_REST_OF_REPLY = 6

_FAILURES = {
    91: "it was rejected, or failed",
    92: "the proxy can't ask this machine who the user is (identd)",
    93: "this machine says another user than the username (identd)",
}


class Socks4(ExactHandshake):
    """A handshake with a SOCKS 4 proxy.

    Args:
        target: the server.
        username: who asks; may be empty.
        names: whether the proxy resolves names, as 4a does.

    Raises:
        ValueError: the target or the username can't be told to such a proxy; its text is for
            people.
    """

    def __init__(self, target: Target, username: bytes = b"", *, names: bool) -> None:
        if b"\0" in username:
            message = "a username has no NUL in it"
            raise ValueError(message)
        self._target = target
        address, name = _address(target, names=names)
        head = bytes([_VERSION, _CONNECT]) + target.port.to_bytes(2, "big") + address
        self._request = head + username + b"\0" + name
        super().__init__()

    def exchange(self) -> Generator[int, bytes, None]:
        """See `ExactHandshake`."""
        self.send(self._request, "the reply")
        version, reply = yield 2
        # Some proxies put the protocol's version here.
        if version not in (_REPLY_VERSION, _VERSION):
            message = f"no SOCKS 4 proxy answers there: its first byte is {version}, not 0"
            raise ConnectError(message)
        if reply != _GRANTED:
            why = _FAILURES.get(reply, f"the unknown reply {reply}")
            message = f"the SOCKS proxy can't connect {self._target}: {why}"
            raise ConnectError(message)
        yield _REST_OF_REPLY


def _address(target: Target, *, names: bool) -> tuple[bytes, bytes]:
    """The address, and what follows the username."""
    address = target.address
    if isinstance(address, IPv4Address):
        return address.packed, b""
    if address is not None:
        message = f"SOCKS 4 has no IPv6 addresses such as {target.host}; use version 5"
        raise ValueError(message)
    if not names:
        message = f"SOCKS 4 has no names such as {target.host}; use version 4a or 5"
        raise ValueError(message)
    return _NAME_FOLLOWS, target.name + b"\0"
