"""What is at ``/metrics``: prometheus_client's application, on a registry of ours."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from prometheus_client import CollectorRegistry, ProcessCollector, make_wsgi_app
from twisted.internet.defer import CancelledError, Deferred, DeferredLock, succeed
from twisted.internet.threads import deferToThreadPool
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request
from twisted.web.wsgi import WSGIResource

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


class _Threads:
    """What a WSGIResource takes for a thread pool; gives the end of what was run last.

    Args:
        reactor: the reactor, whose pool it is.
    """

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self.last: Deferred[None] = succeed(None)

    def callInThread(self, call: Callable[[], None]) -> None:
        """Run it in the reactor's pool."""
        self.last = deferToThreadPool(self._reactor, self._reactor.getThreadPool(), call)


class ScrapedResource(Resource):
    """Writes the metrics down in a thread of the reactor's pool, so that the relay goes on meanwhile.

    This is prometheus_client's own ``MetricsResource`` for a reactor that is passed in, and with threads whose end is known: each waits for
    the reactor with what it has written, and would wait for ever for one that has stopped meanwhile and waits for its threads.

    One scrape is written at a time: the pool also looks up names for the relay, and whoever asks a hundred times at once waits.

    Args:
        sources: what is shown.
        reactor: the reactor.
    """

    isLeaf = True

    def __init__(self, sources: Sources, reactor: Any) -> None:
        super().__init__()
        self._threads = _Threads(reactor)
        self._resource = WSGIResource(reactor, self._threads, make_wsgi_app(registry_of(sources)))
        self._turns = DeferredLock()

    def render(self, request: Request) -> Any:
        """Answer GET; and HEAD, which prometheus_client refuses, as GET without the body."""
        turn = self._turns.acquire()
        # One that has its turn keeps it until its thread has ended, also where the client has gone meanwhile.
        request.notifyFinish().addErrback(lambda _: None if turn.called else turn.cancel())
        turn.addCallbacks(lambda _: self._write(request), lambda failure: failure.trap(CancelledError))
        return NOT_DONE_YET

    def close(self) -> Deferred[None]:
        """Fires when no thread writes any more. Whoever still waits for a turn is answered before, or has been cut off."""
        closed: Deferred[None] = self._turns.run(lambda: None)
        return closed

    def _write(self, request: Request) -> None:
        asked, request.method = request.method, b"GET"
        try:
            # The request is looked at now; what is written later goes by the method that it has by then.
            self._resource.render(request)
        finally:
            request.method = asked
            self._threads.last.addBoth(lambda _: self._turns.release())
