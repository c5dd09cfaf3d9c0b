"""What every inbound works with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from twisted.logger import Logger

from pipetwist.descriptors import DescriptorShares
from pipetwist.errors import StartError
from pipetwist.files import KnownFiles
from pipetwist.interfaces import AnyReactor, RelayLike
from pipetwist.kernel.setting import KernelSetting
from pipetwist.network.listeners import ListenerTable
from pipetwist.packets.setting import PacketSetting
from pipetwist.transfer.hang_up import HangUpWatch

__all__ = ["InboundSetting"]


def _raise(error: StartError) -> None:
    raise error


@dataclass(frozen=True)
class InboundSetting:
    """What every inbound works with.

    Attributes:
        reactor: the reactor; which of its interfaces are used depends on the inbound.
        relay: takes the connections.
        hang_ups: notices sockets whose peer has gone.
        kernel: moves bytes between descriptors; None where it is not to, or can't.
        log: takes what inbounds have to say.
        failed: is told where listening fails only after the service has started.
        packets: what datagram sockets work with; one of their own where it is None.
        files: reads certificates and keys.
        listeners: opens the sockets that are listened with, and has those that listened already.
        shares: divides the file descriptors among inbounds; where it is left out nothing bounds them.
    """

    reactor: AnyReactor
    relay: RelayLike
    hang_ups: HangUpWatch | None = None
    kernel: KernelSetting | None = None
    log: Logger = field(default_factory=Logger)
    failed: Callable[[StartError], None] = _raise
    packets: PacketSetting | None = None
    files: KnownFiles = field(default_factory=KnownFiles)
    listeners: ListenerTable = field(default_factory=ListenerTable)
    shares: DescriptorShares = field(default_factory=DescriptorShares)
