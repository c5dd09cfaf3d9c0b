"""Every measure, and the relays that each is taken of."""

from __future__ import annotations

from bench.measures import answers, datagrams, exchanges, idle, streams
from bench.measures.measure import Measure, Quantity, Take
from bench.places import Kind
from bench.relays.direct import Direct
from bench.relays.haproxy import HAProxy
from bench.relays.ncat import Ncat
from bench.relays.pipetwist import Pipetwist
from bench.relays.relay import Relay
from bench.relays.sing_box import SingBox
from bench.relays.socat import Socat
from bench.relays.stunnel import Stunnel
from bench.relays.v2ray import V2Ray

__all__ = ["MEASURES", "RELAYS"]

_PIPETWIST = Pipetwist()
_TWISTED_TRANSPORTS = Pipetwist("pipetwist-stream", frozenset(Kind) - {Kind.UDP}, transfer="stream")
_COUNTING = Pipetwist("pipetwist-counting", counting=True)
_STORE = Pipetwist("pipetwist-store", counting=True, store=True)
_PREFORK = Pipetwist("pipetwist-prefork", prefork=answers.POOL)
_INFO = (("level", "info"),)
_LOGGING = (
    Pipetwist("pipetwist-info", log=_INFO),
    Pipetwist("pipetwist-info-pipe", log=_INFO, piped=True),
    Pipetwist("pipetwist-info-json", log=(*_INFO, ("format", "json"))),
)

_USUAL: tuple[Relay, ...] = (
    Direct(),
    _PIPETWIST,
    _TWISTED_TRANSPORTS,
    HAProxy(),
    Socat(),
    Ncat(),
    SingBox(),
    V2Ray(),
    Stunnel(),
)
_ONE_PROCESS: tuple[Relay, ...] = tuple(
    relay for relay in _USUAL if relay.name not in {"direct", "socat", "ncat"}
)

RELAYS: tuple[Relay, ...] = (*_USUAL, _COUNTING, _STORE, _PREFORK, *_LOGGING)
"""All of them, in the order of the tables."""


def _that_do(kind: Kind, relays: tuple[Relay, ...] = _USUAL) -> tuple[Relay, ...]:
    return tuple(relay for relay in relays if kind in relay.kinds)


def _streams(name: str, kind: Kind, direction: str, way: str, connections: int = 1) -> Measure:
    title = f"{kind.value}, {'one stream' if connections == 1 else f'{connections} streams'}{way}"
    return Measure(
        name,
        title,
        kind,
        _that_do(kind),
        streams.QUANTITIES,
        streams.stream(direction, connections),
    )


def _connections(name: str, kind: Kind) -> Measure:
    """The table is without ncat where that would start a second ncat for each connection, at 30 a
    second.
    """
    title = f"{kind.value}, a connection for each 64 bytes"
    without_ncat = tuple(relay for relay in _that_do(kind) if relay.name != "ncat")
    relays = (*_that_do(kind), _PREFORK) if kind is Kind.CAT else without_ncat
    new_ports = 1 if kind is Kind.TCP else 0
    return Measure(
        name,
        title,
        kind,
        relays,
        exchanges.CONNECTION_QUANTITIES,
        exchanges.connections(),
        restart_after=new_ports,
    )


def _handshakes(name: str, kind: Kind, which: str) -> Measure:
    """Each run takes a few hundred ports of each relay's; see `exchanges`."""
    return Measure(
        name,
        f"{kind.value}, a connection with a {which} handshake for each 64 bytes",
        kind,
        _that_do(kind),
        exchanges.HANDSHAKE_QUANTITIES,
        exchanges.handshakes(which),
        restart_after=3,
    )


def _trips(name: str, kind: Kind) -> Measure:
    title = f"{kind.value}, round trips of 64 bytes"
    return Measure(name, title, kind, _that_do(kind), exchanges.TRIP_QUANTITIES, exchanges.trips())


def _datagrams(name: str, size: int, sources: int) -> Measure:
    whose = "one source" if sources == 1 else f"{sources} sources in turn"
    title = f"{Kind.UDP.value}, datagrams of {size:,} bytes from {whose}, 0.1 % lost at most"
    quantities = datagrams.FROM_ONE if sources == 1 else datagrams.FROM_MANY
    take = datagrams.datagrams(size, sources)
    return Measure(
        name, title, Kind.UDP, _that_do(Kind.UDP), quantities, take, rounds_for_each=0.6, tries=1
    )


