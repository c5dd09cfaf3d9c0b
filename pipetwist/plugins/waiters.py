"""Those who wait until a plug-in is ready."""

from __future__ import annotations

from twisted.internet.defer import Deferred

from pipetwist.errors import ConnectError

__all__ = ["Waiters"]


class Waiters:
    """Deferreds that fire together. Each may be cancelled."""

    def __init__(self) -> None:
        self._waiting: dict[Deferred[None], None] = {}

    def __repr__(self) -> str:
        return f"<Waiters {len(self._waiting)}>"

    def join(self) -> Deferred[None]:
        """Wait too."""
        waiting: Deferred[None] = Deferred(lambda one: self._waiting.pop(one, None))
        self._waiting[waiting] = None
        return waiting

    def go(self) -> None:
        """They have not waited in vain."""
        waiting, self._waiting = self._waiting, {}
        for one in waiting:
            if not one.called:  # one that heard before may have cancelled it
                one.callback(None)

    def fail(self, why: str) -> None:
        """They have.

        Args:
            why: the reason, for people.
        """
        waiting, self._waiting = self._waiting, {}
        for one in waiting:
            if not one.called:
                one.errback(ConnectError(why))
