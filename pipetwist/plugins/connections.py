"""What is open through a plug-in: it ends with the plug-in, and for that reason.

The sockets of a program that is killed close as if it had said all that it had to say. Therefore
each end that a side reports is held back until it is known whether the plug-in has ended as well:
its connections are then lost, with the reason of its end.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from zope.interface import implementer

from pipetwist.interfaces import AnySideReceiver, ISide, ISideReceiver

__all__ = ["PluginConnections"]


class PluginConnections:
    """The connections that are open through a plug-in.

    Args:
        ending: whether the plug-in is about to end, so that `end` will be called.
    """

    def __init__(self, ending: Callable[[], bool]) -> None:
        self.ending = ending
        self._open: dict[_Watch, None] = {}
        self._emptied: list[Callable[[], object]] = []

    def __repr__(self) -> str:
        return f"<PluginConnections {len(self)} open>"

    def __len__(self) -> int:
        """How many are open."""
        return len(self._open)

    def watch(self, side: ISide, receiver: AnySideReceiver) -> ISideReceiver:
        """Receive the events of a side to the plug-in.

        Args:
            side: the side.
            receiver: who gets them then.

        Returns:
            What the side is to be attached to.
        """
        watch = _Watch(self, side, receiver)
        self._open[watch] = None
        return watch

    def left(self, watch: _Watch) -> None:
        """A side has closed."""
        self._open.pop(watch, None)
        if not self._open:
            emptied, self._emptied = self._emptied, []
            for call in emptied:
                call()

    def once_empty(self, call: Callable[[], object]) -> None:
        """Call a function when none is open, possibly at once."""
        if self._open:
            self._emptied.append(call)
        else:
            call()

    def end(self, why: str) -> None:
        """The plug-in has ended.

        Args:
            why: the reason, for people.
        """
        for watch in list(self._open):
            watch.end(why)


@implementer(ISideReceiver)
class _Watch:
    """Stands between a side to a plug-in and its receiver."""

    __slots__ = ("_connections", "_held", "_receiver", "_side")

    def __init__(
        self, connections: PluginConnections, side: ISide, receiver: AnySideReceiver
    ) -> None:
        self._connections = connections
        self._side = side
        self._receiver = receiver
        self._held = False

    def __repr__(self) -> str:
        return f"<_Watch of {self._side!r}{' held' if self._held else ''}>"

    @property
    def name_of(self) -> Any:  # its receiver's, if it has one
        """The name of the side, for its ``repr``."""
        return getattr(self._receiver, "name_of", None)

    def end(self, why: str) -> None:
        """The plug-in has ended."""
        self._connections.left(self)
        receiver, self._receiver = self._receiver, None
        self._side.abort()
        if receiver is not None:
            receiver.lost(self._side, why)

    def _hold(self) -> bool:
        """Whether the plug-in ends: then its end is told, and not that of one connection."""
        self._held = self._held or self._connections.ending()
        return self._held

    # ISideReceiver.

    def data_received(self, side: ISide, data: bytes) -> None:
        if self._receiver is not None:
            self._receiver.data_received(side, data)

    def read_ended(self, side: ISide) -> None:
        if not self._hold() and self._receiver is not None:
            self._receiver.read_ended(side)

    def pause_writing(self, side: ISide) -> None:
        if self._receiver is not None:
            self._receiver.pause_writing(side)

    def resume_writing(self, side: ISide) -> None:
        if self._receiver is not None:
            self._receiver.resume_writing(side)

    def peer_closed(self, side: ISide) -> None:
        if not self._hold() and self._receiver is not None:
            self._receiver.peer_closed(side)

    def lost(self, side: ISide, reason: str, *, whole: bool = False) -> None:
        """See `ISideReceiver`; what we have closed ourselves is lost without a reason."""
        if (reason or self._held) and self._hold():
            return
        self._connections.left(self)
        receiver, self._receiver = self._receiver, None
        if receiver is not None:
            receiver.lost(side, reason, whole=whole)
