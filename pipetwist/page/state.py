"""What an operator wants to see at a glance: what went wrong, who is held back, and what the hosted
plug-ins are doing.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping, Sequence

from pipetwist.limits.limit_table import LimitTable
from pipetwist.page.problems import Problems
from pipetwist.plugins.status import PluginStatus
from pipetwist.stats.names import Entity

__all__ = ["OperatorState"]

_MAX_HELD = 20


class OperatorState:
    """Tells it.

    Args:
        problems: what went wrong.
        limits: who is held back.
        plugins: what each plug-in is doing.
        listed: for each kind of names, whether any are listed under ``stats``.
    """

    def __init__(
        self,
        problems: Problems,
        limits: LimitTable,
        plugins: Callable[[], Sequence[PluginStatus]],
        listed: Callable[[], Mapping[Entity, bool]],
    ) -> None:
        self._problems = problems
        self._limits = limits
        self._plugins = plugins
        self._listed = listed

    def __repr__(self) -> str:
        return f"<OperatorState {self._problems!r}>"

    def document(self) -> dict[str, object]:
        """All of it, as the JSON object that ``docs/page.md`` describes. Of what is not configured
        there is nothing.
        """
        state: dict[str, object] = {
            "listed": self._listed(),
            "problems": self._problems.document(),
        }
        if self._limits:
            held = self._limits.held_now()
            state["held"] = {"count": len(held), "rates": heapq.nsmallest(_MAX_HELD, held)}
        plugins = self._plugins()
        if plugins:
            state["plugins"] = [_plugin(one) for one in plugins]
        return state


def _plugin(status: PluginStatus) -> dict[str, object]:
    told = status._asdict()
    for seconds in ("ready_seconds", "pause", "start_seconds"):
        told[seconds] = None if told[seconds] is None else round(told[seconds], 3)
    return told
