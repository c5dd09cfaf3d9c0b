"""Choosing the protocol that is spoken inside, for a server (ALPN, RFC 7301)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from OpenSSL import SSL

__all__ = ["NoProtocolError", "choosing"]

_Choice: TypeAlias = Any
"""One of the protocols, or the object of pyOpenSSL's for none, whose class is private."""


class NoProtocolError(SSL.Error):
    """A client offers no protocol that the server speaks. Like `server_name.WrongNameError` it is
    an error of pyOpenSSL's, of the same shape.
    """

    def __init__(self) -> None:
        super().__init__([("pipetwist", "", "none of the protocols that it offers is in alpn")])


def choosing(
    protocols: Sequence[bytes], *, required: bool
) -> Callable[[SSL.Connection, list[bytes]], _Choice]:
    """Make what a context calls to choose among the protocols that a client offers.

    Args:
        protocols: what the server speaks, preferred ones first.
        required: whether a client that offers only others is refused, with the alert
            ``no_application_protocol``. Otherwise no protocol is agreed on: browsers, curl and
            V2Ray always offer something, and a server that ignores it must let them in.
    """

    def choose(_: SSL.Connection, offered: list[bytes]) -> _Choice:
        for protocol in protocols:
            if protocol in offered:
                return protocol
        if required:
            raise NoProtocolError
        return SSL.NO_OVERLAPPING_PROTOCOLS

    return choose
