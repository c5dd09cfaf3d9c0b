"""Finds listeners that need the same port of the same address, or the same path, so that the second
could not start.

Only certain collisions are reported: names are not looked up.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator
from itertools import combinations
from typing import NamedTuple

from pipetwist.config.document import Document
from pipetwist.config.problems import KeyPath, Problem
from pipetwist.kinds.inbound_options import InboundOptions
from pipetwist.values import quote
from pipetwist.values.bind_address import (
    EVERY_ADDRESS,
    EVERY_IPV4,
    BindAddress,
    PortAddress,
    UnixAddress,
)
from pipetwist.values.listen import parse_listen

__all__ = ["collisions"]


class _Listener(NamedTuple):
    key_path: KeyPath
    whose: str
    address: BindAddress


def collisions(
    document: Document, inherited: Collection[str] = (), *, platform: str = sys.platform
) -> Iterator[Problem]:
    """Find every listener that collides with another, in a document that is valid otherwise.

    Args:
        document: the document.
        inherited: the tags of inbounds with inherited sockets, which can't collide.
        platform: the platform that it will run on, as in ``sys.platform``.
    """
    told: set[KeyPath] = set()
    for one, other in combinations(_listeners(document, inherited), 2):
        if other.key_path in told or not one.address.overlaps(other.address, platform):
            continue
        told.add(other.key_path)
        both = {_host(one), _host(other)} == {EVERY_ADDRESS, EVERY_IPV4}
        everywhere = f" ({quote(EVERY_ADDRESS)} is IPv4 too)" if both else ""
        text = f"{other.address} is taken by {one.whose}, which listens on {one.address}"
        what = "path" if isinstance(other.address, UnixAddress) else "port"
        yield Problem(
            other.key_path,
            f"{text}{everywhere}; choose another {what}, or leave one of the two out",
        )
    yield from _shared_folders(document)


def _shared_folders(document: Document) -> Iterator[Problem]:
    owners: dict[str, list[InboundOptions]] = {}
    for index, inbound in enumerate(document.inbounds):
        folder = inbound.own_folder
        if folder is None:
            continue
        before = owners.setdefault(folder, [])
        owner = next((one for one in before if not inbound.may_share_folder(one)), None)
        if owner is not None:
            yield Problem(
                ("inbounds", index, "state_path"),
                f"{folder} is that of the inbound {quote(owner.tag)}, whose program keeps its keys "
                "there; each needs a folder of its own, unless both are other transports of the "
                "same process",
            )
        before.append(inbound)


def _host(listener: _Listener) -> str | None:
    return listener.address.host if isinstance(listener.address, PortAddress) else None


def _listeners(document: Document, inherited: Collection[str]) -> Iterator[_Listener]:
    for index, inbound in enumerate(document.inbounds):
        if inbound.tag in inherited:
            continue
        key = () if inbound.address_key is None else (inbound.address_key,)
        for address in inbound.addresses:
            yield _Listener(("inbounds", index, *key), f"the inbound {quote(inbound.tag)}", address)
    api, control = document.experimental.v2ray_api, document.control
    for key_path, whose, written in (
        (("experimental", "v2ray_api", "listen"), "the API", None if api is None else api.listen),
        (
            ("control", "listen"),
            "the control service",
            None if control is None else control.listen,
        ),
        (
            ("metrics", "listen"),
            "the metrics",
            None if document.metrics is None else document.metrics.listen,
        ),
    ):
        if written is not None:
            yield _Listener(key_path, whose, parse_listen(written))
