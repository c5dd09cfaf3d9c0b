"""The kinds of Twisted endpoint strings that this installation knows: Twisted's own, and those of
plug-ins.
"""

from __future__ import annotations

from twisted.internet.interfaces import (
    IStreamClientEndpointStringParserWithReactor,
    IStreamServerEndpointStringParser,
)
from twisted.plugin import getPlugins

from pipetwist.values import quote

__all__ = ["unknown_client_kind", "unknown_server_kind"]

# Twisted takes these apart itself, and not with a plug-in.
_OWN = ("tcp", "ssl", "unix")


def unknown_server_kind(description: str) -> str | None:
    """Say that nobody here knows the kind of a server endpoint string; None if somebody does.

    Args:
        description: the string, as ``twisted.internet.endpoints.serverFromString`` takes it.
    """
    plugins = getPlugins(IStreamServerEndpointStringParser)
    known = [*_OWN, *(plugin.prefix for plugin in plugins)]
    return _unknown(description.partition(":")[0], known)


def unknown_client_kind(description: str) -> str | None:
    """Say the same of a client endpoint string. Upper and lower case are the same there.

    Args:
        description: the string, as ``twisted.internet.endpoints.clientFromString`` takes it.
    """
    plugins = getPlugins(IStreamClientEndpointStringParserWithReactor)
    known = [*_OWN, *(plugin.prefix.lower() for plugin in plugins)]
    return _unknown(description.partition(":")[0].lower(), known)


def _unknown(kind: str, known: list[str]) -> str | None:
    if kind in known:
        return None
    return (
        f"no kind of endpoint is called {quote(kind)} in this installation; there are "
        f"{', '.join(map(quote, sorted(set(known))))}, and others come with packages"
    )
