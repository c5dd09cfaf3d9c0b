"""Checks that routes lead datagrams to outbounds for datagrams, and streams to outbounds for
streams.

It checks the document as it was written, like `pipetwist.config.consistency`.
"""

from __future__ import annotations

from collections.abc import Iterator

from pipetwist.config.problems import KeyPath, Problem
from pipetwist.config.rule_reach import holds_for
from pipetwist.config.sections import Entry, entries
from pipetwist.interfaces import Medium
from pipetwist.values import quote

__all__ = ["incompatible_routes", "named_entries", "ways"]


def incompatible_routes(raw: object) -> Iterator[Problem]:
    """Find each route to an outbound that can't carry what the inbound receives."""
    if not isinstance(raw, dict):
        return
    outbounds = {entry.written["tag"]: entry for entry in named_entries(raw, "outbounds")}
    told: set[KeyPath] = set()
    for inbound in named_entries(raw, "inbounds"):
        for key_path, tag in ways(raw, inbound):
            outbound = outbounds.get(tag) if isinstance(tag, str) else None
            if outbound is None or key_path in told or _medium(inbound) is _medium(outbound):
                continue
            told.add(key_path)
            yield Problem(key_path, _text(inbound, outbound))


def named_entries(raw: object, section: str) -> Iterator[Entry]:
    """The entries of a section that are of a known kind and have a tag."""
    return (entry for entry in entries(raw, section) if isinstance(entry.written.get("tag"), str))


def _medium(entry: Entry) -> Medium:
    return entry.kind.Options.medium_of(entry.written)


def ways(raw: dict[str, object], inbound: Entry) -> Iterator[tuple[KeyPath, object]]:
    """Where an inbound's connections may go: the key paths that say so, and the outbounds' tags."""
    route = raw.get("route")
    route = route if isinstance(route, dict) else {}
    rules = route.get("rules")
    for index, rule in enumerate(rules if isinstance(rules, list) else ()):
        if not isinstance(rule, dict):
            continue
        holds = holds_for(rule, inbound)
        if holds is False:
            continue
        if rule.get("action") != "reject":
            yield ("route", "rules", index, "outbound"), rule.get("outbound")
        if holds:
            return
    if route.get("final") is not None:
        yield ("route", "final"), route["final"]
    else:
        first = raw.get("outbounds")
        if isinstance(first, list) and first and isinstance(first[0], dict):
            yield ("outbounds", 0), first[0].get("tag")


def _text(inbound: Entry, outbound: Entry) -> str:
    came, goes = quote(inbound.written["tag"]), quote(outbound.written["tag"])
    if _medium(inbound) is Medium.DATAGRAMS:
        text = (
            f"the inbound {came} takes datagrams, which the outbound {goes}, a stream, would run "
            "together"
        )
        return (
            text
            + (
                '; give the outbound "framing": "rfc4571", or route'
                if _can_frame(outbound)
                else "; route"
            )
            + " them elsewhere by a rule"
        )
    text = (
        f"the inbound {came} takes streams, which the outbound {goes} can't carry, since it sends "
        "datagrams"
    )
    if outbound.kind.Options.medium is Medium.DATAGRAMS and _can_frame(inbound):
        return (
            text
            + '; give the inbound "framing": "rfc4571" if datagrams are framed on it, or route it '
            "elsewhere by a rule"
        )
    return text + "; route it elsewhere by a rule"


def _can_frame(entry: Entry) -> bool:
    return "framing" in entry.kind.Options.keys()  # noqa: SIM118 - it is no mapping
