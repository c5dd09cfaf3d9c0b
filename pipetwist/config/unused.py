"""Finds parts of a configuration that have no effect: outbounds and rules that nothing reaches,
users whom nobody counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields

from pipetwist.config.document import Document
from pipetwist.config.named_users import lists_of_users
from pipetwist.config.problems import Problem
from pipetwist.kinds.user_options import AskingOptions
from pipetwist.routing.rules import RuleOptions
from pipetwist.values import quote
from pipetwist.values.text_or import ALL

__all__ = ["unused"]

_STATS = ("experimental", "v2ray_api", "stats")
_NAMED = 3
_CONDITIONS = [key.name for key in fields(RuleOptions) if key.name not in ("action", "outbound")]


def unused(document: Document) -> Iterator[Problem]:
    """Find every part that has no effect, in a document that is valid."""
    yield from _rules(document)
    yield from _outbounds(document)
    yield from _counting(document)
    yield from _users(document)


def _users(document: Document) -> Iterator[Problem]:
    """Inbounds that let nobody in, and names that only the file of users may still bring."""
    shared = {user.name for user in document.all_users}
    for index, inbound in enumerate(document.inbounds):
        users = inbound.users if isinstance(inbound, AskingOptions) else None
        if users == () or (users == ALL and not shared):
            text = "the list is empty, so that nobody can connect here"
            yield Problem(("inbounds", index, "users"), text)
        for place, name in enumerate(users if isinstance(users, tuple) else ()):
            if isinstance(name, str) and name not in shared:
                yield Problem(
                    ("inbounds", index, "users", place),
                    f"there is no user named {quote(name)} now, neither in users nor in the "
                    "users_file",
                )


def _rules(document: Document) -> Iterator[Problem]:
    rules = document.route.rules
    for index, rule in enumerate(rules):
        before = next((number for number in range(index) if _covers(rules[number], rule)), None)
        if before is not None:
            yield Problem(
                ("route", "rules", index),
                f"this rule never decides, since route.rules[{before}] takes all that it would; "
                "write it before that",
            )


def _covers(one: RuleOptions, other: RuleOptions) -> bool:
    """Whether it is certain that one holds for everything that the other would hold for."""
    if one.invert or other.invert:
        return all(getattr(one, name) == getattr(other, name) for name in _CONDITIONS)
    return all(
        _includes(getattr(one, name), getattr(other, name))
        for name in ("inbound", "auth_user", "network")
    ) and (
        not one.looks_at_sources
        or (
            other.looks_at_sources
            and one.source_ip_is_private >= other.source_ip_is_private
            and _includes(one.source_ip_cidr or (), other.source_ip_cidr or ())
        )
    )


def _includes(one: tuple[str, ...] | None, other: tuple[str, ...] | None) -> bool:
    return one is None or (other is not None and set(one) >= set(other))


def _outbounds(document: Document) -> Iterator[Problem]:
    router = document.router()
    reached = {tag for inbound in document.inbounds for tag in router.reachable(inbound.tag)}
    for index, outbound in enumerate(document.outbounds):
        if outbound.tag not in reached:
            yield Problem(
                ("outbounds", index),
                f"no connection goes to {quote(outbound.tag)}: no rule of route.rules leads here, "
                f"and the rest goes to {quote(document.final)}",
            )


def _counting(document: Document) -> Iterator[Problem]:
    api = document.experimental.v2ray_api
    if api is None:
        return
    listed = (api.stats.inbounds, api.stats.outbounds, api.stats.users)
    if not api.stats.enabled:
        if any(listed):
            yield Problem(
                _STATS,
                'this lists what to count, but nothing is counted without "enabled": true, as in '
                "sing-box",
            )
        return
    if not any(listed):
        yield Problem(
            _STATS,
            'nothing is counted, since nothing is listed; write tags into "inbounds" and '
            '"outbounds", and names into "users"',
        )
    if api.stats.users == ALL:
        return
    counted = set(api.stats.users)
    for key_path, users in lists_of_users(document):
        names = dict.fromkeys(user.name for user in users)
        missing = [name for name in names if name not in counted]
        if missing:
            shown = ", ".join(map(quote, missing[:_NAMED]))
            more = f" and {len(missing) - _NAMED} more" if len(missing) > _NAMED else ""
            yield Problem(
                key_path,
                f"nobody counts {shown}{more}, since {'.'.join(_STATS)}.users does not list them",
            )
