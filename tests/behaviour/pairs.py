"""Which kinds of client and server are tried with each other: the list that a suite of behaviours
runs over.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Literal

from tests.behaviour.clients import (
    Clients,
    EndpointTcpClients,
    EndpointUnixClients,
    KernelTlsClients,
    TcpClients,
    TlsClients,
    UnixClients,
    UnixTlsClients,
    VsockClients,
)
from tests.behaviour.commands import ForkServers, ReactorForkServers
from tests.behaviour.servers import (
    EndpointTcpServers,
    EndpointUnixServers,
    KernelTlsServers,
    Servers,
    TcpServers,
    TlsServers,
    UnixServers,
    UnixTlsServers,
    VsockServers,
)
from tests.support.vsock import why_no_loopback

if TYPE_CHECKING:
    from tests.behaviour.case import PairCase

__all__ = ["PAIRS", "SOME_PAIRS", "Pair", "over_pairs"]


@dataclass(frozen=True)
class Pair:
    """What stands on the two sides of pipetwist, and how bytes get from one to the other.

    Attributes:
        clients: the kind of client.
        servers: the kind of server.
        transfer: the configuration's ``transfer``.
    """

    clients: type[Clients]
    servers: type[Servers]
    transfer: Literal["kernel", "stream"]

    @property
    def name(self) -> str:
        """The pair's name, for the names of its tests."""
        return f"{self.clients.name}_to_{self.servers.name}_by_{self.transfer}"


_VSOCK_PAIRS = (
    Pair(VsockClients, VsockServers, "kernel"),
    Pair(VsockClients, ForkServers, "kernel"),
    Pair(UnixClients, VsockServers, "kernel"),
    Pair(VsockClients, TcpServers, "stream"),
    Pair(TlsClients, VsockServers, "stream"),
)
_UNIX_TLS_PAIRS = (
    Pair(UnixTlsClients, TcpServers, "kernel"),
    Pair(TcpClients, UnixTlsServers, "kernel"),
    Pair(UnixTlsClients, UnixTlsServers, "kernel"),
    Pair(UnixTlsClients, ForkServers, "kernel"),
)
# A client that comes in by an endpoint is on a Twisted transport whatever the server is on.
PAIRS = (
    *(
        Pair(clients, servers, "kernel")
        for clients, servers in product(
            (UnixClients, TcpClients, KernelTlsClients, EndpointUnixClients),
            (UnixServers, TcpServers, KernelTlsServers, ForkServers),
        )
    ),
    *(
        Pair(clients, servers, "stream")
        for clients, servers in product(
            (UnixClients, TcpClients, TlsClients, EndpointTcpClients),
            (UnixServers, TcpServers, TlsServers, ForkServers, ReactorForkServers),
        )
    ),
    Pair(UnixClients, EndpointUnixServers, "stream"),
    Pair(TcpClients, EndpointTcpServers, "stream"),
    Pair(TlsClients, EndpointUnixServers, "stream"),
    Pair(EndpointUnixClients, EndpointTcpServers, "stream"),
    *_UNIX_TLS_PAIRS,
    *_VSOCK_PAIRS,
)


# Each kind at least once in each transfer: for behaviours that take their time and depend on either
# end alone.
SOME_PAIRS = (
    Pair(UnixClients, UnixServers, "kernel"),
    Pair(TcpClients, ForkServers, "kernel"),
    Pair(KernelTlsClients, TcpServers, "kernel"),
    Pair(TcpClients, KernelTlsServers, "kernel"),
    Pair(EndpointUnixClients, UnixServers, "kernel"),
    Pair(UnixClients, TlsServers, "stream"),
    Pair(TcpClients, EndpointTcpServers, "stream"),
    Pair(TlsClients, ForkServers, "stream"),
    Pair(EndpointTcpClients, ReactorForkServers, "stream"),
    Pair(UnixClients, EndpointUnixServers, "stream"),
    Pair(TcpClients, UnixServers, "stream"),
    Pair(UnixClients, TcpServers, "stream"),
    *_UNIX_TLS_PAIRS[:2],
    *_VSOCK_PAIRS,
)


def over_pairs(
    pairs: Iterable[Pair] = PAIRS, fits: Callable[[Pair], bool] = lambda _: True
) -> Callable[[type[PairCase]], None]:
    """Turn a suite of behaviours into a test case for each pair, in the suite's own module.

    Args:
        pairs: which.
        fits: says for which of them it holds.
    """

    def generate(suite: type[PairCase]) -> None:
        module = vars(sys.modules[suite.__module__])
        no_vsock = why_no_loopback()
        for pair in filter(fits, pairs):
            name = f"{suite.__name__}_{pair.name}"
            module[name] = type(
                name,
                (suite,),
                {
                    "pair": pair,
                    "skip": no_vsock if pair in _VSOCK_PAIRS else None,
                    "__module__": suite.__module__,
                    "__doc__": f"{suite.__doc__} {pair.name}.",
                },
            )

    return generate
