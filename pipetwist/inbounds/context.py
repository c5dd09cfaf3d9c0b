"""What every inbound needs."""

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
from pipetwist.kinds.user_options import AskingOptions
from pipetwist.network.listeners import ListenerTable
from pipetwist.network.listening import ListenHosts
from pipetwist.network.lookups import Lookups
from pipetwist.plugins.pool import PluginPool
from pipetwist.transfer.peer_close_watch import PeerCloseWatch
from pipetwist.users.index import UserIndex
from pipetwist.users.lists import own_users

__all__ = ["InboundContext"]


def _raise(error: StartError) -> None:
    raise error


@dataclass(frozen=True)
class InboundContext:
    """What every inbound needs.

    Attributes:
        reactor: the reactor; which of its interfaces are used depends on the inbound.
        relay: handles the connections.
        peer_close_watch: notices sockets whose peer has gone.
        kernel: moves bytes between descriptors; None if it should not, or can't.
        log: where inbounds log.
        failed: is called if listening fails only after the service has started.
        datagram_context: what datagram sockets need; if None, each inbound makes one.
        files: reads certificates and keys.
        listeners: the table of listening sockets: opens them, and has the inherited ones; by
            default a new table, which looks names up for the reactor.
        shares: divides the file descriptors among inbounds; by default they are not limited.
        users: finds who may come in at an inbound that has a list; by default the users that are
            in that list itself.
        plugins: the plug-ins; by default a pool of its own, which nobody stops.
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
    users: Callable[[AskingOptions], UserIndex] = own_users
    plugins: PluginPool = None  # type: ignore[assignment]  # it is made of the reactor

    def __post_init__(self) -> None:
        """Have a table of listeners, and a pool of plug-ins."""
        if self.plugins is None:
            object.__setattr__(self, "plugins", PluginPool(self.reactor, self.log))
        if self.listeners is None:
            hosts = ListenHosts(Lookups(self.reactor), self.reactor)
            object.__setattr__(self, "listeners", ListenerTable(hosts=hosts))
