"""The conditions of a rule, made ready for connections: what depends on the inbound is decided
once, and only the rest is looked at for each connection.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from pipetwist.routing.rules import Network, RuleOptions
from pipetwist.values.networks import Networks, find_address

__all__ = ["Condition", "all_of", "condition_of", "holds_at", "inverted"]

Condition = Callable[["str | None", str], bool]
"""Whether a rule holds for a connection of this user and this source."""

# What sing-box takes for private: not only the networks of RFC 1918 and RFC 4193, but loopback,
# link-local, multicast and unspecified addresses too (IsPublicAddr in its library).
_PRIVATE = Networks(
    (
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "224.0.0.0/4",
        "0.0.0.0/32",
        "fc00::/7",
        "::1/128",
        "fe80::/10",
        "ff00::/8",
        "::/128",
    )
)


def all_of(conditions: Iterable[bool | None]) -> bool | None:
    """Whether all of them hold; None if that is different for different connections."""
    found: bool | None = True
    for condition in conditions:
        if condition is False:
            return False
        found = None if condition is None else found
    return found


def inverted(found: bool | None, invert: bool) -> bool | None:
    """Whether a rule holds whose conditions hold like this."""
    return found if found is None or not invert else not found


def holds_at(rule: RuleOptions, inbound: str, network: Network) -> bool | None:
    """Whether a rule holds for the connections of an inbound; None if that is different for
    different ones.

    Args:
        rule: the rule.
        inbound: the inbound's tag.
        network: what the inbound's connections are made of.
    """
    found = all_of(
        (
            rule.inbound is None or inbound in rule.inbound,
            rule.network is None or network in rule.network,
            None if rule.looks_at_connections else True,
        )
    )
    return inverted(found, rule.invert)


def condition_of(rule: RuleOptions) -> Condition:
    """What decides about a connection, where `holds_at` does not."""
    users = None if rule.auth_user is None else frozenset(rule.auth_user)
    if not rule.looks_at_sources:
        return _of_users(users or (), rule.invert)
    networks = None if rule.source_ip_cidr is None else Networks(rule.source_ip_cidr)
    private = rule.source_ip_is_private

    def holds(user: str | None, source: str) -> bool:
        if users is not None and user not in users:
            return rule.invert
        address = find_address(source)
        # As in sing-box, either of the two is enough.
        found = address is not None and (
            (networks is not None and address in networks) or (private and address in _PRIVATE)
        )
        return found is not rule.invert

    return holds


def _of_users(users: Iterable[str], invert: bool) -> Condition:
    known = frozenset(users)
    if invert:
        return lambda user, _: user not in known
    return lambda user, _: user in known
