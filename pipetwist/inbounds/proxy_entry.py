"""Has accepted sockets begin with a header of the PROXY protocol, and passes them on without it."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from pipetwist.inbounds.context import InboundContext
from pipetwist.inbounds.gate import Gate
from pipetwist.interfaces import AnyTransport
from pipetwist.kernel.connector import Watcher
from pipetwist.kernel.reactor_watcher import ReactorWatcher
from pipetwist.kinds.proxy_options import ProxiedInboundOptions
from pipetwist.proxy_protocol.header import Header
from pipetwist.proxy_protocol.trust import trusted_proxies
from pipetwist.transfer.peer_credentials import PEER_CREDENTIALS, peer_credentials
from pipetwist.values.addresses import SocketAddress, plain_host, shown_address
from pipetwist.values.trusted_proxies import UNIX, VSOCK

if TYPE_CHECKING:
    from pipetwist.inbounds.header_reader import HeaderReader

__all__ = [
    "NamedTransport",
    "ProxiedSocket",
    "ProxyEntry",
    "between",
    "client_address",
    "proxy_of",
]

_UNIX = getattr(socket, "AF_UNIX", None)
_VSOCK = getattr(socket, "AF_VSOCK", None)


class ProxiedSocket(socket.SocketType):
    """A client's socket, of which is known who the client is: a header has been read that says so,
    or a plug-in has said it.

    Args:
        accepted: the socket as it was accepted, which is closed as that.
        header: what was read or said.
    """

    __slots__ = ("header",)

    def __init__(self, accepted: socket.SocketType, header: Header) -> None:
        family, kind, proto = accepted.family, accepted.type, accepted.proto
        super().__init__(family, kind, proto, accepted.detach())
        self.header = header


class NamedTransport(NamedTuple):
    """A client that has come by a transport of Twisted's and a header.

    Attributes:
        transport: the transport.
        header: what its header says.
    """

    transport: AnyTransport
    header: Header


class ProxyEntry:
    """Takes the sockets that an acceptor accepts.

    Args:
        gate: keeps room for the clients, and refuses them.
        context: what the inbound works with.
        options: gets the inbound's options, which a reload may change.
        accepted: takes each socket whose header is read, a `ProxiedSocket` if it named somebody.
    """

    def __init__(
        self,
        gate: Gate,
        context: InboundContext,
        options: Callable[[], ProxiedInboundOptions],
        accepted: Callable[[socket.SocketType], None],
    ) -> None:
        from pipetwist.inbounds.header_reader import HeaderReader  # loads proxyprotocol

        self._gate = gate
        self._context = context
        self._options = options
        self._accepted = accepted
        self._reader = HeaderReader
        self._reading: dict[socket.SocketType, HeaderReader] = {}
        self._watcher: Watcher = (
            ReactorWatcher(context.reactor) if context.kernel is None else context.kernel.poller
        )

    def __repr__(self) -> str:
        return f"<ProxyEntry of {self._gate.tag}: {len(self._reading)} entering>"

    def accepted(self, accepted: socket.SocketType) -> None:
        """Begin with one."""
        try:
            who, shown = proxy_of(accepted)
        except OSError:  # it has gone already
            accepted.close()
            return
        options = self._options()
        shown = between(self._gate, accepted) or shown
        optional = options.proxy_protocol_accept_no_header
        if trusted_proxies(options.trusted_proxies).trusts(who):
            self._read(accepted, shown, optional=optional)
        elif optional:
            self._accepted(accepted)
        else:
            self._gate.refuse(f"refused {shown}, which is none of its trusted_proxies")
            accepted.close()

    def stop(self) -> None:
        """Nobody listens any more: whose header is not read by now does not come in."""
        reading, self._reading = self._reading, {}
        for accepted, reader in reading.items():
            reader.stop()
            accepted.close()

    def _read(self, accepted: socket.SocketType, shown: str, *, optional: bool) -> None:
        kept = self._gate.expect()

        def leave() -> None:
            self._reading.pop(accepted, None)
            self._gate.expected(kept)

        def done(header: Header | None) -> None:
            leave()
            if header is None or header.source is None:
                # Who the client is the socket says, or has been said of it before.
                self._accepted(accepted)
            else:
                self._accepted(ProxiedSocket(accepted, header))

        def refused(why: str) -> None:
            leave()
            accepted.close()
            self._gate.refuse(f"refused {shown}, which sent no PROXY header: {why}")

        reader = self._reader(
            self._context.reactor,
            self._watcher,
            accepted,
            optional=optional,
            done=done,
            refused=refused,
        )
        self._reading[accepted] = reader
        reader.start()


def proxy_of(connected: socket.SocketType) -> tuple[str, str]:
    """Who has connected, as `pipetwist.proxy_protocol.trust` wants it, and for people.

    Raises:
        OSError: it has gone.
    """
    if connected.family == _UNIX:
        return UNIX, str(peer_credentials(connected)) if PEER_CREDENTIALS else UNIX
    address = client_address(connected)
    if connected.family == _VSOCK:
        machine = f"{VSOCK}:{address[0]}"
        return machine, f"{machine}:{address[1]}"
    host = plain_host(address[0])
    return host, shown_address(host, address[1])


def between(gate: Gate, connected: socket.SocketType) -> str:
    """What a client has come by that has no address of its own, for people; empty if it has one.

    Args:
        gate: its inbound's.
        connected: its socket.
    """
    if gate.between is None or isinstance(connected, ProxiedSocket):
        return ""
    return gate.between()


def client_address(connected: socket.SocketType) -> SocketAddress:
    """Where a client comes from: as its header says, or else the system.

    Raises:
        OSError: it has gone.
    """
    if isinstance(connected, ProxiedSocket) and isinstance(connected.header.source, tuple):
        return connected.header.source
    return connected.getpeername()
