"""The API started for a test, and a client for it. Both sides run in one process: gRPC's handlers
have threads of their own.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import message_factory
from google.protobuf.message import Message
from twisted.internet.pollreactor import PollReactor
from twisted.internet.threads import blockingCallFromThread
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.api.options import ApiOptions
from pipetwist.api.query import DEFAULT_BOUNDS, Bounds
from pipetwist.api.service import StatsApi
from pipetwist.api.services import SERVICES
from pipetwist.interfaces import ICounterStore
from pipetwist.stats.counters import MemoryCounter, MemoryCounterStore
from pipetwist.stats.online import OnlineUsers
from pipetwist.values.bind_address import PortAddress

__all__ = [
    "RPC_SECONDS",
    "Client",
    "ReactorThread",
    "SlowStore",
    "counted",
    "open_channel",
    "reactor_thread",
    "start_api",
    "stop_api",
    "target_of",
]

RPC_SECONDS = 60.0
"""How long any call of a test may take."""


class ReactorThread:
    """A reactor of its own in a thread of its own, so that a test can block and the service goes
    on.

    Args:
        begin: whether to begin at once.
    """

    def __init__(self, *, begin: bool = True) -> None:
        self.reactor: Any = PollReactor()
        """The reactor."""
        self._thread: threading.Thread | None = None
        if begin:
            self.begin()

    def begin(self) -> None:
        """Run it."""
        # Made here, since Python 3.13 starts none after a fork that was made before it.
        self._thread = threading.Thread(target=self.reactor.run, args=(False,), daemon=True)
        self._thread.start()

    def call(self, function: Callable[..., Any], *arguments: object) -> Any:
        """Call something in its thread, and wait for what comes of it, or of its Deferred."""
        return blockingCallFromThread(self.reactor, function, *arguments)

    def end(self) -> None:
        """Stop it, and wait for its end."""
        assert self._thread is not None
        self.reactor.callFromThread(self.reactor.stop)
        self._thread.join(RPC_SECONDS)
        self.reactor.waker.connectionLost(None)


_threads: dict[SynchronousTestCase, ReactorThread] = {}


def reactor_thread(case: SynchronousTestCase) -> ReactorThread:
    """That of a test; its clean-up ends it."""
    if case not in _threads:
        _threads[case] = thread = ReactorThread()

        def end() -> None:
            del _threads[case]
            thread.end()

        case.addCleanup(end)
    return _threads[case]


def stop_api(case: SynchronousTestCase, api: StatsApi) -> None:
    """Stop it, and wait for its end."""
    reactor_thread(case).call(api.stopService)


class SlowStore(MemoryCounterStore):
    """A store with a counter ``a`` of 7, that makes queries wait until they are released."""

    def __init__(self) -> None:
        super().__init__()
        self.counter("a").add(7)
        self.asked = threading.Event()
        """A query has come."""
        self.release = threading.Event()
        """Lets queries go on."""

    def counters(self) -> list[MemoryCounter]:
        self.asked.set()
        self.release.wait(RPC_SECONDS)
        return super().counters()


def counted(counters: dict[str, int]) -> MemoryCounterStore:
    """A store with these counters at these values."""
    store = MemoryCounterStore()
    for name, value in counters.items():
        store.counter(name).add(value)
    return store


def start_api(
    case: SynchronousTestCase,
    store: ICounterStore | None = None,
    online: OnlineUsers | None = None,
    *,
    listen: str = "127.0.0.1:0",
    bounds: Bounds = DEFAULT_BOUNDS,
    grace: float = 0.0,
    clock: Callable[[], float] | None = None,
    **options: Any,
) -> StatsApi:
    """Start the API; the test's clean-up stops it.

    Args:
        case: the test.
        store: the counters; none where absent.
        online: the users; none where absent.
        listen: where to listen.
        bounds: of queries.
        grace: seconds that calls may take at the end.
        clock: of the time that the service has been up.
        options: more of the options' fields.
    """
    thread = reactor_thread(case)
    timed: dict[str, Any] = {} if clock is None else {"clock": clock}
    api = StatsApi(
        ApiOptions(listen=listen, **options),
        MemoryCounterStore() if store is None else store,
        OnlineUsers(lambda: 0.0) if online is None else online,
        thread.reactor,
        bounds=bounds,
        grace=grace,
        **timed,
    )
    thread.call(api.startService)

    def stop() -> None:
        if api.running:
            stop_api(case, api)

    case.addCleanup(stop)
    return api


def open_channel(
    case: SynchronousTestCase, target: str, credentials: grpc.ChannelCredentials | None = None
) -> grpc.Channel:
    """A channel of its own connection; the test's clean-up closes it."""
    options = [("grpc.use_local_subchannel_pool", 1)]
    if credentials is None:
        channel = grpc.insecure_channel(target, options=options)
    else:
        channel = grpc.secure_channel(target, credentials, options=options)
    case.addCleanup(channel.close)
    return channel


class Client:
    """Calls one of the services with the messages that pipetwist's .proto file describes.

    Args:
        case: the test.
        api: the service, or a target as gRPC writes it.
        service: its name on the wire.
        credentials: for TLS.
    """

    def __init__(
        self,
        case: SynchronousTestCase,
        api: StatsApi | str,
        service: str,
        credentials: grpc.ChannelCredentials | None = None,
    ) -> None:
        self._channel = open_channel(
            case, target_of(api) if isinstance(api, StatsApi) else api, credentials
        )
        self._service = service

    def call(self, method: str, **fields: object) -> Any:
        """Make one call.

        Args:
            method: its name.
            fields: of its request.

        Returns:
            Its response.

        Raises:
            grpc.RpcError: it failed.
        """
        description = next(
            service.methods_by_name[method]
            for service in SERVICES.values()
            if method in service.methods_by_name
        )
        request: type[Message] = message_factory.GetMessageClass(description.input_type)
        response: type[Message] = message_factory.GetMessageClass(description.output_type)
        caller = self._channel.unary_unary(
            f"/{self._service}/{method}",
            request_serializer=request.SerializeToString,
            response_deserializer=response.FromString,
        )
        return caller(request(**fields), timeout=RPC_SECONDS)

    def error(self, method: str, **fields: object) -> tuple[grpc.StatusCode, str]:
        """Make one call that is to fail; its status and text."""
        try:
            answer = self.call(method, **fields)
        except grpc.RpcError as error:
            return error.code(), error.details() or ""
        message = f"{method} was answered: {answer}"
        raise AssertionError(message)


def target_of(api: StatsApi) -> str:
    """Where a service listens, as gRPC writes it."""
    address = api.address
    assert address is not None
    return str(address) if isinstance(address, PortAddress) else f"unix:{Path(address.path)}"
