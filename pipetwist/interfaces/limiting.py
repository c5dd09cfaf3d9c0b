"""Interfaces of limits: what holds a connection's bytes back, and the sides that can be held."""

from __future__ import annotations

from typing import Protocol

from zope.interface import Attribute, Interface

__all__ = ["Bearer", "IFlow", "ILimitedSide"]


class Bearer(Protocol):
    """What moves the bytes of a flow."""

    def turn(self, granted: int) -> None:
        """The turn has come: up to so many bytes may be moved, to be settled by `IFlow.settle`."""

    def failed(self) -> None:
        """`turn` has raised: end."""


class IFlow(Interface):
    """One direction of a connection that is limited. Whoever reads asks here first."""

    bearer: Bearer | None = Attribute("Who moves the bytes; is told when its turn has come.")
    waits: bool = Attribute("Whether it waits for its turn.")
    held_by: str = Attribute("The name of the limit that it waits for; empty if it does not wait.")

    def take() -> int:
        """How many bytes may be moved now. Not while it waits.

        Returns:
            That number, to be settled by `settle`; 0 if it has to wait, until its turn.
        """

    def settle(granted: int, moved: int) -> None:
        """Say how many bytes were moved of those that might be. More than that are possible where
        they can't be divided; they count for later.
        """

    def lend(granted: int) -> None:
        """Say that nothing was moved yet of what might be, but may come in a moment: others have
        it after that. What comes is to be taken by `allow`.
        """

    def charge(moved: int) -> None:
        """Say how many bytes were moved for which nothing was taken."""

    def allow(came: int, expected: int = 0) -> int:
        """Take bytes that have come already, since whoever reads them can't ask before.

        Args:
            came: how many.
            expected: how many its last turn allowed; only what is above that counts as more than
                its share.

        Returns:
            How many of them may be passed on: all, unless a quota has less left. Then it waits, and
            the rest may be asked for once more when the side is limited anew.
        """

    def wait() -> None:
        """Wait for the next turn. Not while it waits."""

    def leave() -> None:
        """Wait no more."""


class ILimitedSide(Interface):
    """A side whose reading can be limited."""

    def limit(flow: IFlow | None, *, since_start: bool, paused: bool = False) -> None:
        """From now on ask this flow before anything is read.

        Args:
            flow: what is asked; None to read freely.
            since_start: whether what was read already counts as well.
            paused: whether its receiver has paused reading.
        """
