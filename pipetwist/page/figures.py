"""The figures of one moment, and their JSON: each part is written once, for all readers."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from pipetwist.interfaces import CounterStoreLike
from pipetwist.page.document import Steps, Times, connections, document, traffic
from pipetwist.page.sampling import Sampler
from pipetwist.page.view import View
from pipetwist.relay.connection_table import ConnectionTable

__all__ = ["Figures"]

_MAX_KEPT = 32
"""How many documents of different views are kept, each of up to some hundred kilobytes; others are
written again.
"""


class Figures:
    """Reads the figures, and writes them for views.

    Only one of its iterators may run at a time.

    Args:
        connection_table: has the connections.
        store: has the counters.
        times: returns the times of now.
    """

    def __init__(
        self, connection_table: ConnectionTable, store: CounterStoreLike, times: Callable[[], Times]
    ) -> None:
        self._sampler = Sampler(connection_table, store)
        self._clocks = times
        self._times = times()
        self._traffic: dict[bool, bytes] = {}
        self._documents: dict[tuple[View, bool], bytes] = {}

    def __repr__(self) -> str:
        return f"<Figures of {self._times.now:.3f}, {len(self._documents)} documents>"

    def take(self) -> Iterator[None]:
        """Read the figures again. They are complete at the end."""
        self._traffic.clear()
        self._documents.clear()
        yield from self._sampler.sample()
        self._times = self._clocks()

    def told(self, view: View, *, changes_only: bool = False) -> Steps:
        """Write them, unless that was done.

        Args:
            view: which of the connections.
            changes_only: leave out names whose counters have not changed since the previous
                reading.
        """
        key = (view, changes_only)
        if key not in self._documents:
            if changes_only not in self._traffic:
                self._traffic[changes_only] = yield from traffic(
                    self._sampler, changes_only=changes_only
                )
            rows = yield from connections(self._sampler, view)
            if len(self._documents) >= _MAX_KEPT:
                self._documents.clear()
            self._documents[key] = document(
                self._sampler, self._times, self._traffic[changes_only], rows
            )
        return self._documents[key]
