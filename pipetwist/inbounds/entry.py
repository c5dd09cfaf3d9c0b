"""Lets accepted sockets in: as descriptors where the outbound's side is one too, on Twisted transports elsewhere."""

from __future__ import annotations

import socket
from collections.abc import Callable

from pipetwist.connection.cause import Cause
from pipetwist.connection.visitor import Visitor
from pipetwist.inbounds.setting import InboundSetting
from pipetwist.interfaces import ISide
from pipetwist.kernel.socket_side import SocketSide
from pipetwist.packets.framed import FramedSide, FrameTally
from pipetwist.transfer.adoption import adopted_side

__all__ = ["RefusedError", "SocketEntry"]


class RefusedError(Exception):
    """This visitor may not come in. Its text says who and why."""


class SocketEntry:
    """Takes the sockets that an acceptor accepts.

    Args:
        tag: the inbound's.
        identify: says who is at the other end of a socket; raises `RefusedError`.
        setting: what the inbound works with.
        framed: whether a connection carries datagrams.
    """

    def __init__(self, tag: str, identify: Callable[[socket.socket], Visitor], setting: InboundSetting, *, framed: bool = False) -> None:
        self._tag = tag
        self._framed = framed
        self._identify = identify
        self._setting = setting

    def accepted(self, accepted: socket.socket) -> None:
        """Let one in."""
        setting = self._setting
        try:
            visitor = self._identify(accepted)
        except RefusedError as refusal:
            accepted.close()
            setting.log.warn("inbound {tag}: {refusal}", tag=self._tag, refusal=str(refusal))
            setting.relay.turned_away(self._tag, Cause.REFUSED)
            return
        except OSError:  # it is gone already, and nobody knows who it was
            accepted.close()
            return
        passage = setting.relay.admit(visitor)
        tracker = passage.tracker
        tally = None
        if self._framed:
            tracker = tally = FrameTally(tracker)
        side: ISide
        if setting.kernel is not None and passage.outbound.in_kernel:
            side = SocketSide(setting.kernel, accepted, tracker)
        else:
            try:
                side = adopted_side(setting.reactor, setting.hang_ups, accepted, tracker)
            except OSError as error:
                setting.log.warn("inbound {tag}: {peer} can't be served: {error}", tag=self._tag, peer=visitor.peer, error=error.strerror)
                setting.relay.turned_away(self._tag, Cause.INTERNAL)
                return
        setting.relay.carry(passage, side if tally is None else FramedSide(side, tally, passage.outbound.largest_datagram))
