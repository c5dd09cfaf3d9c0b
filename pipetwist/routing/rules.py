"""A rule of a route, as it is configured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from pipetwist.connection.medium import Medium
from pipetwist.values import IpNetwork, NotEmpty, OneOrMore, Tag, UserName

__all__ = ["DATAGRAMS", "STREAMS", "Network", "RuleOptions", "network_of"]

Network = Literal["tcp", "udp"]
"""What a connection is made of, as sing-box calls it."""
STREAMS: Network = "tcp"
DATAGRAMS: Network = "udp"


def network_of(medium: Medium) -> Network:
    """What sing-box calls streams, or datagrams."""
    return DATAGRAMS if medium is Medium.DATAGRAMS else STREAMS


_NEVER_HOLDS = NotEmpty(
    "an empty list never matches, so the rule would do nothing; name at least one, or leave "
    "the key out"
)
_ONE_OR_MORE = OneOrMore()


@dataclass(frozen=True, kw_only=True)
class RuleOptions:
    """One rule. A condition that is absent always holds."""

    __pydantic_config__: ClassVar[dict[str, object]] = {"extra": "forbid"}

    inbound: Annotated[tuple[Tag, ...], _NEVER_HOLDS, _ONE_OR_MORE] | None = None
    """Holds for a connection that came in at one of these."""
    auth_user: Annotated[tuple[UserName, ...], _NEVER_HOLDS, _ONE_OR_MORE] | None = None
    """Matches a connection of one of these users."""
    source_ip_cidr: Annotated[tuple[IpNetwork, ...], _NEVER_HOLDS, _ONE_OR_MORE] | None = None
    """Matches a client whose address is in one of these networks, or is one of these addresses.
    A client by a unix socket has no address.
    """
    source_ip_is_private: bool = False
    """Matches a client with a private address, as well as those of ``source_ip_cidr``. Loopback,
    link-local, multicast and unspecified addresses are private too, as in sing-box.
    """
    network: Annotated[tuple[Network, ...], _NEVER_HOLDS, _ONE_OR_MORE] | None = None
    """``"tcp"`` matches streams and ``"udp"`` datagrams, those of unix sockets and framed ones
    too.
    """
    invert: bool = False
    """Has the rule hold for the connections that its conditions do not match."""
    action: Literal["route", "reject"] = "route"
    """``"route"`` sends the connection to the ``outbound``; ``"reject"`` closes it. ``"route"``
    where absent.
    """
    outbound: Tag | None = None
    """Where the connection goes; needed, unless it is rejected."""

    def __post_init__(self) -> None:
        """Refuse a rule that leads nowhere, or that can't hold."""
        if self.action == "route" and self.outbound is None:
            message = 'a rule needs an outbound, unless it has "action": "reject"'
            raise ValueError(message)
        if self.action == "reject" and self.outbound is not None:
            message = 'a rule with "action": "reject" has no outbound; leave one of the two out'
            raise ValueError(message)
        bound = self.inbound is not None or self.network is not None
        if self.invert and not bound and not self.looks_at_connections:
            message = "a rule without conditions always holds, so invert would have it never hold"
            raise ValueError(message)

    @property
    def looks_at_sources(self) -> bool:
        """Whether the address of the client matters."""
        return self.source_ip_cidr is not None or self.source_ip_is_private

    @property
    def looks_at_connections(self) -> bool:
        """Whether it may hold for one connection of an inbound and not for another."""
        return self.auth_user is not None or self.looks_at_sources
