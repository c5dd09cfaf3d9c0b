"""Choosing a server's certificate by the name that the client sends (SNI, RFC 6066, 3)."""

from __future__ import annotations

from collections.abc import Iterable

from OpenSSL import SSL
from OpenSSL.crypto import X509

from pipetwist.tls.alternative_names import alternative_names

__all__ = ["ContextsByName"]


class ContextsByName:
    """The contexts of a server, by the names in their certificates.

    Args:
        contexts: each certificate with its context. Where several are for a name, the first is
            used.
    """

    def __init__(self, contexts: Iterable[tuple[X509, SSL.Context]]) -> None:
        self._contexts: dict[str, SSL.Context] = {}
        for certificate, context in contexts:
            for kind, name in alternative_names(certificate):
                if kind == "DNS":
                    self._contexts.setdefault(name.lower(), context)

    def find(self, server_name: bytes | None) -> SSL.Context | None:
        """The context for a name: one with the name itself, or else with the wildcard in the place
        of its first label (RFC 6125, 6.4.3). None if there is none.
        """
        if server_name is None:
            return None
        name = server_name.decode("ascii", "replace").lower()
        exact = self._contexts.get(name)
        return exact or self._contexts.get(f"*.{name.partition('.')[2]}")

    def change(self, connection: SSL.Connection) -> None:
        """What a context calls when it has read the client's name, if it sends one."""
        context = self.find(connection.get_servername())
        if context is not None:
            connection.set_context(context)
