"""What the HTTP listener serves, each resource at its path."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from pipetwist.errors import StartError
from pipetwist.inbounds.context import InboundContext
from pipetwist.inbounds.registry import INBOUNDS
from pipetwist.interfaces import CounterStoreLike
from pipetwist.kinds.figures import Figure
from pipetwist.kinds.inbound_options import InboundOptions
from pipetwist.kinds.outbound_options import OutboundOptions
from pipetwist.kinds.registry import AnyRegistry
from pipetwist.outbounds.registry import OUTBOUNDS
from pipetwist.relay.connection_table import ConnectionTable
from pipetwist.relay.routing_table import Current
from pipetwist.service.generation import Generation

if TYPE_CHECKING:
    from pipetwist.metrics.resource import ScrapedResource
    from pipetwist.metrics.sources import MetricsSnapshot
    from pipetwist.web.options import WebOptions
    from pipetwist.web.service import WebService

__all__ = ["web_service"]


def web_service(
    options: WebOptions,
    context: InboundContext,
    current: Current[Generation],
    connection_table: ConnectionTable,
    store: CounterStoreLike,
    started: float,
) -> WebService:
    """Make the HTTP listener with everything that it serves. Twisted's web server is loaded only if
    this is called.

    Args:
        options: what the configuration says.
        context: the context of everything that listens.
        current: the current generation, which is read for each request.
        connection_table: has the connections.
        store: has the counters.
        started: when the daemon was started, in seconds since 1970.

    Raises:
        StartError: it may not listen there, or something that it needs can't be used.
    """
    from pipetwist.web.service import WebService

    web = WebService(
        options,
        context.reactor,
        context.log,
        context.files,
        context.listeners,
        context.shares.monitoring("metrics"),
    )
    metrics = _metrics(context, current, connection_table, store)
    web.put("metrics", metrics)
    web.before_stop(metrics.close)
    _put_page(web, context, connection_table, store, started)
    return web


def _metrics(
    context: InboundContext,
    current: Current[Generation],
    connection_table: ConnectionTable,
    store: CounterStoreLike,
) -> ScrapedResource:
    try:
        from pipetwist.metrics.resource import ScrapedResource
        from pipetwist.metrics.sources import Sources
        from pipetwist.metrics.statistics import ConnectionStatistics
    except ImportError as error:
        if (error.name or "").partition(".")[0] != "prometheus_client":
            raise
        message = (
            f"metrics needs prometheus_client, which can't be imported here ({error}): pip "
            "install prometheus_client"
        )
        raise StartError(message) from error

    statistics = ConnectionStatistics()
    connection_table.observe(statistics)
    return ScrapedResource(
        Sources(store, statistics, lambda: _snapshot(current.now, context)), context.reactor
    )


def _snapshot(generation: Generation, context: InboundContext) -> MetricsSnapshot:
    from pipetwist.metrics.sources import MetricsSnapshot, Pipes

    pool = None if context.kernel is None else context.kernel.pool
    return MetricsSnapshot(
        generation.router,
        tuple(generation.inbounds),
        generation.tracked,
        strays={
            tag: inbound.dropped
            for tag, inbound in generation.inbounds.items()
            if inbound.dropped is not None
        },
        figures=tuple(_figures(generation)),
        pipes=None if pool is None else Pipes(pool.lent, pool.idle, pool.limit),
    )


def _figures(generation: Generation) -> Iterator[tuple[str, Figure, Mapping[str, float]]]:
    """The figures of all kinds, also of those that are not used: a metric should exist before its
    first event.
    """
    document = generation.document
    yield from _figures_of(INBOUNDS, document.inbounds, generation.inbounds)
    yield from _figures_of(OUTBOUNDS, document.outbounds, generation.outbounds)


def _figures_of(
    registry: AnyRegistry,
    written: Iterable[InboundOptions | OutboundOptions],
    parts: Mapping[str, object],
) -> Iterator[tuple[str, Figure, Mapping[str, float]]]:
    found: dict[Figure, dict[str, float]] = {
        figure: {} for kind in registry for figure in kind.Options.figures
    }
    for options in written:
        for figure in options.figures:
            found[figure][options.tag] = figure.read(parts[options.tag])
    for figure, values in found.items():
        yield registry.noun, figure, values


def _put_page(
    web: WebService,
    context: InboundContext,
    connection_table: ConnectionTable,
    store: CounterStoreLike,
    started: float,
) -> None:
    from pipetwist.page.feed import Feed
    from pipetwist.page.resources import page_resources

    feed = Feed(context.reactor, connection_table, store, time.time, context.log, started)
    for name, resource in page_resources(feed).items():
        web.put(name, resource)
    web.before_stop(feed.close)
