"""Whether two listeners want the same port of the same address, of which the second could not start.

Only what is certain is told: of names nobody is asked.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator
from ipaddress import ip_address
from itertools import combinations
from typing import NamedTuple

from pipetwist.config.document import Document
from pipetwist.config.problems import Place, Problem
from pipetwist.values import quote
from pipetwist.values.addresses import plain_host, shown_address
from pipetwist.values.listen import TcpListen, parse_listen

__all__ = ["collisions"]

_EVERY_IPV4 = "0.0.0.0"  # noqa: S104 - it is looked for, not listened on
_EVERYTHING = "::"


class _Listener(NamedTuple):
    place: Place
    whose: str
    kind: str
    host: str
    port: int


def collisions(document: Document, handed_in: Collection[str] = (), *, platform: str = sys.platform) -> Iterator[Problem]:
    """Find every listener that another one is in the way of, in a document that is good otherwise.

    Args:
        document: the document.
        handed_in: the tags of inbounds that listen with sockets that somebody else has opened, and so are in nobody's way.
        platform: what it is to run on, as in ``sys.platform``.
    """
    told: set[Place] = set()
    for one, other in combinations(_listeners(document, handed_in), 2):
        if one.kind != other.kind or one.port != other.port or other.place in told or not _overlap(one.host, other.host, platform):
            continue
        told.add(other.place)
        everywhere = f" ({quote(_EVERYTHING)} is IPv4 too)" if {one.host, other.host} == {_EVERYTHING, _EVERY_IPV4} else ""
        text = f"{shown_address(other.host, other.port)} is taken by {one.whose}, which listens on {shown_address(one.host, one.port)}"
        yield Problem(other.place, f"{text}{everywhere}; choose another port, or leave one of the two out")


def _listeners(document: Document, handed_in: Collection[str]) -> Iterator[_Listener]:
    for index, inbound in enumerate(document.inbounds):
        kind, port = getattr(inbound, "type", ""), getattr(inbound, "listen_port", 0)
        if kind in ("tcp", "udp") and port and inbound.tag not in handed_in:
            host = plain_host(str(getattr(inbound, "listen", "")))
            yield _Listener(("inbounds", index, "listen_port"), f"the inbound {quote(inbound.tag)}", kind, host, port)
    api = document.experimental.v2ray_api
    for place, whose, written in (
        (("experimental", "v2ray_api", "listen"), "the API", None if api is None else api.listen),
        (("metrics", "listen"), "the metrics", None if document.metrics is None else document.metrics.listen),
    ):
        listen = None if written is None else parse_listen(written)
        if isinstance(listen, TcpListen) and listen.port:
            yield _Listener(place, whose, "tcp", listen.host, listen.port)


def _overlap(one: str, other: str, platform: str) -> bool:
    if one.lower() == other.lower():
        return True
    if _EVERYTHING in (one, other):
        # A single address beside all of them is refused by Linux; others may give it to who is more exact.
        return platform == "linux" or _EVERY_IPV4 in (one, other)
    if _EVERY_IPV4 in (one, other) and platform == "linux":
        return all(_is_ipv4(host) for host in (one, other))
    return False


def _is_ipv4(host: str) -> bool:
    try:
        return ip_address(host).version == 4
    except ValueError:
        return host.lower() == "localhost"
