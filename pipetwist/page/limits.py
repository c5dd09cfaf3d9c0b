"""What limits there are, how much of them is used, and who is held back now."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from math import inf

from pipetwist.kinds.limit_options import UserLimitOptions
from pipetwist.limits.limit_table import LimitTable
from pipetwist.limits.limits import Entity
from pipetwist.page.document import PIECE, Steps, encoded
from pipetwist.quotas.quota import Quota

__all__ = ["MAX_LIMITED", "LimitsTold"]

MAX_LIMITED = 200
"""How many of those with limits are told; the filter finds the others."""
_ROWS = 25  # that are written in one step
_FIGURES = ("up_mbps", "down_mbps", "max_connections", "connections_per_second")


class LimitsTold:
    """Tells the limits of inbounds, outbounds and users.

    Args:
        table: has them.
        users: the names of all users, some of them perhaps more than once.
    """

    def __init__(self, table: LimitTable, users: Callable[[], Iterable[str]]) -> None:
        self._table = table
        self._users = users

    def __repr__(self) -> str:
        return f"<LimitsTold {self._table!r}>"

    def document(self, words: Sequence[str]) -> Steps:
        """As the JSON object that ``docs/page.md`` describes: first those that are held back, then
        those that have used the most of a quota.

        Args:
            words: texts, case-folded, that a tag or name must all have.
        """
        limited: set[tuple[Entity, str]] = set()
        first: list[tuple[bool, float, tuple[Entity, str]]] = []
        matching = 0
        for number, key in enumerate(self._limited(), 1):
            if key not in limited:
                limited.add(key)
                if all(word in key[1].casefold() for word in words):
                    matching += 1
                    first.append((*self._patience(key), key))
            if number % PIECE == 0:
                if len(first) > 2 * MAX_LIMITED:
                    first = heapq.nsmallest(MAX_LIMITED, first)
                yield
        keys = [key for *_, key in heapq.nsmallest(MAX_LIMITED, first)]
        rows = []
        for start in range(0, len(keys), _ROWS):
            piece = [self._row(key) for key in keys[start : start + _ROWS]]
            rows.append(encoded(piece)[1:-1])
            yield
        told = {"limited": len(limited), "matching": matching}
        return b'%b,"rows":[%b]}' % (encoded(told)[:-1], b",".join(rows))

    def _limited(self) -> Iterator[tuple[Entity, str]]:
        """All that have limits; users perhaps more than once."""
        current = self._table.current
        yield from (("inbound", tag) for tag in current.inbound)
        yield from (("outbound", tag) for tag in current.outbound)
        if current.default is None:
            yield from (("user", name) for name in current.user)
        else:
            yield from (("user", name) for name in self._users())

    def _patience(self, key: tuple[Entity, str]) -> tuple[bool, float]:
        """The less of it, the sooner one is told."""
        quotas = self._table.quotas
        used = 0.0
        if key[0] == "user" and quotas is not None:
            used = max((quota.used / quota.amount for quota in quotas.seen(key[1])), default=0.0)
        return not any(self._table.holds(*key)), -used

    def _row(self, key: tuple[Entity, str]) -> Mapping[str, object]:
        entity, name = key
        table = self._table
        options = table.current.of(entity, name)
        up, down = table.holds(entity, name)
        opened, sources = table.admission.figures(entity, name)
        row: dict[str, object] = {
            "kind": entity,
            "name": name,
            "held": {"up": up, "down": down},
            "closed": table.admission.closed(entity, name) or None,
        }
        row.update(_figures(options, (*_FIGURES, "max_sources")))
        if entity != "inbound":
            row["open"] = opened
        if isinstance(options, UserLimitOptions):
            row["sources"] = sources
            row["expires"] = table.current.moment(options)
            quotas = () if table.quotas is None else table.quotas.look_at(name)
            row["quotas"] = [told for quota in quotas for told in _quota(quota)]
        return row


def _quota(quota: Quota) -> Iterator[Mapping[str, object]]:
    for options in quota.options:
        yield {
            "bytes": options.bytes,
            "used": quota.used,
            "period": str(quota.period),
            "count": options.count,
            "anew": quota.span.end,
            "then": None if options.then is None else _figures(options.then, _FIGURES),
        }


def _figures(options: object, names: Iterable[str]) -> dict[str, float | None]:
    """What they say; None where that is nothing, or any number."""
    said = {name: getattr(options, name, None) for name in names}
    return {name: None if value == inf else value for name, value in said.items()}
