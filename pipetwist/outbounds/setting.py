"""What every outbound works with."""

from __future__ import annotations

from dataclasses import dataclass, field

from twisted.logger import Logger

from pipetwist.files import KnownFiles
from pipetwist.interfaces import AnyReactor, SpawnerLike
from pipetwist.kernel.setting import KernelSetting
from pipetwist.network.lookups import Lookups
from pipetwist.packets.setting import PacketSetting
from pipetwist.transfer.hang_up import HangUpWatch

__all__ = ["OutboundSetting"]


@dataclass(frozen=True)
class OutboundSetting:
    """What every outbound works with.

    Attributes:
        reactor: the reactor; which of its interfaces are used depends on the outbound.
        spawner: starts commands; None for the best that the reactor and the system have.
        hang_ups: notices sockets whose peer has gone.
        kernel: moves bytes between descriptors; None where it is not to, or can't.
        log: takes what outbounds have to say.
        packets: what datagram sockets work with; one of their own where it is None.
        files: reads certificates.
        lookups: finds the addresses of servers' names; one of their own where it is None.
    """

    reactor: AnyReactor
    spawner: SpawnerLike | None = None
    hang_ups: HangUpWatch | None = None
    kernel: KernelSetting | None = None
    log: Logger = field(default_factory=Logger)
    packets: PacketSetting | None = None
    files: KnownFiles = field(default_factory=KnownFiles)
    lookups: Lookups | None = None
