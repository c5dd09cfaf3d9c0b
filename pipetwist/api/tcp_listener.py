"""A TCP port for gRPC's server. The reactor listens there, and what passes the gate is carried to a socket that gRPC alone listens on."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred, gatherResults, maybeDeferred, succeed
from twisted.logger import Logger

from pipetwist.api.gate import Gate
from pipetwist.api.inner_socket import InnerSocket
from pipetwist.network.listening import ListenHosts
from pipetwist.network.tcp_ports import open_ports
from pipetwist.tls import RenewableTls, over_tls
from pipetwist.values.listen import TcpListen

if TYPE_CHECKING:
    from twisted.internet.interfaces import IProtocolFactory

__all__ = ["TcpListener"]

_PLACE = "experimental.v2ray_api.listen"


class TcpListener:
    """Where a server listens on a TCP port.

    Args:
        listen: the host and the port.
        reactor: listens.
        hosts: knows the host's addresses.
        log: takes what there is to say.
        tls: what is shown to clients; None where no TLS is spoken.
    """

    def __init__(self, listen: TcpListen, reactor: Any, hosts: ListenHosts, log: Logger, tls: RenewableTls | None) -> None:
        self._listen = listen
        self._reactor = reactor
        self._hosts = hosts
        self._log = log
        self._tls = tls
        self._inner = InnerSocket()
        self._gate: Gate | None = None
        self._ports: list[Any] = []

    def __repr__(self) -> str:
        return f"<TcpListener {self._listen}: {self._gate}>"

    def listen(self, add_port: Callable[[str], int]) -> TcpListen:
        """Listen, and make gRPC's server listen behind. Well or not, `close` is to be called once gRPC has let go of it.

        Args:
            add_port: the server's method that takes an address and returns the port.

        Returns:
            Where it listens, with the port that was chosen for port 0.

        Raises:
            StartError: it can't listen there.
        """
        self._inner.listen(add_port)
        self._gate = gate = Gate(self._inner.endpoint(self._reactor), self._reactor, self._log)
        factory: IProtocolFactory = gate if self._tls is None else over_tls(self._tls, gate, self._reactor)
        self._ports = open_ports(self._reactor, _PLACE, self._listen, self._hosts, self._warn, factory)
        return TcpListen(self._listen.host, self._ports[0].getHost().port)

    def stop_listening(self) -> Deferred[Any]:
        """Let nobody in any more. Who is in stays."""
        ports, self._ports = self._ports, []
        return gatherResults([maybeDeferred(port.stopListening) for port in ports])

    def close(self) -> Deferred[None]:
        """End whoever is left, and let go of the socket that gRPC knew.

        Returns:
            A Deferred that fires when nobody is left.
        """
        self._inner.close()
        return succeed(None) if self._gate is None else self._gate.close()

    def _warn(self, text: str) -> None:
        self._log.warn("{place}: {text}", place=_PLACE, text=text)