def _idle(name: str, kind: Kind) -> Measure:
    title = f"{kind.value}, connections that are idle"
    """Each run needs a new process: memory that was used once is there already for the next."""
    relays = _that_do(kind, _ONE_PROCESS)
    return Measure(
        name,
        title,
        kind,
        relays,
        idle.QUANTITIES,
        idle.idle,
        rounds_for_each=0.4,
        restart_after=1,
        tries=1,
    )


def _answers(name: str, clients: int, how: str) -> Measure:
    title = (
        f"{Kind.CAT.value}, {answers.POOL} connections {how}, time from connecting to the answer"
    )
    relays = (*_that_do(Kind.CAT), _PREFORK)
    return Measure(
        name,
        title,
        Kind.CAT,
        relays,
        answers.QUANTITIES,
        answers.answers(clients),
        rounds_for_each=1.5,
    )


def _counting(name: str, what: str, quantities: tuple[Quantity, ...], take: Take) -> Measure:
    """Small differences need many short runs, and new processes now and then: each has a layout of
    memory of its own.
    """
    title = f"{Kind.UNIX.value}, {what}, with counting off and on, and with a file"
    return Measure(
        name,
        title,
        Kind.UNIX,
        (_PIPETWIST, _COUNTING, _STORE),
        quantities,
        take,
        rounds_for_each=4.0,
        restart_after=6,
    )


def _logging(name: str, kind: Kind) -> Measure:
    """As with counting."""
    title = (
        f"{kind.value}, connections, with none of them in the log, and each: in a file, through a "
        "pipe, as JSON"
    )
    return Measure(
        name,
        title,
        kind,
        (_PIPETWIST, *_LOGGING),
        exchanges.CONNECTION_QUANTITIES,
        exchanges.connections(share=_SHORT),
        rounds_for_each=4.0,
        restart_after=6,
    )


_SHORT = 0.5  # of the usual time

MEASURES = (
    _streams("unix-stream-up", Kind.UNIX, "up", ", up"),
    _streams("unix-stream-down", Kind.UNIX, "down", ", down"),
    _streams("unix-stream-both", Kind.UNIX, "both", ", both ways at once"),
    _streams("unix-16-streams", Kind.UNIX, "up", ", up", 16),
    _streams("tcp-stream-up", Kind.TCP, "up", ", up"),
    _streams("tcp-stream-down", Kind.TCP, "down", ", down"),
    _streams("tcp-stream-both", Kind.TCP, "both", ", both ways at once"),
    _streams("tcp-16-streams", Kind.TCP, "up", ", up", 16),
    _streams("tls-stream-up", Kind.TLS_ECDSA, "up", ", up"),
    _streams("tls-stream-down", Kind.TLS_ECDSA, "down", ", down"),
    _streams("tls-stream-both", Kind.TLS_ECDSA, "both", ", both ways at once"),
    _streams("fork-stream-up", Kind.COMMAND, "up", ", up"),
    _streams("fork-stream-down", Kind.COMMAND, "down", ", down"),
    _streams("fork-stream-both", Kind.CAT, "both", ""),
    _streams("fork-16-streams", Kind.CAT, "both", "", 16),
    _connections("unix-connections", Kind.UNIX),
    _connections("tcp-connections", Kind.TCP),
    _connections("fork-connections", Kind.CAT),
    _handshakes("tls-rsa-full", Kind.TLS_RSA, "full"),
    _handshakes("tls-rsa-resumed", Kind.TLS_RSA, "resumed"),
    _handshakes("tls-ecdsa-full", Kind.TLS_ECDSA, "full"),
    _handshakes("tls-ecdsa-resumed", Kind.TLS_ECDSA, "resumed"),
    _trips("unix-trips", Kind.UNIX),
    _trips("tcp-trips", Kind.TCP),
    _trips("fork-trips", Kind.CAT),
    _trips("udp-trips", Kind.UDP),
    _datagrams("udp-datagrams", 200, 1),
    _datagrams("udp-large-datagrams", 1400, 1),
    _datagrams("udp-64-sources", 200, 64),
    _idle("unix-idle", Kind.UNIX),
    _idle("tcp-idle", Kind.TCP),
    _answers("fork-answer", 1, "one after the other"),
    _answers("fork-burst", answers.POOL, "at once"),
    _counting(
        "counting-stream", "one stream, up", streams.QUANTITIES, streams.stream("up", share=_SHORT)
    ),
    _counting(
        "counting-connections",
        "connections",
        exchanges.CONNECTION_QUANTITIES,
        exchanges.connections(share=_SHORT),
    ),
    _counting(
        "counting-trips", "round trips", exchanges.TRIP_QUANTITIES, exchanges.trips(share=_SHORT)
    ),
    _logging("logging", Kind.UNIX),
)
