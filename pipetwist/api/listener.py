"""Where the API listens: the reactor accepts its clients, and the frontend forwards them to a
socket that only gRPC listens on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred, gatherResults, maybeDeferred, succeed
from twisted.logger import Logger

from pipetwist.api.callers import Callers
from pipetwist.api.frontend import Frontend
from pipetwist.api.inner_socket import InnerSocket
from pipetwist.descriptors import Share
from pipetwist.interfaces import AnyDeferred, AnyPort, AnyReactor
from pipetwist.network.listeners import ListenerTable
from pipetwist.network.tcp_ports import open_ports
from pipetwist.network.unix_port import UnixPort
from pipetwist.network.unix_socket import UnixListeningSocket
from pipetwist.tls.listener import ListenerTls
from pipetwist.tls.twisted_tls import over_tls
from pipetwist.values.bind_address import PortAddress, UnixAddress

if TYPE_CHECKING:
    from twisted.internet.interfaces import IProtocolFactory

__all__ = ["Listener"]


class Listener:
    """Listens on a TCP port or a unix socket.

    Args:
        label: the listener's key in the configuration, for errors and the log.
        listen: where.
        mode: of a unix socket's file.
        reactor: listens.
        listeners: opens the sockets.
        log: where it logs.
        tls: the server's TLS; None for none.
        share: see `Frontend`.
        callers: see `Frontend`.
    """

    def __init__(
        self,
        label: str,
        listen: PortAddress | UnixAddress,
        mode: int,
        reactor: AnyReactor,
        listeners: ListenerTable,
        log: Logger,
        tls: ListenerTls | None,
        share: Share | None,
        callers: Callers | None = None,
    ) -> None:
        self._label = label
        self._place = f"{label}.listen"
        self._listen = listen
        self._mode = mode
        self._reactor = reactor
        self._listeners = listeners
        self._log = log
        self._tls = tls
        self._share = share
        self._callers = callers
        self._inner = InnerSocket(self._place, callers)
        self._frontend: Frontend | None = None
        self._file: UnixListeningSocket | None = None
        self._ports: list[AnyPort] = []

    def __repr__(self) -> str:
        return f"<Listener {self._listen}: {self._frontend}>"

    def listen(self, add_port: Callable[[str], int]) -> PortAddress | UnixAddress:
        """Listen, and make gRPC's server listen behind it. Successful or not, call `close` once
        gRPC has closed its socket.

        Args:
            add_port: the server's method that takes an address and returns the port.

        Returns:
            The address, with the real port instead of port 0.

        Raises:
            StartError: it can't listen there.
        """
        self._inner.listen(add_port)
        self._frontend = frontend = Frontend(
            self._inner.endpoint(self._reactor),
            self._reactor,
            self._log,
            self._share,
            label=self._label,
            callers=self._callers,
        )
        if isinstance(self._listen, UnixAddress):
            self._listen_on_file(self._listen, frontend)
            return self._listen
        factory: IProtocolFactory = (
            frontend if self._tls is None else over_tls(self._tls, frontend, self._reactor)
        )
        self._ports = open_ports(
            self._reactor, self._place, self._listen, self._listeners, self._warn, factory
        )
        return PortAddress(self._listen.host, self._ports[0].getHost().port)

    def come_back(self) -> bool:
        """If a unix socket's file was removed, listen again. Returns whether it was removed.

        Raises:
            StartError: it was removed, and can't be created again.
        """
        if (
            self._file is None
            or not self._file.is_gone
            or self._frontend is None
            or not isinstance(self._listen, UnixAddress)
        ):
            return False
        ports = self._ports
        self._listen_on_file(self._listen, self._frontend)
        for port in ports:
            port.stopListening()
        return True

    def stop_listening(self) -> AnyDeferred:
        """Stop accepting. Connected clients stay."""
        file, self._file = self._file, None
        if file is not None:
            try:
                file.remove()
            except OSError as error:
                self._log.warn(
                    "{address} can't be removed: {reason}",
                    address=self._listen,
                    reason=error.strerror,
                )
        ports, self._ports = self._ports, []
        return gatherResults([maybeDeferred(port.stopListening) for port in ports])

    def close(self) -> Deferred[None]:
        """Close the clients that are left, and gRPC's socket.

        Returns:
            A Deferred that fires when no client is left.
        """
        self._inner.close()
        return succeed(None) if self._frontend is None else self._frontend.close()

    def _listen_on_file(self, listen: UnixAddress, frontend: Frontend) -> None:
        file = self._listeners.open_unix(self._place, listen, self._mode)
        self._file, self._ports = file, [UnixPort(self._reactor, file.socket, frontend, self._log)]

    def _warn(self, text: str) -> None:
        self._log.warn("{place}: {text}", place=self._place, text=text)
