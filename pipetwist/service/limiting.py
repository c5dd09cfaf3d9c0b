"""What a configuration limits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from zoneinfo import ZoneInfo

from twisted.internet.interfaces import IReactorTime

from pipetwist.config.document import Document
from pipetwist.descriptors import DescriptorShares
from pipetwist.kinds.inbound_options import InboundOptions
from pipetwist.kinds.limit_options import LimitOptions
from pipetwist.kinds.outbound_options import OutboundOptions
from pipetwist.kinds.user_options import AskingOptions, UserOptions
from pipetwist.limits.capped_share import Caps
from pipetwist.limits.limits import Limits
from pipetwist.relay.relay import Relay

__all__ = ["Limiter", "limits_of"]


class Limiter:
    """Has the limits of a configuration hold.

    Args:
        relay: has the connections.
        shares: the shares of all inbounds.
        clock: counts the time.
    """

    def __init__(self, relay: Relay, shares: DescriptorShares, clock: IReactorTime) -> None:
        self._relay = relay
        self._caps = Caps(clock, shares, relay.connection_table.limits.notices)

    def __repr__(self) -> str:
        return f"<Limiter {self._caps!r}>"

    def apply(self, document: Document) -> None:
        """From now on the limits of this configuration hold, for open connections too."""
        limits = limits_of(document)
        self._relay.limit(limits)
        self._caps.configure(limits)


def limits_of(document: Document) -> Limits:
    """What holds for inbounds, outbounds and users, as far as it is limited."""
    users: list[UserOptions] = list(document.all_users)
    for options in document.inbounds:
        if isinstance(options, AskingOptions):
            users.extend(options.own_users)
    return Limits(
        inbound=_by_tag(document.inbounds),
        outbound=_by_tag(document.outbounds),
        user={user.name: user.limits for user in users if user.limits is not None},
        default=document.default_limits,
        zone=None if document.timezone is None else ZoneInfo(document.timezone),
    )


def _by_tag(
    section: Iterable[InboundOptions] | Iterable[OutboundOptions],
) -> Mapping[str, LimitOptions]:
    return {options.tag: options.limits for options in section if options.limits is not None}
