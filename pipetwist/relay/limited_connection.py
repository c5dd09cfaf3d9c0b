"""A connection where the configuration limits something."""

from __future__ import annotations

from pipetwist.connection.cause import Cause
from pipetwist.connection.states import Phase
from pipetwist.interfaces import ISide, OutboundLike
from pipetwist.limits.seats import Refusal
from pipetwist.relay.connection import Connection

__all__ = ["LimitedConnection"]


class LimitedConnection(Connection):
    """A connection that is refused where there are too many, and comes under its limits as soon as
    its sides are coupled.
    """

    __slots__ = ()

    def open(self, outbound: OutboundLike) -> None:
        refusal = self.owner.limits.admission.admit(self)
        if refusal is None:
            Connection.open(self, outbound)
            return
        self.client.attach(self)
        self.stop(f"refused: {refusal.text}", Cause.REFUSED)

    def connected(self, server: ISide) -> None:
        Connection.connected(self, server)
        if self.server is not None and self.state < Phase.CLOSED:
            self.owner.limits.limit(self, since_start=True)

    def dismiss(self, refusal: Refusal) -> None:
        """Its user's time is over: close now."""
        # First, so that what a limit holds back is not taken for cut off by a peer.
        self.owner.limits.let_go(self)
        self.stop(refusal.text, Cause.REFUSED)

    def look(self, now: float, allowed: float) -> bool:
        """See `Watched`: one that a limit holds back is not idle."""
        if self.owner.limits.held_by(self):
            self._since = now
            return False
        return super().look(now, allowed)

    def _hear(self, event: int) -> None:
        super()._hear(event)
        if self.state >= Phase.CLOSED:
            self.owner.limits.leave(self)
