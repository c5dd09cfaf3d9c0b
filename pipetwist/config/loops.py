"""Finds routes that lead connections back to their own inbound, in a loop, until all descriptors
are used up.

Only certain loops are reported: all connections of an inbound, for every user, go to one outbound,
which leads to an inbound of the same document, and so on back to the first. A rule that leads from
one inbound to another is allowed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from pipetwist.config.document import Document
from pipetwist.config.problems import Problem
from pipetwist.interfaces import Medium
from pipetwist.kinds.inbound_options import InboundOptions
from pipetwist.kinds.outbound_options import OutboundOptions
from pipetwist.routing.rules import network_of
from pipetwist.values import quote
from pipetwist.values.bind_address import BindAddress

__all__ = ["loops"]


def loops(document: Document) -> Iterator[Problem]:
    """Find every outbound that closes a loop, in a document that is valid otherwise."""
    router = document.router()
    outbounds = {
        outbound.tag: (index, outbound) for index, outbound in enumerate(document.outbounds)
    }
    told: set[int] = set()
    doors = [door for inbound in document.inbounds for door in _doors(inbound)]
    for first in doors:
        passed: list[_Door] = []
        here: _Door | None = first
        while here is not None and here not in passed:
            passed.append(here)
            tag, network = here.inbound.tag, network_of(here.medium)
            ways = router.reachable(tag, network)
            if len(ways) != 1 or router.may_reject(tag, network):
                break
            index, outbound = outbounds[ways[0]]
            here = next((door for door in doors if _leads_to(outbound, door)), None)
            if here is first and index not in told:
                told.add(index)
                text = (
                    f"this routes every connection of the inbound {quote(first.inbound.tag)} back "
                    "to it, in a loop; route it elsewhere"
                )
                yield Problem(("outbounds", index), text)


class _Door(NamedTuple):
    """Where an inbound takes streams, or datagrams."""

    inbound: InboundOptions
    medium: Medium
    address: BindAddress | None


def _doors(inbound: InboundOptions) -> Iterator[_Door]:
    media = inbound.carries
    addresses: Sequence[BindAddress | None] = inbound.addresses or [None] * len(media)
    for medium, address in zip(media, addresses, strict=False):
        yield _Door(inbound, medium, address)


def _leads_to(outbound: OutboundOptions, door: _Door) -> bool:
    here, there = door.address, outbound.address
    return here is not None and there is not None and here.is_reached_by(there)
