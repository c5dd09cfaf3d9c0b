"""What the HTTP listener serves, each resource at its path."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from pipetwist.config.document import Document
from pipetwist.control.actions import Actions
from pipetwist.control.options import page_refused
from pipetwist.errors import StartError
from pipetwist.inbounds.context import InboundContext
from pipetwist.inbounds.registry import INBOUNDS
from pipetwist.interfaces import CounterStoreLike
from pipetwist.kinds.figures import Figure
from pipetwist.kinds.inbound_options import InboundOptions
from pipetwist.kinds.outbound_options import OutboundOptions
from pipetwist.kinds.registry import AnyRegistry
from pipetwist.outbounds.registry import OUTBOUNDS
from pipetwist.records.service import ConnectionRecords
from pipetwist.relay.connection_table import ConnectionTable
from pipetwist.relay.routing_table import Current
from pipetwist.service.generation import Generation
from pipetwist.service.health import why_not_healthy
from pipetwist.service.live_page import put_page
from pipetwist.service.overview import Overview

if TYPE_CHECKING:
    from pipetwist.metrics.resource import ScrapedResource
    from pipetwist.metrics.sources import MetricsSnapshot
    from pipetwist.metrics.statistics import ConnectionStatistics
    from pipetwist.web.options import WebOptions
    from pipetwist.web.service import WebService

__all__ = ["web_service"]


def web_service(
    document: Document,
    context: InboundContext,
    current: Current[Generation],
    connection_table: ConnectionTable,
    store: CounterStoreLike,
    actions: Actions,
    records: ConnectionRecords | None,
    overview: Overview,
) -> WebService | None:
    """Make the HTTP listener with everything that it serves; None if the configuration has none,
    and then Twisted's web server is not loaded.

    Args:
        document: the configuration.
        context: the context of everything that listens.
        current: the current generation, which is read for each request.
        connection_table: has the connections.
        store: has the counters.
        actions: what the page does with connections, if the configuration allows it.
        records: writes connection records; None if nothing does.
        overview: has what became of connections, and knows the state of the tree.

    Raises:
        StartError: it may not listen there, or something that it needs can't be used.
    """
    options = document.metrics
    may_act = document.control is not None and document.control.page
    if may_act:
        _require_certificates(options)
    if options is None:
        return None
    from pipetwist.web.health import Health
    from pipetwist.web.service import WebService

    web = WebService(
        options,
        context.reactor,
        context.log,
        context.files,
        context.listeners,
        context.shares.monitoring("metrics"),
    )
    metrics = _metrics(context, current, connection_table, store, records, overview.statistics)
    web.put("metrics", metrics)
    web.before_stop(metrics.close)
    web.put("healthz", Health(lambda: why_not_healthy(current.now)))
    shown = (connection_table, store, actions, overview, records)
    put_page(web, context, current, *shown, may_act=may_act)
    return web


def _require_certificates(options: WebOptions | None) -> None:
    tls = None if options is None else options.spoken_tls
    refused = page_refused(
        metrics=options is not None,
        tls=tls is not None,
        client_certificates=tls is not None and tls.client_certificate_path is not None,
    )
    if refused is not None:
        message = f"control.page: {refused}"
        raise StartError(message)


def _metrics(
    context: InboundContext,
    current: Current[Generation],
    connection_table: ConnectionTable,
    store: CounterStoreLike,
    records: ConnectionRecords | None,
    statistics: ConnectionStatistics,
) -> ScrapedResource:
    try:
        from pipetwist.metrics.resource import ScrapedResource
        from pipetwist.metrics.sources import Sources
    except ImportError as error:
        if (error.name or "").partition(".")[0] != "prometheus_client":
            raise
        message = (
            f"metrics needs prometheus_client, which can't be imported here ({error}): pip "
            "install prometheus_client"
        )
        raise StartError(message) from error

    return ScrapedResource(
        Sources(
            store, statistics, lambda: _taking(current.now, context, connection_table, records)
        ),
        context.reactor,
    )


def _taking(
    generation: Generation,
    context: InboundContext,
    connection_table: ConnectionTable,
    records: ConnectionRecords | None,
) -> Generator[None, None, MetricsSnapshot]:
    """Take a picture, in small steps: of quotas there may be very many."""
    from pipetwist.metrics.sources import MetricsSnapshot, Pipes

    pool = None if context.kernel is None else context.kernel.pool
    limits = connection_table.limits
    quotas = {} if limits.quotas is None else (yield from limits.quotas.figures())
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
        limited=limits.held_seconds(),
        refused=dict(limits.admission.refused) if limits else {},
        quotas=quotas,
        lost_records=None if records is None else records.lost,
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
