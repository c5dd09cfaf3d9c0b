"""SOCKS version 5 (RFC 1928), with a username and a password (RFC 1929) or without."""

from __future__ import annotations

from collections.abc import Generator
from ipaddress import IPv4Address

from pipetwist.errors import ConnectError, NobodyListensError
from pipetwist.socks.handshake import ExactHandshake
from pipetwist.socks.target import Credentials, Target

__all__ = ["Socks5"]

_VERSION, _AUTHENTICATION_VERSION = 5, 1
_NO_AUTHENTICATION, _PASSWORD, _NO_METHOD = 0, 2, 0xFF
_CONNECT = 1
_IPV4, _NAME, _IPV6 = 1, 3, 4
_ADDRESS_BYTES = {_IPV4: 4, _IPV6: 16}
_PORT_BYTES = 2
_MAX_FIELD_BYTES = 255
_REFUSED = 5

_FAILURES = {
    # RFC 1928, section 6
    1: "a failure that the proxy does not explain",
    2: "the proxy's rules do not allow it",
    3: "the network is unreachable",
    4: "the host is unreachable",
    _REFUSED: "Connection refused",
    6: "the TTL expired on the way",
    7: "the proxy does not know the command CONNECT",
    8: "the proxy does not know this type of address",
    # Tor's, for onion services (its proposal 304)
    0xF0: "the onion service's descriptor was not found",
    0xF1: "the onion service's descriptor is invalid",
    0xF2: "the introduction to the onion service failed",
    0xF3: "the rendezvous with the onion service failed",
    0xF4: "the onion service wants a client authorization",
    0xF5: "the onion service does not accept the client authorization",
    0xF6: "the onion address is invalid",
    0xF7: "the introduction to the onion service timed out",
}


class Socks5(ExactHandshake):
    """A handshake with a SOCKS 5 proxy.

    Args:
        target: the server.
        credentials: who asks; None for nobody.
        insists: whether they must be sent, since they say more than who asks. Otherwise the proxy
            may do without.

    Raises:
        ValueError: the target or the credentials do not fit in; its text is for people.
    """

    def __init__(
        self, target: Target, credentials: Credentials | None = None, *, insists: bool = False
    ) -> None:
        self._target = target
        self._request = bytes([_VERSION, _CONNECT, 0]) + _address(target)
        self._login = None if credentials is None else _login(credentials)
        self._insists = insists and credentials is not None
        super().__init__()

    def exchange(self) -> Generator[int, bytes, None]:
        """See `ExactHandshake`."""
        methods = b"" if self._insists else bytes([_NO_AUTHENTICATION])
        if self._login is not None:
            methods += bytes([_PASSWORD])
        self.send(bytes([_VERSION, len(methods)]) + methods, "the method of authentication")
        version, method = yield 2
        _check_version(version)
        if method == _NO_METHOD:
            message = (
                "the SOCKS proxy wants a username and a password, or another authentication"
                if self._login is None
                else "the SOCKS proxy accepts no username and password"
            )
            raise ConnectError(message)
        if method not in methods:
            message = f"the SOCKS proxy chose the authentication {method}, which was not offered"
            raise ConnectError(message)
        if method == _PASSWORD and self._login is not None:
            self.send(self._login, "the answer to the password")
            _, status = yield 2
            if status:
                message = "the SOCKS proxy refused the username and password"
                raise ConnectError(message)
        self.send(self._request, "the reply")
        version, reply = yield 2
        _check_version(version)
        if reply:
            kind = NobodyListensError if reply == _REFUSED else ConnectError
            why = _FAILURES.get(reply, f"the unknown reply {reply}")
            message = f"the SOCKS proxy can't connect {self._target}: {why}"
            raise kind(message)
        _, type_, first = yield 3
        yield (first if type_ == _NAME else _left_of_address(type_)) + _PORT_BYTES


def _check_version(version: int) -> None:
    if version != _VERSION:
        message = f"no SOCKS 5 proxy answers there: its first byte is {version}, not {_VERSION}"
        raise ConnectError(message)


def _left_of_address(type_: int) -> int:
    """How many bytes follow the first one of an address."""
    if type_ not in _ADDRESS_BYTES:
        message = f"the SOCKS proxy's reply has an unknown type of address, {type_}"
        raise ConnectError(message)
    return _ADDRESS_BYTES[type_] - 1


def _address(target: Target) -> bytes:
    address, port = target.address, target.port.to_bytes(_PORT_BYTES, "big")
    name = target.name
    if address is None:
        return bytes([_NAME, len(name)]) + name + port
    type_ = _IPV4 if isinstance(address, IPv4Address) else _IPV6
    return bytes([type_]) + address.packed + port


def _login(credentials: Credentials) -> bytes:
    if not credentials.username:
        message = "the username is empty, and SOCKS has none of no bytes"
        raise ValueError(message)
    login = bytes([_AUTHENTICATION_VERSION])
    for what, field in zip(("username", "password"), credentials, strict=True):
        if len(field) > _MAX_FIELD_BYTES:
            message = f"the {what} has {len(field)} bytes, and SOCKS has room for 255"
            raise ValueError(message)
        login += bytes([len(field)]) + field
    return login
