"""What a flow asks last: whether a quota of its user has anything left."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipetwist.quotas.quota import Quota

if TYPE_CHECKING:
    from pipetwist.limits.flow import Flow

__all__ = ["QuotaStage"]


class QuotaStage:
    """A quota, asked as a `pipetwist.limits.rate.Rate` is. Nobody waits here for a turn: who gets
    nothing is ended.

    Args:
        quota: what is asked.
    """

    __slots__ = ("_quota",)

    name = "quota"
    """What holds a flow that waits here."""

    def __init__(self, quota: Quota) -> None:
        self._quota = quota

    def __repr__(self) -> str:
        return f"<QuotaStage {self._quota!r}>"

    def take(self, flow: Flow, most: int, now: float) -> int:
        """See `Rate`."""
        return self._quota.take(most)

    def allow(self, came: int) -> int:
        """See `Rate`, but no more than is left: the rest would be beyond it."""
        return self._quota.take(came)

    def give_back(self, count: int) -> None:
        """See `Rate`."""
        self._quota.give_back(count)

    def join(self, flow: Flow, now: float) -> None:
        """See `Rate`: the quota has told that it is used up."""

    def leave(self, flow: Flow, now: float) -> None:
        """See `Rate`."""
