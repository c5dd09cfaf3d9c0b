"""The live page: what it shows of the tree."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from pipetwist.config.document import Document
from pipetwist.config.named_users import names_of_users
from pipetwist.control.actions import Actions
from pipetwist.inbounds.context import InboundContext
from pipetwist.interfaces import CounterStoreLike
from pipetwist.metrics.statistics import ConnectionStatistics
from pipetwist.records.service import ConnectionRecords
from pipetwist.relay.connection_table import ConnectionTable
from pipetwist.relay.routing_table import Current
from pipetwist.service.counting import tracked_by
from pipetwist.service.generation import Generation
from pipetwist.service.overview import Overview
from pipetwist.stats.names import ENTITIES, Entity, Every

if TYPE_CHECKING:
    from pipetwist.web.service import WebService

__all__ = ["put_page"]


def put_page(
    web: WebService,
    context: InboundContext,
    current: Current[Generation],
    connection_table: ConnectionTable,
    store: CounterStoreLike,
    actions: Actions,
    overview: Overview,
    records: ConnectionRecords | None,
    *,
    may_act: bool,
) -> None:
    """Have the HTTP listener serve the page.

    Args:
        web: the listener.
        context: the context of everything that listens.
        current: the current generation, which is read for each request.
        connection_table: has the connections.
        store: has the counters.
        actions: what the page does with connections, where it may.
        overview: what else is known of the tree.
        records: writes connection records; None if nothing does.
        may_act: whether it may.
    """
    from pipetwist.page.boot_clock import since_boot
    from pipetwist.page.ended import EndedConnections
    from pipetwist.page.feed import Feed
    from pipetwist.page.history_call import HistoryCall
    from pipetwist.page.limits import LimitsTold
    from pipetwist.page.problems import Problems, ProblemSources
    from pipetwist.page.reading import DocumentCall, SteppedCall
    from pipetwist.page.recorder import Recorder
    from pipetwist.page.resources import page_resources
    from pipetwist.page.state import OperatorState
    from pipetwist.page.tallies import NameTallies

    clock, log = context.reactor, context.log
    feed = Feed(clock, connection_table, store, time.time, log, actions.start / 1000)
    acting = {}
    if may_act:
        from pipetwist.page.closing import closing_resources

        acting = closing_resources(actions, clock, log)
    limits = connection_table.limits
    ended = EndedConnections(
        time.time, overview.statistics.rejections, lambda: current.now.outbounds
    )
    tallies = NameTallies(lambda: limits.admission.refused_of)
    sources = ProblemSources(
        status=overview.status,
        notices=limits.notices,
        ago=lambda then: clock.seconds() - then,
        dropped=lambda: _dropped(overview.statistics, current.now),
        lost_records=lambda: 0 if records is None else records.lost,
    )
    problems = Problems(time.time, sources)
    for observer in (ended, tallies, problems):
        connection_table.observe(observer)
    state = OperatorState(
        problems, limits, context.plugins.statuses, lambda: _listed(current.now.document)
    )
    limited = LimitsTold(limits, lambda: names_of_users(current.now.document))
    recorder = Recorder(clock, connection_table, store, time.time, since_boot(clock.seconds), log)
    reading = {
        "ended": DocumentCall(ended.document),
        "history": HistoryCall(recorder, clock),
        "limits": SteppedCall(clock, log, limited.document, filters=True),
        "names": SteppedCall(clock, log, lambda _: tallies.document()),
        "state": DocumentCall(state.document),
    }
    for name, resource in page_resources(feed, acting, reading).items():
        web.put(name, resource)
    web.after_start(recorder.start)
    web.before_stop(recorder.close)
    web.before_stop(feed.close)


def _dropped(
    statistics: ConnectionStatistics, generation: Generation
) -> dict[tuple[str, str], int]:
    """How many datagrams were dropped, by the tags of their inbound and outbound."""
    dropped = {ends: pair.dropped for ends, pair in statistics.pairs().items()}
    for tag, inbound in generation.inbounds.items():
        if inbound.dropped:
            dropped[tag, ""] = inbound.dropped
    return dropped


def _listed(document: Document) -> dict[Entity, bool]:
    """Whether any inbounds, outbounds and users are counted."""
    listed = tracked_by(document)
    return {
        entity: isinstance(names := listed.get(listing.key, ()), Every) or any(names)
        for entity, listing in ENTITIES.items()
    }
