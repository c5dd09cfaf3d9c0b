"""Whether connections would come back to the inbound that they came from, and go round until nothing is left to open them with.

Only what is certain is told: an inbound whose every connection goes to one outbound, whatever its user, that leads to an inbound of the
same document, and so on back to the first. A rule may well lead from one inbound through another.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address

from pipetwist.config.document import Document
from pipetwist.config.problems import Problem
from pipetwist.inbounds.options import InboundOptions
from pipetwist.outbounds.options import OutboundOptions
from pipetwist.routing.rules import Router
from pipetwist.values import quote

__all__ = ["loops"]

_EVERYWHERE = {"0.0.0.0", "::"}  # noqa: S104 - it is looked for, not listened on
_HERE = "localhost"


def loops(document: Document) -> Iterator[Problem]:
    """Find every outbound that closes a circle, in a document that is good otherwise."""
    router = Router(document.route.rules, document.final)
    outbounds = {outbound.tag: (index, outbound) for index, outbound in enumerate(document.outbounds)}
    told: set[int] = set()
    for first in document.inbounds:
        passed: list[str] = []
        here: InboundOptions | None = first
        while here is not None and here.tag not in passed:
            passed.append(here.tag)
            ways = router.reachable(here.tag)
            if len(ways) > 1:
                break
            index, outbound = outbounds[ways[0]]
            here = next((inbound for inbound in document.inbounds if _leads_to(outbound, inbound)), None)
            if here is first and index not in told:
                told.add(index)
                text = f"this leads every connection of the inbound {quote(first.tag)} back to it, without end; lead it elsewhere"
                yield Problem(("outbounds", index), text)


def _leads_to(outbound: OutboundOptions, inbound: InboundOptions) -> bool:
    if getattr(outbound, "type", None) != getattr(inbound, "type", None):
        return False
    path: str | None = getattr(outbound, "path", None)
    if path is not None:
        return path == getattr(inbound, "path", None)
    port: int | None = getattr(outbound, "server_port", None)
    if port is None or port != getattr(inbound, "listen_port", None):
        return False
    return _is_reached(str(getattr(inbound, "listen", "")), str(getattr(outbound, "server", "")))


def _is_reached(listen: str, server: str) -> bool:
    """Whether who connects to this server reaches who listens there, as far as that is known without asking anybody."""
    if _is_loopback(server) and (listen in _EVERYWHERE or listen.lower() == _HERE):
        return True
    return server.lower() == listen.lower() or (server.lower() == _HERE and _is_loopback(listen))


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == _HERE
