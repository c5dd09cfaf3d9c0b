"""What is at ``/metrics``: prometheus_client's own resource, on a registry of ours."""

from __future__ import annotations

from typing import Any

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.twisted import MetricsResource
from twisted.web.resource import Resource
from twisted.web.server import Request

from pipetwist.metrics.connections import ConnectionsCollector
from pipetwist.metrics.running import RunningCollector
from pipetwist.metrics.sources import Sources
from pipetwist.metrics.traffic import TrafficCollector

__all__ = ["ScrapedResource", "registry_of"]


def registry_of(sources: Sources) -> CollectorRegistry:
    """A registry of all that there is to see, the process's own figures included where the system has them."""
    registry = CollectorRegistry(auto_describe=True)
    for kind in (TrafficCollector, ConnectionsCollector, RunningCollector):
        registry.register(kind(sources))
    ProcessCollector(registry=registry)
    return registry


class ScrapedResource(Resource):
    """Writes the metrics down in a thread of the reactor's pool, so that the relay goes on meanwhile.

    Args:
        sources: what is shown.
    """

    isLeaf = True

    def __init__(self, sources: Sources) -> None:
        super().__init__()
        self._resource = MetricsResource(registry_of(sources))

    def render(self, request: Request) -> Any:
        """Answer GET; and HEAD, which prometheus_client refuses, as GET without the body."""
        asked, request.method = request.method, b"GET"
        try:
            # The request is looked at now; what is written later goes by the method that it has by then.
            return self._resource.render(request)
        finally:
            request.method = asked
