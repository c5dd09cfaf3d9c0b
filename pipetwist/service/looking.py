"""What the HTTP listener serves: each part is put at its path here."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from pipetwist.errors import StartError
from pipetwist.inbounds.packets import PacketInbound
from pipetwist.outbounds.fork import ForkOutbound

if TYPE_CHECKING:
    from pipetwist.metrics.resource import ScrapedResource
    from pipetwist.service.tree import PipetwistService
    from pipetwist.web.options import WebOptions
    from pipetwist.web.service import WebService

__all__ = ["web_service"]


def web_service(options: WebOptions, tree: PipetwistService, reactor: Any) -> WebService:
    """The listener with all that it serves. Nothing of the web is loaded where this is not called.

    Args:
        options: what the configuration says.
        tree: what is looked at, made but for this.
        reactor: the reactor.

    Raises:
        StartError: it may not listen there, or something that it needs can't be had.
    """
    from pipetwist.web.service import WebService

    web = WebService(options, reactor, tree.log, tree.files, tree.hosts, tree.shares.looking("metrics"))
    metrics = _metrics(tree, reactor)
    web.put("metrics", metrics)
    web.before_stop(metrics.close)
    _put_page(web, tree, reactor)
    return web


def _metrics(tree: PipetwistService, reactor: Any) -> ScrapedResource:
    try:
        from pipetwist.metrics.resource import ScrapedResource
        from pipetwist.metrics.sources import Sources
        from pipetwist.metrics.tally import ConnectionTally
    except ImportError as error:
        if (error.name or "").partition(".")[0] != "prometheus_client":
            raise
        message = f"metrics needs prometheus_client, which can't be imported here ({error}): pip install prometheus_client"
        raise StartError(message) from error

    relay = tree.relay
    tally = ConnectionTally()
    relay.ledger.observe(tally)
    return ScrapedResource(
        Sources(
            tree.store,
            tally,
            counted=lambda: () if relay.tracked is None else relay.tracked.names(),
            routes=lambda: {tag: relay.router.reachable(tag) for tag in list(tree.inbounds)},
            strays=lambda: {tag: inbound.dropped for tag, inbound in list(tree.inbounds.items()) if isinstance(inbound, PacketInbound)},
            commands=lambda: {tag: outbound for tag, outbound in list(tree.outbounds.items()) if isinstance(outbound, ForkOutbound)},
            pipes=tree.pipes,
        ),
        reactor,
    )


def _put_page(web: WebService, tree: PipetwistService, reactor: Any) -> None:
    from pipetwist.page.feed import Feed
    from pipetwist.page.resources import page_resources

    feed = Feed(reactor, tree.relay.ledger, tree.store, time.time, tree.log)
    for name, resource in page_resources(feed).items():
        web.put(name, resource)
    web.before_stop(feed.close)
