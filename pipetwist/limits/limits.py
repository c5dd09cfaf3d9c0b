"""What a configuration limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import tzinfo
from typing import Literal, NamedTuple

from pipetwist.kinds.limit_options import LimitOptions, QuotaOptions, UserLimitOptions
from pipetwist.values.moments import moment

__all__ = ["Entity", "Limits"]

Entity = Literal["inbound", "outbound", "user"]
"""What has limits."""


class Limits(NamedTuple):
    """What a configuration limits.

    Attributes:
        inbound: the limits of inbounds, by their tags; only of those that have some.
        outbound: those of outbounds.
        user: those that users have of their own, by their names.
        default: those of each user, as far as it has none of its own.
        zone: where dates begin; None for the system's time zone.
    """

    inbound: Mapping[str, LimitOptions] = {}
    outbound: Mapping[str, LimitOptions] = {}
    user: Mapping[str, UserLimitOptions] = {}
    default: UserLimitOptions | None = None
    zone: tzinfo | None = None

    def of(self, entity: Entity, name: str) -> LimitOptions | UserLimitOptions | None:
        """The limits of one; None if it has none."""
        if entity == "inbound":
            return self.inbound.get(name)
        if entity == "outbound":
            return self.outbound.get(name)
        own, default = self.user.get(name), self.default
        return own.merged(default) if own is not None and default is not None else own or default

    @property
    def anything(self) -> bool:
        """Whether anything is limited."""
        return any((self.inbound, self.outbound, self.user, self.default))

    @property
    def anybody_expires(self) -> bool:
        """Whether the time of some user is bounded."""
        default = self.default
        return any(options.expires for options in self.user.values()) or bool(
            default is not None and default.expires
        )

    @property
    def have_quotas(self) -> bool:
        """Whether any user has a quota."""
        default = self.default
        return any(options.quota for options in self.user.values()) or bool(
            default is not None and default.quota
        )

    def quotas(self, user: str) -> Sequence[QuotaOptions]:
        """The quotas of a user."""
        options = self.of("user", user)
        return (options.quota or ()) if isinstance(options, UserLimitOptions) else ()

    def moment(self, options: UserLimitOptions) -> float | None:
        """When the time of a user with these limits is over, in seconds since 1970; None for
        never.
        """
        return moment(options.expires, self.zone) if options.expires else None
