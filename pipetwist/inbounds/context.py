"""What every inbound works with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from twisted.logger import Logger

from pipetwist.datagram.context import DatagramContext
from pipetwist.descriptors import DescriptorShares
from pipetwist.errors import StartError
from pipetwist.files import KnownFiles
from pipetwist.interfaces import AnyReactor, RelayLike
from pipetwist.kernel.context import KernelContext
from pipetwist.network.listeners import ListenerTable
from pipetwist.network.listening import ListenHosts
from pipetwist.network.lookups import Lookups
from pipetwist.transfer.peer_close_watch import PeerCloseWatch

__all__ = ["InboundContext"]


def _raise(error: StartError) -> None:
    raise error


@dataclass(frozen=True)
class InboundContext:
    """What every inbound works with.

    Attributes:
        reactor: the reactor; which of its interfaces are used depends on the inbound.
        relay: takes the connections.
        peer_close_watch: notices sockets whose peer has gone.
        kernel: moves bytes between descriptors; None where it is not to, or can't.
        log: takes what inbounds have to say.
        failed: is told where listening fails only after the service has started.
        datagram_context: what datagram sockets work with; one of their own where it is None.
        files: reads certificates and keys.
        listeners: opens the sockets that are listened with, and has those that listened already;
            where it is left out a table of its own, which looks names up for the reactor.
        shares: divides the file descriptors among inbounds; where it is left out nothing bounds
            them.
    """

    reactor: AnyReactor
    relay: RelayLike
    peer_close_watch: PeerCloseWatch | None = None
    kernel: KernelContext | None = None
    log: Logger = field(default_factory=Logger)
    failed: Callable[[StartError], None] = _raise
    datagram_context: DatagramContext | None = None
    files: KnownFiles = field(default_factory=KnownFiles)
    listeners: ListenerTable = None  # type: ignore[assignment]  # it is made of the reactor
    shares: DescriptorShares = field(default_factory=DescriptorShares)

    def __post_init__(self) -> None:
        """Have a table of listeners."""
        if self.listeners is None:
            hosts = ListenHosts(Lookups(self.reactor), self.reactor)
            object.__setattr__(self, "listeners", ListenerTable(hosts=hosts))
