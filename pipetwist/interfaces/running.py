"""Interfaces of what runs beside the connections."""

from __future__ import annotations

from twisted.application.service import IService
from twisted.internet.defer import Deferred
from zope.interface import Attribute

from pipetwist.interfaces.connections import IOutbound

__all__ = ["IRunningOutbound"]


class IRunningOutbound(IOutbound, IService):
    """An outbound that runs something of its own, as a command for each connection.

    At a stop it is dismissed, and its service stopped once the connections are over. Where a reload
    leaves it out it retires.
    """

    kill_grace: float = Attribute("How many seconds what it runs has to end before it is killed.")

    def dismiss() -> None:
        """No connection comes here any more: end what waits for one, and leave the others to
        theirs.
        """

    def retire() -> Deferred[None]:
        """See `dismiss`.

        Returns:
            A Deferred that fires when all that it runs has ended.
        """
