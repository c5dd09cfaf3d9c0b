"""What a configuration limits."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping
from itertools import chain
from zoneinfo import ZoneInfo

from twisted.application.service import Service
from twisted.internet.interfaces import IReactorTime

from pipetwist.config.document import Document
from pipetwist.descriptors import DescriptorShares
from pipetwist.kinds.inbound_options import InboundOptions
from pipetwist.kinds.limit_options import LimitOptions
from pipetwist.kinds.outbound_options import OutboundOptions
from pipetwist.kinds.user_options import AskingOptions
from pipetwist.limits.capped_share import Caps
from pipetwist.limits.limits import Limits
from pipetwist.relay.relay import Relay
from pipetwist.steps import at_once

__all__ = ["Limiter", "finding_limits", "limits_of"]

# So many users are looked through before the reactor does something else.
_USERS_AT_ONCE = 5000


class Limiter(Service):
    """Has the limits of a configuration hold, until it is stopped after all connections.

    Args:
        relay: has the connections.
        shares: the shares of all inbounds.
        clock: counts the time.
    """

    def __init__(self, relay: Relay, shares: DescriptorShares, clock: IReactorTime) -> None:
        self._relay = relay
        self._limits = relay.connection_table.limits
        self._caps = Caps(clock, shares, self._limits.notices)

    def __repr__(self) -> str:
        return f"<Limiter {self._caps!r}>"

    def apply(self, limits: Limits) -> Generator[None, None, None]:
        """From now on these limits hold: for new clients at once, for open connections in small
        steps.
        """
        self._caps.configure(limits)
        return self._relay.limiting(limits)

    def startService(self) -> None:
        """Look at the clock for quotas, after a stop too."""
        super().startService()
        self._limits.watch_quotas()

    def stopService(self) -> None:
        """Look at no clock any more."""
        super().stopService()
        self._caps.stop()
        if self._limits.quotas is not None:
            self._limits.quotas.stop()


def limits_of(document: Document) -> Limits:
    """What holds for inbounds, outbounds and users, as far as it is limited."""
    return at_once(finding_limits(document))


def finding_limits(document: Document) -> Generator[None, None, Limits]:
    """As `limits_of`, in small steps."""
    own = (options.own_users for options in document.inbounds if isinstance(options, AskingOptions))
    users = {}
    for place, user in enumerate(chain(document.all_users, chain.from_iterable(own)), 1):
        if user.limits is not None:
            users[user.name] = user.limits
        if place % _USERS_AT_ONCE == 0:
            yield
    limits = Limits(
        inbound=_by_tag(document.inbounds),
        outbound=_by_tag(document.outbounds),
        user=users,
        default=document.default_limits,
        zone=None if document.timezone is None else ZoneInfo(document.timezone),
    )
    # Both look through all users, once.
    if not limits.have_quotas and len(users) > _USERS_AT_ONCE:
        yield
    if not limits.anybody_expires and len(users) > _USERS_AT_ONCE:
        yield
    return limits


def _by_tag(
    section: Iterable[InboundOptions] | Iterable[OutboundOptions],
) -> Mapping[str, LimitOptions]:
    return {options.tag: options.limits for options in section if options.limits is not None}
