"""A connection where the configuration limits something."""

from __future__ import annotations

from pipetwist.interfaces import ISide
from pipetwist.relay.connection import Connection

__all__ = ["LimitedConnection"]


class LimitedConnection(Connection):
    """A connection that comes under its limits as soon as its sides are coupled."""

    __slots__ = ()

    def connected(self, server: ISide) -> None:
        Connection.connected(self, server)
        if self.server is not None:
            self.owner.limits.limit(self, since_start=True)
