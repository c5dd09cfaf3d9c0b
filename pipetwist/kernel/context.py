"""What every side in the kernel works with."""

from __future__ import annotations

import os
import select

from twisted.internet.interfaces import IReactorFDSet, IReactorTime

from pipetwist.interfaces import AnyReactor
from pipetwist.kernel.pipe_pool import PipePool
from pipetwist.kernel.poller import Poller
from pipetwist.kernel.turns import Turns
from pipetwist.transfer.lingering import Lingering

__all__ = ["KernelContext", "kernel_context"]

# One read takes as much as this.
BUFFER_SIZE = 1 << 18


class KernelContext:
    """What every side in the kernel works with.

    Args:
        reactor: counts the time, and reads the poller.
        poller: tells of descriptors' events.
        pool: lends pipes.
        tls: whether inbounds have OpenSSL read and write their sockets, or leave TLS to Twisted.
    """

    __slots__ = ("buffer", "lingering", "poller", "pool", "reactor", "tls", "turns")

    def __init__(
        self, reactor: IReactorTime, poller: Poller, pool: PipePool, *, tls: bool = True
    ) -> None:
        self.tls = tls
        self.reactor = reactor
        self.poller = poller
        self.pool = pool
        self.lingering = Lingering(reactor)
        self.turns = Turns(reactor)
        # Read into and sent on in one go, so that every direction of every connection can share it.
        self.buffer = memoryview(bytearray(BUFFER_SIZE))

    def close(self) -> None:
        """Give everything back to the system."""
        self.poller.close()
        self.pool.close()


def kernel_context(reactor: AnyReactor, *, tls: bool = True) -> KernelContext | None:
    """A context for this reactor, or None where reactor or system have not got what it takes.

    Args:
        reactor: counts the time, and reads the poller.
        tls: see `KernelContext`.
    """
    descriptors: AnyReactor = IReactorFDSet(reactor, None)
    if descriptors is None or not hasattr(select, "epoll") or not hasattr(os, "splice"):
        return None
    return KernelContext(descriptors, Poller(descriptors), PipePool(), tls=tls)
