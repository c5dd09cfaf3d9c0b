"""Which of the open connections are meant."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from pipetwist.control.ids import ConnectionId, parse_id
from pipetwist.relay.record import ConnectionRecord
from pipetwist.values import quote

__all__ = ["MAX_NAMES", "Selection", "parse_selection"]

MAX_NAMES = 1000
"""How many ids, users, inbounds or outbounds one selection may have."""
_MAX_LENGTH = 1000  # characters of each
_MAX_SHOWN = 5  # names in a line of the log


class Selection(NamedTuple):
    """What must hold of a connection. What is empty says nothing.

    Attributes:
        ids: its id is one of these.
        users: its user is one of these.
        inbounds: its inbound's tag is one of these.
        outbounds: its outbound's tag is one of these.
        older_than: it has been open for this many seconds, at least.
    """

    ids: frozenset[ConnectionId] = frozenset()
    users: frozenset[str] = frozenset()
    inbounds: frozenset[str] = frozenset()
    outbounds: frozenset[str] = frozenset()
    older_than: float = 0.0

    def __str__(self) -> str:
        """What is said, on one line whatever the names are."""
        parts = [
            f"{noun} {_shown(names)}"
            for noun, names in (
                ("id", sorted(self.ids)),
                ("user", sorted(self.users)),
                ("inbound", sorted(self.inbounds)),
                ("outbound", sorted(self.outbounds)),
            )
            if names
        ]
        if self.older_than:
            parts.append(f"older than {self.older_than:g} s")
        return ", ".join(parts) or "every connection"

    def has(self, connection: ConnectionRecord, start: int, now: float) -> bool:
        """Whether a connection is meant.

        Args:
            connection: it.
            start: when the daemon was started, as in ids.
            now: the time, by the clock that connections begin by.
        """
        client_info = connection.client_info
        return (
            (not self.ids or ConnectionId(connection.number, start) in self.ids)
            and (not self.users or client_info.user in self.users)
            and (not self.inbounds or client_info.inbound in self.inbounds)
            and (not self.outbounds or connection.outbound in self.outbounds)
            and now - connection.began >= self.older_than
        )


def parse_selection(
    *,
    ids: Iterable[str] = (),
    users: Iterable[str] = (),
    inbounds: Iterable[str] = (),
    outbounds: Iterable[str] = (),
    older_than: float = 0.0,
) -> Selection:
    """Read a selection.

    Raises:
        ValueError: something in it is wrong; the text says what.
    """
    if not (math.isfinite(older_than) and older_than >= 0):
        message = f"older_than is {older_than:g}, which is no number of seconds"
        raise ValueError(message)
    return Selection(
        frozenset(map(parse_id, _bounded("ids", ids))),
        frozenset(_bounded("users", users)),
        frozenset(_bounded("inbounds", inbounds)),
        frozenset(_bounded("outbounds", outbounds)),
        older_than,
    )


def _bounded(noun: str, names: Iterable[str]) -> list[str]:
    """Names that can be looked at in one turn of the reactor."""
    found = list(names)
    if len(found) > MAX_NAMES or any(len(name) > _MAX_LENGTH for name in found):
        message = (
            f"{noun} has {len(found)} entries; there may be {MAX_NAMES}, of {_MAX_LENGTH} "
            "characters each"
        )
        raise ValueError(message)
    return found


def _shown(names: Sequence[str | ConnectionId]) -> str:
    shown = [quote(one) if isinstance(one, str) else str(one) for one in names[:_MAX_SHOWN]]
    more = len(names) - len(shown)
    return " or ".join(shown) + (f" or {more} more" if more else "")
