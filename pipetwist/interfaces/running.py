"""The interface of outbounds that run something of their own."""

from __future__ import annotations

from twisted.application.service import IService
from twisted.internet.defer import Deferred
from zope.interface import Attribute

from pipetwist.interfaces.connections import IOutbound

__all__ = ["IRunningOutbound"]


class IRunningOutbound(IOutbound, IService):
    """An outbound that runs something of its own, such as a command for each connection.

    When the daemon stops, `dismiss` is called first, and its service is stopped when all
    connections have closed. When a reload removes it, `retire` is called.
    """

    kill_grace: float = Attribute("Seconds that what it runs has to end, before it is killed.")

    def dismiss() -> None:
        """There will be no new connections: end what waits for one, and leave what has one."""

    def retire() -> Deferred[None]:
        """See `dismiss`.

        Returns:
            A Deferred that fires when everything that it runs has ended.
        """
