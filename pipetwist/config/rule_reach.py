"""For which inbounds a rule may hold, in a document as it was written."""

from __future__ import annotations

from collections.abc import Mapping

from pipetwist.config.sections import Entry
from pipetwist.interfaces import Medium
from pipetwist.routing.conditions import all_of, inverted
from pipetwist.routing.rules import network_of
from pipetwist.values.text_or import ALL

__all__ = ["holds_for", "listed"]

_SOURCES = ("source_ip_cidr", "source_ip_is_private")


def listed(written: object) -> object:
    """A list, or a single text as the list of it that it is taken for."""
    return [written] if isinstance(written, str) else written


def holds_for(rule: Mapping[str, object], inbound: Entry, medium: Medium) -> bool | None:
    """Whether a rule holds for the connections of an inbound; None if only for some.

    Args:
        rule: the rule.
        inbound: the inbound.
        medium: what the connections are made of.
    """
    tag = inbound.written["tag"]
    found = all_of(
        (
            _names(rule.get("inbound"), tag),
            _names(rule.get("network"), network_of(medium)),
            _names_users(rule.get("auth_user"), inbound),
            True if all(rule.get(key) in (None, False) for key in _SOURCES) else None,
        )
    )
    return inverted(found, rule.get("invert") is True)


def _names(condition: object, value: object) -> bool:
    known = listed(condition)
    return known is None or (isinstance(known, list) and value in known)


def _names_users(condition: object, inbound: Entry) -> bool | None:
    names = listed(condition)
    if names is None:
        return True
    users = inbound.written.get("users")
    if users == ALL:
        return None
    known = (
        [user.get("name") if isinstance(user, dict) else user for user in users]
        if isinstance(users, list)
        else []
    )
    return None if isinstance(names, list) and any(name in names for name in known) else False
