"""Moves bytes between two sides, whatever they are: a side's bytes go to the other side, its news to the connection's machine."""

from __future__ import annotations

from typing import cast

from zope.interface import implementer

from pipetwist.connection.end import End
from pipetwist.connection.machine import ConnectionMachine
from pipetwist.interfaces import IDescriptorSide, ISide, ISideReceiver

__all__ = ["Ear", "couple"]


@implementer(ISideReceiver)
class Ear:
    """Hears of one side. What it reads is kept until `couple` names the other side.

    Args:
        end: which side it is.
        side: the side itself.
        machine: decides what follows.
    """

    __slots__ = ("_early", "_end", "_machine", "_other", "is_crowded", "side")

    def __init__(self, end: End, side: ISide, machine: ConnectionMachine) -> None:
        self.side = side
        self.is_crowded = False
        self._end = end
        self._machine = machine
        self._other: ISide | None = None
        self._early: list[bytes] = []

    def hand_to(self, other: ISide) -> None:
        """From now on what this side reads is written to the other."""
        self._other = other
        for data in self._early:
            other.write(data)
        self._early.clear()

    def data_received(self, side: ISide, data: bytes) -> None:
        """See `ISideReceiver`."""
        if self._other is None:
            self._early.append(data)
        else:
            self._other.write(data)

    def crowded(self, side: ISide) -> None:
        """See `ISideReceiver`: the other side reads nothing more for this one."""
        self.is_crowded = True
        if self._other is not None:
            self._other.pause_reading()

    def relieved(self, side: ISide) -> None:
        """See `ISideReceiver`: the other side reads on."""
        self.is_crowded = False
        if self._other is not None:
            self._other.resume_reading()

    def read_ended(self, side: ISide) -> None:
        """See `ISideReceiver`."""
        self._machine.read_ended(self._end)

    def hung_up(self, side: ISide) -> None:
        """See `ISideReceiver`."""
        self._machine.hung_up(self._end)

    def lost(self, side: ISide, cause: str, *, whole: bool = False) -> None:
        """See `ISideReceiver`."""
        self._machine.lost(self._end, cause, whole=whole)


def couple(client: Ear, server: Ear) -> None:
    """Carry bytes both ways from now on; two sides of one carrier do it by themselves.

    Raises:
        ValueError: one carries datagrams and the other a stream.
    """
    if client.side.medium is not server.side.medium:
        message = f"{client.side.medium.value} can't be carried to {server.side.medium.value}: give one of the two a framing"
        raise ValueError(message)
    carrier = client.side.carrier
    if carrier is not None and carrier is server.side.carrier:
        one, other = cast("IDescriptorSide", client.side), cast("IDescriptorSide", server.side)
        one.carry_to(other)
        other.carry_to(one)
    else:
        client.hand_to(server.side)
        server.hand_to(client.side)
    # What had come early may have been more than a side wants to hold.
    if not server.is_crowded:
        client.side.resume_reading()
    if not client.is_crowded:
        server.side.resume_reading()
