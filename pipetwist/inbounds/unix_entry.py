"""Accepted unix sockets as sides, and the descriptors that clients pass there."""

from __future__ import annotations

import socket
from collections.abc import Callable

from pipetwist.inbounds.context import InboundContext
from pipetwist.inbounds.entry import SocketEntry
from pipetwist.inbounds.gate import Gate
from pipetwist.interfaces import IOutbound, ISide, ITracker
from pipetwist.kernel.accepted_side import accepted_side, first_reader
from pipetwist.kernel.passing_side import PassingSide

__all__ = ["PassedNotice", "UnixEntry"]


class PassedNotice:
    """Tells once that descriptors were passed to an inbound that passes none on.

    Args:
        warn: logs a text about the inbound.
    """

    def __init__(self, warn: Callable[[str], None]) -> None:
        self.told = False
        self._warn = warn

    def tell(self) -> None:
        """Descriptors were passed, and are closed."""
        if not self.told:
            self.told = True
            self._warn(
                "a client passed file descriptors, which were closed, while its bytes go on; "
                '"pass_descriptors": true at this inbound and at its unix outbound passes them on'
            )


class UnixEntry(SocketEntry):
    """Handles the unix sockets that an acceptor has accepted.

    Args:
        gate: admits them.
        context: what the inbound works with.
        notice: tells of descriptors that are closed.
        passes: whether they are passed on where the outbound does so too.
    """

    def __init__(
        self, gate: Gate, context: InboundContext, notice: PassedNotice, *, passes: bool
    ) -> None:
        super().__init__(gate, context)
        self._notice = notice
        self._first_reader = first_reader(notice.tell)
        self._passes = passes
        self._share = context.shares.share(gate.tag)

    def _make_side(
        self, accepted: socket.SocketType, outbound: IOutbound, tracker: ITracker | None
    ) -> ISide:
        kernel = self._context.kernel
        if kernel is None or not outbound.in_kernel:
            return super()._make_side(accepted, outbound, tracker)
        if self._passes and getattr(outbound, "passes_descriptors", False):
            return PassingSide(kernel, accepted, tracker, self._share)
        if self._notice.told:
            return super()._make_side(accepted, outbound, tracker)
        return accepted_side(kernel, accepted, tracker, self._first_reader)
