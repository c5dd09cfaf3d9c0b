"""What every outbound needs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from twisted.logger import Logger

from pipetwist.accounts import Accounts
from pipetwist.datagram.context import DatagramContext
from pipetwist.errors import StartError
from pipetwist.files import KnownFiles
from pipetwist.interfaces import AnyReactor, SpawnerLike
from pipetwist.kernel.context import KernelContext
from pipetwist.network.lookups import Lookups
from pipetwist.plugins.pool import PluginPool
from pipetwist.transfer.peer_close_watch import PeerCloseWatch

__all__ = ["OutboundContext"]


def _raise(error: StartError) -> None:
    raise error


@dataclass(frozen=True)
class OutboundContext:
    """What every outbound needs.

    Attributes:
        reactor: the reactor; which of its interfaces are used depends on the outbound.
        spawner: starts commands; None for the best that the reactor and the system have.
        peer_close_watch: notices sockets whose peer has gone.
        kernel: moves bytes between descriptors; None if it should not, or can't.
        log: where outbounds log.
        datagram_context: what datagram sockets work with; one of their own where it is None.
        files: reads certificates.
        lookups: finds the addresses of servers' names; one of their own where it is None.
        accounts: finds the users that commands run as.
        failed: is called with an error after which the daemon must stop.
        start_failed: is called if what an outbound runs could not be started, after the outbound's
            own start.
        plugins: the plug-ins; by default a pool of its own, which nobody stops.
    """

    reactor: AnyReactor
    spawner: SpawnerLike | None = None
    peer_close_watch: PeerCloseWatch | None = None
    kernel: KernelContext | None = None
    log: Logger = field(default_factory=Logger)
    datagram_context: DatagramContext | None = None
    files: KnownFiles = field(default_factory=KnownFiles)
    lookups: Lookups | None = None
    accounts: Accounts = field(default_factory=Accounts)
    failed: Callable[[StartError], None] = _raise
    start_failed: Callable[[StartError], None] = _raise
    plugins: PluginPool = None  # type: ignore[assignment]  # it is made of the reactor

    def __post_init__(self) -> None:
        """Have a pool of plug-ins."""
        if self.plugins is None:
            object.__setattr__(self, "plugins", PluginPool(self.reactor, self.log))
