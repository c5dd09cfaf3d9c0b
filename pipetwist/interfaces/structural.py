"""The interfaces that other programs use, as ``typing.Protocol``, for type checkers, which do not
know zope's interfaces without a plug-in.

Each is documented at the zope interface with the same name: `CounterLike` at `ICounter`. At run
time an object is checked against that one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from pipetwist.interfaces.untyped import AnyProtocol, AnyTransport

if TYPE_CHECKING:
    from pipetwist.connection.cause import Cause
    from pipetwist.connection.client_info import ClientInfo
    from pipetwist.connection.medium import Medium

__all__ = [
    "AnySide",
    "AnySideReceiver",
    "CounterLike",
    "CounterStoreLike",
    "OutboundLike",
    "RelayLike",
    "RouteLike",
    "SideLike",
    "SideReceiverLike",
    "SpawnerLike",
    "TrackerLike",
]

AnySide: TypeAlias = Any
"""A side, typed by its interface or by its protocol. For a type checker without zope's plug-in
neither is the other, and a class that implements a protocol of ours may take either.
"""

AnySideReceiver: TypeAlias = Any
"""A receiver of a side's events, typed by its interface or by its protocol, as `AnySide` is."""

AnyRoute: TypeAlias = Any
"""A route, typed by its interface or by its protocol, as `AnySide` is."""

AnyGate: TypeAlias = Any
"""A gate, typed by its interface or by a class that provides it, as `AnySide` is."""

AnyConnecting: TypeAlias = Any
"""A side or a Deferred of one: a Deferred of one class of side is not a Deferred of another."""


class CounterLike(Protocol):
    """See `ICounter`."""

    @property
    def name(self) -> str: ...
    def add(self, count: int, /) -> None: ...
    def total(self) -> int: ...
    def value(self) -> int: ...
    def reset(self) -> int: ...


class CounterStoreLike(Protocol):
    """See `ICounterStore`."""

    def counter(self, name: str, /) -> CounterLike: ...
    def get(self, name: str, /) -> CounterLike | None: ...
    def counters(self) -> Sequence[CounterLike]: ...


class TrackerLike(Protocol):
    """See `ITracker`."""

    def uplink(self, count: int, /) -> None: ...
    def downlink(self, count: int, /) -> None: ...


class SpawnerLike(Protocol):
    """See `ISpawner`."""

    def spawn(
        self, protocol: AnyProtocol, command: Sequence[str], env: Mapping[str, str], /
    ) -> AnyTransport: ...
    def signal_group(self, transport: AnyTransport, number: int, /) -> None: ...
    def end_group(
        self, transport: AnyTransport, grace: float, ended: Callable[[], None], /
    ) -> None: ...


class SideReceiverLike(Protocol):
    """See `ISideReceiver`."""

    def data_received(self, side: AnySide, data: bytes, /) -> None: ...
    def read_ended(self, side: AnySide, /) -> None: ...
    def pause_writing(self, side: AnySide, /) -> None: ...
    def resume_writing(self, side: AnySide, /) -> None: ...
    def peer_closed(self, side: AnySide, /) -> None: ...
    def lost(self, side: AnySide, reason: str, /, *, whole: bool = False) -> None: ...


class SideLike(Protocol):
    """See `ISide`."""

    @property
    def received(self) -> int: ...
    @property
    def delivered(self) -> int: ...
    @property
    def moved(self) -> int: ...
    @property
    def dropped(self) -> int: ...
    @property
    def notices_loss(self) -> bool: ...
    @property
    def process(self) -> Any: ...  # an IProcess, by the class that provides it, or None
    @property
    def medium(self) -> Medium: ...
    @property
    def carrier(self) -> object: ...
    @property
    def half_closes(self) -> bool: ...
    def attach(self, receiver: AnySideReceiver, /) -> None: ...
    def write(self, data: bytes, /) -> None: ...
    def pause_reading(self) -> None: ...
    def resume_reading(self) -> None: ...
    def write_eof(self) -> None: ...
    def close(self) -> None: ...
    def disconnect(self) -> None: ...
    def close_with_error(self) -> None: ...
    def abort(self) -> None: ...


class OutboundLike(Protocol):
    """See `IOutbound`."""

    @property
    def tag(self) -> str: ...
    @property
    def connect_timeout(self) -> float: ...
    @property
    def in_kernel(self) -> bool: ...
    @property
    def max_datagram_bytes(self) -> int | None: ...
    def connect(self) -> AnyConnecting: ...


class RouteLike(Protocol):
    """See `IRoute`."""

    @property
    def client_info(self) -> ClientInfo: ...
    @property
    def outbound(self) -> OutboundLike: ...
    @property
    def tracker(self) -> TrackerLike | None: ...


class RelayLike(Protocol):
    """See `IRelay`."""

    names_clients: bool

    def route(self, client_info: ClientInfo, /) -> AnyRoute: ...
    def handle(self, route: AnyRoute, client: AnySide, gate: AnyGate = None, /) -> None: ...
    def rejected(self, inbound: str, cause: Cause, /) -> None: ...
