"""The rules of a route in their order: the first one that holds decides where a connection goes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple

from pipetwist.routing.conditions import Condition, condition_of, holds_at
from pipetwist.routing.rules import DATAGRAMS, STREAMS, Network, RuleOptions

__all__ = ["Decision", "Router"]


class Decision(NamedTuple):
    """Where a connection goes.

    Attributes:
        rule: the index of the rule that decides; None if none holds.
        outbound: the outbound's tag; None if the rule rejects the connection.
    """

    rule: int | None
    outbound: str | None


_Way = tuple[Condition | None, Decision]


class Router:
    """Chooses an outbound's tag. It never changes.

    Args:
        rules: tried in order.
        final: the tag that takes the rest.
        datagrams: the tags of the inbounds for datagrams; all others are for streams.
        both: the tags of the inbounds for streams and datagrams.
    """

    def __init__(
        self,
        rules: Iterable[RuleOptions],
        final: str,
        datagrams: Collection[str] = (),
        both: Collection[str] = (),
    ) -> None:
        self._rules = tuple(rules)
        self._final = Decision(None, final)
        self._datagrams = frozenset(datagrams)
        self._both = frozenset(both)
        self._ways: dict[tuple[str, Network | None], tuple[_Way, ...]] = {}
        self.needs_clients = any(
            rule.looks_at_sources or rule.action == "reject" for rule in self._rules
        )
        """Whether it has to be known who clients are: a rule asks, or is to say whom it rejects."""

    def __repr__(self) -> str:
        return f"<Router of {len(self._rules)} rules, then {self._final.outbound}>"

    def networks(self, inbound: str) -> tuple[Network, ...]:
        """What the connections of an inbound may be made of."""
        if inbound in self._both:
            return STREAMS, DATAGRAMS
        return (DATAGRAMS,) if inbound in self._datagrams else (STREAMS,)

    def reachable(self, inbound: str, network: Network | None = None) -> list[str]:
        """The tags of all outbounds that connections of an inbound may go to, by any client.

        Args:
            inbound: the inbound's tag.
            network: what the connections are made of; None for all that it has.
        """
        return list(
            dict.fromkeys(
                decision.outbound
                for _, decision in self._all_of(inbound, network)
                if decision.outbound is not None
            )
        )

    def may_reject(self, inbound: str, network: Network | None = None) -> bool:
        """Whether connections of an inbound may be rejected. See `reachable`."""
        return any(decision.outbound is None for _, decision in self._all_of(inbound, network))

    def decide(
        self, inbound: str, user: str | None, source: str = "", network: Network | None = None
    ) -> Decision:
        """Where a connection goes.

        Args:
            inbound: the inbound's tag.
            user: the user's name; None if the inbound knows none.
            source: the client's address; any other text if it has none.
            network: what it is made of; None for what the inbound takes, a stream if that is both.
        """
        for condition, decision in self._ways.get((inbound, network)) or self._of(inbound, network):
            if condition is None or condition(user, source):
                return decision
        return self._final

    def choose(
        self, inbound: str, user: str | None, source: str = "", network: Network | None = None
    ) -> str | None:
        """The tag of the outbound for a connection; None if a rule rejects it. See `decide`."""
        return self.decide(inbound, user, source, network).outbound

    def _all_of(self, inbound: str, network: Network | None) -> Iterator[_Way]:
        for one in self.networks(inbound) if network is None else (network,):
            yield from self._of(inbound, one)

    def _of(self, inbound: str, network: Network | None) -> tuple[_Way, ...]:
        """The rules that may hold for an inbound, the last of which always does."""
        known = self._ways.get((inbound, network))
        if known is None:
            one = self.networks(inbound)[0] if network is None else network
            known = self._ways[inbound, network] = tuple(self._ways_of(inbound, one))
        return known

    def _ways_of(self, inbound: str, network: Network) -> Iterable[_Way]:
        for index, rule in enumerate(self._rules):
            holds = holds_at(rule, inbound, network)
            if holds is not False:
                yield None if holds else condition_of(rule), Decision(index, rule.outbound)
            if holds:
                return
        yield None, self._final
