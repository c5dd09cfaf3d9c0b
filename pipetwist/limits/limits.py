"""What a configuration limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo
from functools import cached_property
from typing import Literal

from pipetwist.kinds.limit_options import LimitOptions, QuotaOptions, UserLimitOptions
from pipetwist.values.moments import moment

__all__ = ["Entity", "Limits"]

Entity = Literal["inbound", "outbound", "user"]
"""What has limits."""


@dataclass(frozen=True)
class Limits:
    """What a configuration limits. What was asked once is remembered, since each of many
    connections asks the same of its user.

    Attributes:
        inbound: the limits of inbounds, by their tags; only of those that have some.
        outbound: those of outbounds.
        user: those that users have of their own, by their names.
        default: those of each user, as far as it has none of its own.
        zone: where dates begin; None for the system's time zone.
    """

    inbound: Mapping[str, LimitOptions] = field(default_factory=dict)
    outbound: Mapping[str, LimitOptions] = field(default_factory=dict)
    user: Mapping[str, UserLimitOptions] = field(default_factory=dict)
    default: UserLimitOptions | None = None
    zone: tzinfo | None = None
    _merged: dict[str, UserLimitOptions] = field(default_factory=dict, init=False, compare=False)
    _moments: dict[str, float] = field(default_factory=dict, init=False, compare=False)

    def of(self, entity: Entity, name: str) -> LimitOptions | UserLimitOptions | None:
        """The limits of one; None if it has none."""
        if entity == "inbound":
            return self.inbound.get(name)
        if entity == "outbound":
            return self.outbound.get(name)
        own, default = self.user.get(name), self.default
        if own is None or default is None:
            return own or default
        merged = self._merged.get(name)
        if merged is None:
            merged = self._merged[name] = own.merged(default)
        return merged

    @property
    def anything(self) -> bool:
        """Whether anything is limited."""
        return any((self.inbound, self.outbound, self.user, self.default))

    @cached_property
    def anybody_expires(self) -> bool:
        """Whether the time of some user is bounded."""
        default = self.default
        return any(options.expires for options in self.user.values()) or bool(
            default is not None and default.expires
        )

    @cached_property
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
        if not options.expires:
            return None
        found = self._moments.get(options.expires)
        if found is None:
            found = self._moments[options.expires] = moment(options.expires, self.zone)
        return found
