"""Interfaces of counting: the counters, where they live, and what adds to them."""

from __future__ import annotations

from collections.abc import MutableSequence, Sequence

from zope.interface import Attribute, Interface

__all__ = ["ICellCounter", "ICounter", "ICounterStore", "ITracker"]


class ICounter(Interface):
    """A count of bytes that only grows, and a baseline that a reset moves up to it.

    `add` is called in the reactor's thread only, without a lock; the rest from any thread.
    """

    name: str = Attribute("Its name, for instance ``inbound>>>TAG>>>traffic>>>uplink``.")

    def add(count: int) -> None:
        """Count so many bytes more."""

    def total() -> int:
        """Bytes counted in all, whatever was reset."""

    def value() -> int:
        """Bytes counted since the last reset."""

    def reset() -> int:
        """Move the baseline up to the total.

        Returns:
            The value that this ended: concurrent resets share the total out between them without
            loss.
        """


class ICellCounter(ICounter):
    """A counter that trackers of pipetwist's own add to without a call. Counters of other programs
    need none of this.

    `cell` may be another one after each `add`; an old one takes nothing more, or still belongs to
    the counter.
    """

    cell: MutableSequence[int] | memoryview[int] = Attribute(
        "Its first item grows by `unit` for each byte. A ValueError says that nothing was "
        "added, since the cell is full or was given up: "
        "`add` finds another."
    )
    unit: int = Attribute(
        "What a byte adds to the cell: 1 in memory, another number where the cell's item "
        "checks itself."
    )


class ICounterStore(Interface):
    """Where counters live."""

    def counter(name: str) -> ICounter:
        """The counter of that name, made at 0 if there is none. In the reactor's thread only."""

    def get(name: str) -> ICounter | None:
        """The counter of that name, or None. From any thread."""

    def counters() -> Sequence[ICounter]:
        """Every counter there is now, by name. From any thread."""


class ITracker(Interface):
    """Counts one connection for everything tracked that it belongs to."""

    def uplink(count: int) -> None:
        """So many bytes were read from the client."""

    def downlink(count: int) -> None:
        """So many bytes were written to the client."""
