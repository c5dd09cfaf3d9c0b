"""Finds routes that lead connections back to their own inbound, in a loop, until all descriptors
are used up.

Only certain loops are reported: all connections of an inbound, for every user, go to one outbound,
which leads to an inbound of the same document, and so on back to the first. A rule that leads from
one inbound to another is allowed.
"""

from __future__ import annotations

from collections.abc import Iterator

from pipetwist.config.document import Document
from pipetwist.config.problems import Problem
from pipetwist.kinds.inbound_options import InboundOptions
from pipetwist.kinds.outbound_options import OutboundOptions
from pipetwist.values import quote

__all__ = ["loops"]


def loops(document: Document) -> Iterator[Problem]:
    """Find every outbound that closes a loop, in a document that is valid otherwise."""
    router = document.router()
    outbounds = {
        outbound.tag: (index, outbound) for index, outbound in enumerate(document.outbounds)
    }
    told: set[int] = set()
    for first in document.inbounds:
        passed: list[str] = []
        here: InboundOptions | None = first
        while here is not None and here.tag not in passed:
            passed.append(here.tag)
            ways = router.reachable(here.tag)
            if len(ways) != 1 or router.may_reject(here.tag):
                break
            index, outbound = outbounds[ways[0]]
            here = next(
                (inbound for inbound in document.inbounds if _leads_to(outbound, inbound)), None
            )
            if here is first and index not in told:
                told.add(index)
                text = (
                    f"this routes every connection of the inbound {quote(first.tag)} back to it, "
                    "in a loop; route it elsewhere"
                )
                yield Problem(("outbounds", index), text)


def _leads_to(outbound: OutboundOptions, inbound: InboundOptions) -> bool:
    here, there = inbound.address, outbound.address
    return here is not None and there is not None and here.is_reached_by(there)
