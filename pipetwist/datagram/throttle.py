"""Sides for datagrams that can be limited, and what a limited one has besides."""

from __future__ import annotations

from typing import Any

from zope.interface import implementer

from pipetwist.datagram.waiting import SharingDatagrams
from pipetwist.interfaces import IFlow, ILimitedSide
from pipetwist.transfer.ending_side import EndingSide

__all__ = ["DatagramThrottle", "LimitableSide"]


class DatagramThrottle:
    """A flow, and what waits for its turn.

    Args:
        flow: is asked before anything is read or passed on.
    """

    __slots__ = ("flow", "held")

    def __init__(self, flow: IFlow) -> None:
        self.flow = flow
        self.held: SharingDatagrams | None = None
        """What was received for a side that shares its socket, and may not be passed on yet."""

    def __repr__(self) -> str:
        return f"<DatagramThrottle {len(self.held or ())} held, {self.flow!r}>"


@implementer(ILimitedSide)
class LimitableSide(EndingSide):
    """One that becomes a side of the limited class of its kind when it is limited, and one of its
    kind again afterwards: the others run nothing of that.
    """

    __slots__ = ("throttle",)

    received: int
    throttle: DatagramThrottle
    """Only a limited side has one."""

    @classmethod
    def limited(cls) -> type[LimitableSide]:
        """The limited class of its kind, whose first base is that kind's."""
        raise NotImplementedError

    def limited_anew(self) -> None:
        """Another flow is to be asked, which does not wait. Only a limited side is told."""
        raise NotImplementedError

    def unlimit(self) -> None:
        """Be limited no more. Only a limited side is asked to."""
        raise NotImplementedError

    def limit(self, flow: IFlow | None, *, since_start: bool, paused: bool = False) -> None:
        if self.ending.over:
            return
        if flow is not None and since_start:
            flow.charge(self.received)
        this: Any = self  # mypy has an object's class unchangeable
        kind = type(self).limited()
        if flow is None:
            if isinstance(self, kind):
                this.__class__ = kind.__mro__[1]
                kind.unlimit(this)
            return
        flow.bearer = this
        if isinstance(self, kind):
            self.throttle.flow.leave()
            self.throttle.flow = flow
            self.limited_anew()
        else:
            this.throttle = DatagramThrottle(flow)
            this.__class__ = kind  # both have the same slots
