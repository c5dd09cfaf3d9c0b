"""Inbounds, outbounds and users at one moment, with their limits: which are asked for, and what is
answered. None of it ever changes, so that any thread may read it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from pipetwist.control.selection import parse_selection
from pipetwist.values import quote

__all__ = [
    "KINDS",
    "EntityRow",
    "EntitySelection",
    "LimitFigures",
    "QuotaFigures",
    "parse_entity_selection",
]

KINDS = ("inbound", "outbound", "user")
"""What can be asked for, in the order of the answer."""


class EntitySelection(NamedTuple):
    """Which are asked for. What is empty says nothing.

    Attributes:
        kinds: only these, of `KINDS`.
        users: of users only these.
    """

    kinds: frozenset[str] = frozenset()
    users: frozenset[str] = frozenset()


class LimitFigures(NamedTuple):
    """How much there may be. What is 0 is not limited.

    Attributes:
        up_mbps: megabits a second from clients, by what holds now.
        down_mbps: the same to clients.
        max_connections: how many may be open.
        max_sources: from how many sources.
        connections_per_second: how many may begin in a second.
        expires: when all of them end, in seconds since 1970.
    """

    up_mbps: float = 0.0
    down_mbps: float = 0.0
    max_connections: int = 0
    max_sources: int = 0
    connections_per_second: float = 0.0
    expires: float = 0.0


class QuotaFigures(NamedTuple):
    """One quota of a user.

    Attributes:
        quota: what is counted, and for how long, such as ``month-15-both``.
        bytes: how many there are.
        used: how many were used in this period.
        anew: when it begins anew, in seconds since 1970; None for never.
        goes_on: whether connections go on under other limits when it is used up.
    """

    quota: str
    bytes: int
    used: int
    anew: float | None
    goes_on: bool


class EntityRow(NamedTuple):
    """One inbound, outbound or user.

    Attributes:
        entity: which of these.
        name: its tag or name.
        open: how many connections are open.
        limits: its limits; None if it has none.
        quotas: those of a user.
        held_up: for how many seconds its own rate has held back bytes from clients.
        held_down: the same of those to clients.
        refused: how many connections its limits have refused.
        closed: why every new one would be refused now; empty if not every one would.
        sources: from how many sources the connections of a user come, if it is limited.
    """

    entity: str
    name: str
    open: int
    limits: LimitFigures | None
    quotas: tuple[QuotaFigures, ...]
    held_up: float
    held_down: float
    refused: int
    closed: str
    sources: int


def parse_entity_selection(kinds: Iterable[str], users: Iterable[str]) -> EntitySelection:
    """Read a selection.

    Raises:
        ValueError: something in it is wrong; the text says what.
    """
    wanted = frozenset(kinds)
    unknown = sorted(wanted.difference(KINDS))
    if unknown:
        message = f"{quote(unknown[0])} is no entity; there are {', '.join(KINDS)}"
        raise ValueError(message)
    return EntitySelection(wanted, parse_selection(users=users).users)
