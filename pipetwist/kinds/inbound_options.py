"""The keys of every inbound."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar

from pipetwist.connection.client_info import Timeouts
from pipetwist.connection.medium import Medium
from pipetwist.kinds.limit_options import LimitOptions
from pipetwist.kinds.options import FramedOptions, KindOptions
from pipetwist.values import Duration, Framing, OneOrMore, PositiveCount, Tag
from pipetwist.values.tls_names import AlpnProtocol
from pipetwist.values.tls_options import TlsListenerOptions

__all__ = [
    "MAX_ASSOCIATIONS",
    "UDP_TIMEOUT",
    "DatagramInboundOptions",
    "InboundOptions",
    "StreamInboundOptions",
    "TlsServerOptions",
    "refuse_bounds_of_streams",
]

UDP_TIMEOUT = 300.0
"""After how many seconds without a datagram an association ends, where nothing is said."""
MAX_ASSOCIATIONS = 4096
"""How many associations may be open at once, where nothing is said."""


@dataclass(frozen=True, kw_only=True)
class InboundOptions(KindOptions):
    """The keys of every inbound."""

    __pydantic_config__: ClassVar[dict[str, object]] = {"extra": "forbid"}

    fixed: ClassVar[Sequence[str] | None] = None
    """The keys, or other attributes, that can't change while it listens. None if nothing can."""

    address_key: ClassVar[str | None] = None
    """The key that another one is to be given if a listener has its address already."""

    tag: Tag
    """The inbound's name."""
    limits: LimitOptions | None = None
    """How much all of its connections together may have; without it as much as they want."""

    @property
    def label(self) -> str:
        """What errors about it begin with."""
        return f"inbound {self.tag}"

    @property
    def hosts(self) -> Mapping[str, str]:
        """The hosts that are looked up before it listens, by their keys."""
        return {}

    @property
    def own_folder(self) -> str | None:
        """The folder that no other inbound may have, since a program keeps its keys there."""
        return None

    def may_share_folder(self, options: InboundOptions) -> bool:
        """Whether another inbound may have that folder all the same, since it is of the same
        program.
        """
        return False

    @property
    def knows_sources(self) -> bool:
        """Whether the addresses of its clients can be told, or what stands for one."""
        return True

    @property
    def is_open_to_others(self) -> bool:
        """Whether users of this machine can connect other than the one who runs the daemon."""
        return True

    def can_become(self, options: InboundOptions) -> bool:
        """Whether an inbound that listens with these can continue with others without
        interruption.
        """
        if self.fixed is None or type(options) is not type(self):
            return replace(options, limits=self.limits) == self  # limits hold by themselves
        return all(getattr(options, name) == getattr(self, name) for name in ("tag", *self.fixed))

    @property
    def timeouts(self) -> Timeouts:
        """The time-outs of its connections."""
        return Timeouts()


@dataclass(frozen=True, kw_only=True)
class StreamInboundOptions(FramedOptions, InboundOptions):
    """The keys of every inbound for streams."""

    idle_timeout: Duration | None = None
    """Closes a connection that is open both ways after so long without a byte; without it never."""
    half_close_timeout: Duration | None = None
    """Closes a connection of which one direction has ended after so long without a byte. Where
    absent, ``"5m"``, and never where both sides are unix sockets or commands and the kernel moves
    the bytes: there a peer that dies is always noticed."""
    framing: Framing | None = None
    """``"rfc4571"`` where a connection carries datagrams, each preceded by its length as two bytes,
    big-endian; bytes where absent.
    """
    half_close: bool = True
    """``false`` where clients can't take an end of input while they still send: the server's is
    held back then, until the client has ended, or no byte has moved for ``half_close_timeout``, or
    two seconds. ``true`` where absent.
    """

    @property
    def timeouts(self) -> Timeouts:
        return Timeouts(
            idle=self.idle_timeout,
            half_close=self.half_close_timeout,
            closes_whole=not self.half_close,
        )


def refuse_bounds_of_streams(limits: LimitOptions | None) -> None:
    """Refuse bounds that an inbound of datagrams can't keep.

    Args:
        limits: the inbound's; None for none.

    Raises:
        ValueError: there are such; its text is for people.
    """
    if limits is not None and limits.max_connections is not None:
        message = (
            "limits.max_connections: an inbound of datagrams has max_associations for that; "
            "write it there"
        )
        raise ValueError(message)
    if limits is not None and limits.connections_per_second is not None:
        message = (
            "limits.connections_per_second: an inbound of datagrams accepts nothing, so that "
            "nothing can wait; leave it out, or write it in the limits of users"
        )
        raise ValueError(message)


@dataclass(frozen=True, kw_only=True)
class DatagramInboundOptions(InboundOptions):
    """The keys of every inbound for datagrams."""

    medium = Medium.DATAGRAMS
    descriptors = 0

    udp_timeout: Duration = UDP_TIMEOUT
    """Ends an association, which is all that one source sends and is answered, after so long
    without a datagram. ``"5m"`` where absent.
    """
    max_associations: PositiveCount = MAX_ASSOCIATIONS
    """How many may be open at once; for one beyond that the one that was idle for longest ends.
    4096 where absent.
    """

    def __post_init__(self) -> None:
        """Refuse bounds that are kept by accepting later, which datagrams have no part of."""
        refuse_bounds_of_streams(self.limits)
        super().__post_init__()

    @property
    def timeouts(self) -> Timeouts:
        return Timeouts(idle=self.udp_timeout, half_close=self.udp_timeout)


@dataclass(frozen=True, kw_only=True)
class TlsServerOptions(TlsListenerOptions):
    """TLS of an inbound."""

    alpn: Annotated[tuple[AlpnProtocol, ...], OneOrMore()] = ()
    """The protocols that clients may choose by ALPN, preferred ones first, such as ``["h2",
    "http/1.1"]``. A client that offers only others is refused (RFC 7301, 3.2); one that offers
    none comes in. Where absent or empty, what clients offer is ignored.
    """

    @property
    def alpn_protocols(self) -> tuple[bytes, ...]:
        return tuple(protocol.encode() for protocol in self.alpn)
