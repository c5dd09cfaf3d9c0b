"""Checks that routes lead datagrams to outbounds for datagrams, and streams to outbounds for
streams.

It checks the document as it was written, like `pipetwist.config.consistency`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pipetwist.config.problems import KeyPath, Problem
from pipetwist.config.rule_reach import holds_for
from pipetwist.config.sections import Entry, entries
from pipetwist.interfaces import Medium
from pipetwist.routing.rules import network_of
from pipetwist.values import quote

__all__ = ["carried", "incompatible_routes", "named_entries", "ways"]


def incompatible_routes(raw: object) -> Iterator[Problem]:
    """Find each route to an outbound that can't carry what the inbound receives."""
    if not isinstance(raw, dict):
        return
    outbounds = {entry.written["tag"]: entry for entry in named_entries(raw, "outbounds")}
    told: set[KeyPath] = set()
    for inbound in named_entries(raw, "inbounds"):
        for medium in carried(inbound):
            for key_path, tag in ways(raw, inbound, medium):
                outbound = outbounds.get(tag) if isinstance(tag, str) else None
                if outbound is None or key_path in told or medium in carried(outbound):
                    continue
                told.add(key_path)
                yield Problem(key_path, _text(inbound, outbound, medium))


def named_entries(raw: object, section: str) -> Iterator[Entry]:
    """The entries of a section that are of a known kind and have a tag."""
    return (entry for entry in entries(raw, section) if isinstance(entry.written.get("tag"), str))


def carried(entry: Entry) -> Sequence[Medium]:
    """What an entry carries."""
    return entry.kind.Options.carried_by(entry.written)


def ways(
    raw: dict[str, object], inbound: Entry, medium: Medium
) -> Iterator[tuple[KeyPath, object]]:
    """Where an inbound's connections may go: the key paths that say so, and the outbounds' tags.

    Args:
        raw: the document.
        inbound: the inbound.
        medium: what the connections are made of.
    """
    route = raw.get("route")
    route = route if isinstance(route, dict) else {}
    rules = route.get("rules")
    for index, rule in enumerate(rules if isinstance(rules, list) else ()):
        if not isinstance(rule, dict):
            continue
        holds = holds_for(rule, inbound, medium)
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


def _text(inbound: Entry, outbound: Entry, medium: Medium) -> str:
    came, goes = quote(inbound.written["tag"]), quote(outbound.written["tag"])
    network = quote(network_of(medium))
    rule = f'a rule with "network": {network}' if len(carried(inbound)) > 1 else "a rule"
    keys = " or ".join(outbound.kind.Options.ways_to_carry(medium))
    if medium is Medium.DATAGRAMS:
        text = (
            f"the inbound {came} takes datagrams, which the outbound {goes}, a stream, would run "
            "together"
        )
        route = f"route them elsewhere by {rule}"
        return f"{text}; give the outbound {keys}, or {route}" if keys else f"{text}; {route}"
    text = (
        f"the inbound {came} takes streams, which the outbound {goes} can't carry, since it sends "
        "datagrams"
    )
    route = f"route it elsewhere by {rule}"
    if keys:
        return f"{text}; give the outbound {keys}, or {route}"
    keys = " or ".join(inbound.kind.Options.ways_to_carry(Medium.DATAGRAMS))
    if (
        keys
        and outbound.kind.Options.medium is Medium.DATAGRAMS
        and Medium.DATAGRAMS not in carried(inbound)
    ):
        return f"{text}; give the inbound {keys} if datagrams come by it, or {route}"
    return f"{text}; {route}"
