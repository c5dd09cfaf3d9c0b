"""Whether what comes in can be carried by where it goes: datagrams by what keeps their boundaries, bytes by streams.

This looks at the document as it was written, as `pipetwist.config.agreement` does.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pipetwist.config.problems import Place, Problem
from pipetwist.values import quote

__all__ = ["misrouted"]

_DATAGRAMS = ("udp", "unixgram")
_STREAMS = ("unix", "tcp", "endpoint", "fork")


def misrouted(raw: object) -> Iterator[Problem]:
    """Find each outbound that a route leads something to that it can't carry."""
    if not isinstance(raw, dict):
        return
    outbounds = {entry["tag"]: entry for entry in _entries(raw, "outbounds")}
    told: set[Place] = set()
    for inbound in _entries(raw, "inbounds"):
        for place, tag in _ways(raw, inbound):
            outbound = outbounds.get(tag) if isinstance(tag, str) else None
            if outbound is None or place in told or _datagrams(inbound) == _datagrams(outbound):
                continue
            told.add(place)
            yield Problem(place, _text(inbound, outbound))


def _entries(raw: dict[str, Any], section: str) -> Iterator[dict[str, Any]]:
    """The entries of which it is known what they carry."""
    entries = raw.get(section)
    for entry in entries if isinstance(entries, list) else ():
        if isinstance(entry, dict) and isinstance(entry.get("tag"), str) and entry.get("type") in _DATAGRAMS + _STREAMS:
            yield entry


def _datagrams(entry: dict[str, Any]) -> bool:
    return entry["type"] in _DATAGRAMS or entry.get("framing") is not None


def _ways(raw: dict[str, Any], inbound: dict[str, Any]) -> Iterator[tuple[Place, object]]:
    """Where an inbound's connections may go: the places that say so, and the outbounds' tags."""
    route = raw.get("route")
    route = route if isinstance(route, dict) else {}
    rules = route.get("rules")
    for index, rule in enumerate(rules if isinstance(rules, list) else ()):
        if not isinstance(rule, dict) or not _may_hold(rule, inbound):
            continue
        yield ("route", "rules", index, "outbound"), rule.get("outbound")
        if rule.get("auth_user") is None:
            return
    if route.get("final") is not None:
        yield ("route", "final"), route["final"]
    else:
        first = raw.get("outbounds")
        if isinstance(first, list) and first and isinstance(first[0], dict):
            yield ("outbounds", 0), first[0].get("tag")


def _may_hold(rule: dict[str, Any], inbound: dict[str, Any]) -> bool:
    tags, names = rule.get("inbound"), rule.get("auth_user")
    if tags is not None and not (isinstance(tags, list) and inbound["tag"] in tags):
        return False
    if names is None:
        return True
    users = inbound.get("users")
    known = [user.get("name") for user in users if isinstance(user, dict)] if isinstance(users, list) else []
    return isinstance(names, list) and any(name in names for name in known)


def _text(inbound: dict[str, Any], outbound: dict[str, Any]) -> str:
    came, goes = quote(inbound["tag"]), quote(outbound["tag"])
    if _datagrams(inbound):
        text = f"the inbound {came} takes datagrams, which the outbound {goes}, a stream, would run together"
        return text + '; give the outbound "framing": "rfc4571", or lead them elsewhere by a rule'
    text = f"the inbound {came} takes streams, which the outbound {goes} can't carry, since it sends datagrams"
    if outbound["type"] in _DATAGRAMS and inbound["type"] not in _DATAGRAMS:
        return text + '; give the inbound "framing": "rfc4571" if datagrams are framed on it, or lead it elsewhere by a rule'
    return text + "; lead it elsewhere by a rule"
