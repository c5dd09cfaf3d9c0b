"""The rules of a route: the first rule whose conditions all hold names the outbound."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, ClassVar

from pipetwist.values import NotEmpty, Tag, UserName

__all__ = ["Router", "RuleOptions"]

_NEVER_HOLDS = NotEmpty(
    "an empty list never matches, so the rule would do nothing; name at least one, or leave "
    "the key out"
)


@dataclass(frozen=True, kw_only=True)
class RuleOptions:
    """One rule. A condition that is absent always holds."""

    __pydantic_config__: ClassVar[dict[str, object]] = {"extra": "forbid"}

    inbound: Annotated[tuple[Tag, ...], _NEVER_HOLDS] | None = None
    """Holds for a connection that came in at one of these."""
    auth_user: Annotated[tuple[UserName, ...], _NEVER_HOLDS] | None = None
    """Matches a connection of one of these users."""
    outbound: Tag
    """Where the connection goes."""

    def matches(self, inbound: str, user: str | None) -> bool:
        """Whether every condition holds."""
        return (self.inbound is None or inbound in self.inbound) and (
            self.auth_user is None or user in self.auth_user
        )


class Router:
    """Chooses an outbound's tag. It never changes.

    Args:
        rules: tried in order.
        final: the tag that takes the rest.
    """

    def __init__(self, rules: Iterable[RuleOptions], final: str) -> None:
        self._rules = tuple(rules)
        self._final = final

    def reachable(self, inbound: str) -> list[str]:
        """The tags of all outbounds that connections of an inbound may go to, by any user."""
        tags: dict[str, None] = {}
        for rule in self._rules:
            if rule.inbound is None or inbound in rule.inbound:
                tags[rule.outbound] = None
                if rule.auth_user is None:
                    return list(tags)
        tags[self._final] = None
        return list(tags)

    def choose(self, inbound: str, user: str | None) -> str:
        """The tag of the outbound for a connection of this inbound and user."""
        for rule in self._rules:
            if rule.matches(inbound, user):
                return rule.outbound
        return self._final
