"""Where connections go and what is counted of them, by one configuration. A reload brings other routes, in one step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from pipetwist.interfaces import OutboundLike
from pipetwist.routing.rules import Router
from pipetwist.stats.tracking import Tracked

__all__ = ["Current", "HasRoutes", "Routes"]


@dataclass(frozen=True)
class Routes:
    """Where connections go, and what is counted. It never changes.

    Attributes:
        router: chooses the outbound's tag.
        outbounds: every outbound by its tag.
        tracked: what is counted; None where nothing is.
    """

    router: Router
    outbounds: Mapping[str, OutboundLike]
    tracked: Tracked | None = None


R = TypeVar("R", bound=Routes)


class Current(Generic[R]):
    """What connections go by that come now.

    Whoever takes `now` once has all of one configuration, in any thread, whatever is swapped in meanwhile.

    Args:
        now: what they go by at first.
    """

    __slots__ = ("now",)

    def __init__(self, now: R) -> None:
        self.now = now

    def __repr__(self) -> str:
        return f"<Current {self.now!r}>"

    def swap(self, following: R) -> R:
        """Have who comes from now on go by others.

        Returns:
            Those of before.
        """
        before, self.now = self.now, following
        return before


class HasRoutes(Protocol):
    """A `Current` of any kind of routes, to read from."""

    @property
    def now(self) -> Routes:
        """What connections go by that come now."""
