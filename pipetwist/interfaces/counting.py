"""Interfaces of counting: the counters, their store, and what adds to them."""

from __future__ import annotations

from collections.abc import MutableSequence, Sequence

from zope.interface import Attribute, Interface

__all__ = ["ICellCounter", "ICounter", "ICounterStore", "ITracker"]


class ICounter(Interface):
    """A total of bytes, which only grows, and a baseline, which a reset sets to the total.

    `add` is called in the reactor's thread only, without a lock; the rest from any thread.
    """

    name: str = Attribute("Its name, for instance ``inbound>>>TAG>>>traffic>>>uplink``.")

    def add(count: int) -> None:
        """Add this number of bytes."""

    def total() -> int:
        """All bytes counted; resets do not change it."""

    def value() -> int:
        """Bytes counted since the last reset."""

    def reset() -> int:
        """Set the baseline to the total.

        Returns:
            The value before the reset. Of concurrent resets each gets a part, and the parts add up.
        """


class ICellCounter(ICounter):
    """A counter that pipetwist's own trackers add to without a call. Counters of other programs
    need not provide it.

    `cell` may change with each `add`. The old one then rejects additions, or still belongs to the
    counter.
    """

    cell: MutableSequence[int] | memoryview[int] = Attribute(
        "Its first item grows by `unit` for each byte. If adding raises ValueError, nothing was "
        "added, because the cell is full or no longer used: then call `add`."
    )
    unit: int = Attribute(
        "What a byte adds to the cell: 1 in memory, another number if the cell's item contains a "
        "check."
    )


class ICounterStore(Interface):
    """What keeps the counters."""

    def counter(name: str) -> ICounter:
        """The counter with this name; if there is none, it is made, at 0. In the reactor's thread
        only.
        """

    def get(name: str) -> ICounter | None:
        """The counter with this name, or None. From any thread."""

    def counters() -> Sequence[ICounter]:
        """All counters, sorted by name. From any thread."""


class ITracker(Interface):
    """Counts the bytes of one connection, for each tracked inbound, outbound and user that it
    belongs to.
    """

    def uplink(count: int) -> None:
        """This number of bytes was read from the client."""

    def downlink(count: int) -> None:
        """This number of bytes was written to the client."""
