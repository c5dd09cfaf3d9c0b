"""What went wrong since the start: failures, refusals, dropped datagrams, commands that ended
badly, and limits that were reached.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Any, NamedTuple, TypeAlias

from zope.interface import implementer

from pipetwist.connection.cause import Cause
from pipetwist.control.status import Status
from pipetwist.interfaces import IConnectionObserver, IConnectionRecord
from pipetwist.limits.notices import Notices
from pipetwist.page.tallies import UNTROUBLED

__all__ = ["MAX_PROBLEMS", "ProblemSources", "Problems"]

MAX_PROBLEMS = 50
"""How many of each kind are told, the latest first."""

_Key: TypeAlias = Hashable


class _Problem:
    """Something that goes wrong, perhaps again and again.

    Attributes:
        count: how often it did.
        time: when it last did, in seconds since the epoch.
        id: the number of the last connection of which it did; None if it was none.
        reason: why that one did, for people.
    """

    __slots__ = ("count", "id", "reason", "time")

    def __init__(self) -> None:
        self.count = 0
        self.time = 0.0
        self.id: int | None = None
        self.reason = ""


class ProblemSources(NamedTuple):
    """What is asked when somebody looks.

    Attributes:
        status: the state of the daemon: what does not listen, and the last reload.
        notices: which limits were reached; the time is that of the connection table's clock.
        ago: how many seconds ago a time of that clock was.
        dropped: how many datagrams were dropped, by the tags of the inbound and the outbound;
            without an outbound, those that belonged to no connection.
        lost_records: how many connection records were lost.
    """

    status: Callable[[], Status]
    notices: Notices
    ago: Callable[[float], float]
    dropped: Callable[[], Mapping[tuple[str, str], int]]
    lost_records: Callable[[], int]


@implementer(IConnectionObserver)
class Problems:
    """Observes connections, and remembers of each kind of problem how often it was there, and the
    last one.

    Args:
        now: the time in seconds since the epoch.
        sources: what else is asked.
    """

    def __init__(self, now: Callable[[], float], sources: ProblemSources) -> None:
        self._now = now
        self._sources = sources
        self._failed: dict[_Key, _Problem] = {}
        self._commands: dict[_Key, _Problem] = {}
        self._rejected: dict[_Key, _Problem] = {}

    def __repr__(self) -> str:
        return (
            f"<Problems: {len(self._failed)} kinds of failures, {len(self._rejected)} of refusals>"
        )

    def opened(self, connection: IConnectionRecord) -> None:
        """Nothing went wrong yet."""

    def closed(self, connection: IConnectionRecord, seconds: float) -> None:
        cause = connection.cause
        if cause is None or cause in UNTROUBLED:
            return
        ended_badly = cause is Cause.SERVER and connection.process is not None
        problems = self._commands if ended_badly else self._failed
        ends = connection.client_info.inbound, connection.outbound
        self._happened(problems, (*ends, cause), connection.number, connection.reason)

    def rejected(self, inbound: str, cause: Cause) -> None:
        self._happened(self._rejected, (inbound, "", cause))

    def document(self) -> dict[str, object]:
        """All of it, as the JSON object that ``docs/page.md`` describes."""
        status = self._sources.status()
        reload = status.reload
        dropped = {ends: count for ends, count in self._sources.dropped().items() if count}
        return {
            "failed": sum(problem.count for problem in self._failed.values()),
            "commands": sum(problem.count for problem in self._commands.values()),
            "rejected": sum(problem.count for problem in self._rejected.values()),
            "dropped": sum(dropped.values()),
            "failures": _told(self._failed),
            "bad_commands": _told(self._commands),
            "rejections": _told(self._rejected),
            "drops": [
                {"inbound": inbound, "outbound": outbound or None, "count": count}
                for (inbound, outbound), count in Counter(dropped).most_common(MAX_PROBLEMS)
            ],
            "refused": dict(status.refused),
            "limits": list(self._limits()),
            "reached": len(self._sources.notices),
            "not_listening": [
                {"name": one.name, "address": one.address}
                for one in status.listeners
                if not one.is_listening
            ],
            "reload": reload._asdict() if reload is not None and reload.problem else None,
            "lost_records": self._sources.lost_records(),
        }

    def _limits(self) -> Iterable[Mapping[str, object]]:
        for (whose, limit), hit in self._sources.notices.latest(MAX_PROBLEMS):
            yield {
                "whose": whose,
                "limit": limit,
                "what": hit.what,
                "count": hit.count,
                "time": round(self._now() - self._sources.ago(hit.last), 3),
            }

    def _happened(
        self,
        problems: dict[_Key, _Problem],
        key: _Key,
        number: int | None = None,
        reason: str = "",
    ) -> None:
        problem = problems.get(key)
        if problem is None:
            problem = problems[key] = _Problem()
        problem.count += 1
        problem.time, problem.id, problem.reason = self._now(), number, reason


def _told(problems: Mapping[Any, _Problem]) -> list[dict[str, object]]:  # Any: keys of three parts
    latest = heapq.nlargest(MAX_PROBLEMS, problems.items(), key=lambda item: item[1].time)
    return [
        {
            "inbound": inbound,
            "outbound": outbound or None,
            "cause": cause.value,
            "count": problem.count,
            "time": round(problem.time, 3),
            "id": problem.id,
            "reason": problem.reason,
        }
        for (inbound, outbound, cause), problem in latest
    ]
