"""Accepted sockets as sides: as descriptors where the outbound's side is one too, on Twisted transports elsewhere."""

from __future__ import annotations

import socket

from pipetwist.inbounds.gate import Gate
from pipetwist.inbounds.setting import InboundSetting
from pipetwist.interfaces import IOutbound, ISide, ITracker
from pipetwist.kernel.socket_side import SocketSide
from pipetwist.transfer.adoption import adopted_side

__all__ = ["SocketEntry"]


class SocketEntry:
    """Takes the sockets that an acceptor accepts.

    Args:
        gate: lets them in.
        setting: what the inbound works with.
    """

    def __init__(self, gate: Gate, setting: InboundSetting) -> None:
        self._let_in = gate.let_in
        self._setting = setting

    def accepted(self, accepted: socket.SocketType) -> None:
        """Let one in."""
        if not self._let_in(accepted, self._make_side):
            accepted.close()

    def _make_side(self, accepted: socket.SocketType, outbound: IOutbound, tracker: ITracker | None) -> ISide:
        setting = self._setting
        if setting.kernel is not None and outbound.in_kernel:
            return SocketSide(setting.kernel, accepted, tracker)
        return adopted_side(setting.reactor, setting.hang_ups, accepted, tracker)
