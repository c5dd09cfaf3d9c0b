"""Makes sides of accepted sockets: kernel descriptors if the outbound's side is one too, Twisted's
transports otherwise.
"""

from __future__ import annotations

import socket

from pipetwist.inbounds.context import InboundContext
from pipetwist.inbounds.gate import Gate
from pipetwist.interfaces import IOutbound, ISide, ITracker
from pipetwist.kernel.socket_side import SocketSide
from pipetwist.transfer.adoption import adopted_side

__all__ = ["SocketEntry"]


class SocketEntry:
    """Handles the sockets that an acceptor has accepted.

    Args:
        gate: admits them.
        context: what the inbound works with.
    """

    def __init__(self, gate: Gate, context: InboundContext) -> None:
        self._let_in = gate.let_in
        self._context = context

    def accepted(self, accepted: socket.SocketType) -> None:
        """Admit a client, or close its socket."""
        if not self._let_in(accepted, self._make_side):
            accepted.close()

    def _make_side(
        self, accepted: socket.SocketType, outbound: IOutbound, tracker: ITracker | None
    ) -> ISide:
        context = self._context
        if context.kernel is not None and outbound.in_kernel:
            return SocketSide(context.kernel, accepted, tracker)
        return adopted_side(context.reactor, context.peer_close_watch, accepted, tracker)
