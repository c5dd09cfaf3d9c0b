"""The table of all listening sockets of this process."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable, Iterator
from functools import partial

from pipetwist.accounts import Accounts
from pipetwist.network.inherited import InheritedSocket, InheritedSockets
from pipetwist.network.listening import ListenHosts, open_everywhere
from pipetwist.network.listening_socket import ListeningSocket
from pipetwist.network.tcp_socket import open_tcp
from pipetwist.network.unix_socket import UnixListeningSocket
from pipetwist.network.vsock_socket import open_vsock
from pipetwist.values.addresses import SocketAddress
from pipetwist.values.bind_address import (
    BindAddress,
    PortAddress,
    UnixAddress,
    VsockAddress,
    bound_address,
)

__all__ = ["ListenerTable"]


class ListenerTable:
    """Opens listening sockets, and has each until it is closed. A process makes one table.

    Sockets that a plug-in's endpoint opens are not in it.

    Args:
        inherited: descriptors of listening sockets, such as systemd's.
        hosts: finds the addresses of hosts.
        accounts: finds the owners of socket files.

    Raises:
        StartError: an inherited one is not a listening stream socket.
    """

    def __init__(
        self,
        inherited: Iterable[int] = (),
        hosts: ListenHosts | None = None,
        accounts: Accounts | None = None,
    ) -> None:
        self.hosts = hosts or ListenHosts()
        """Finds the addresses of hosts."""
        self._accounts = accounts or Accounts()
        self.inherited = InheritedSockets(inherited)
        """The sockets that this process has inherited. They stay open."""
        self._open: dict[ListeningSocket, None] = {}

    def __iter__(self) -> Iterator[ListeningSocket]:
        """The open ones, in the order in which they were opened; copies of inherited ones too."""
        return iter(list(self._open))

    def __len__(self) -> int:
        """How many are open."""
        return len(self._open)

    def __repr__(self) -> str:
        return (
            f"<ListenerTable {'; '.join(f'{one.label} on {bound_address(one)}' for one in self)}>"
        )

    def find_inherited(self, address: BindAddress, asked: str) -> tuple[InheritedSocket, ...]:
        """The inherited sockets that listen on an address, or on one of its host's addresses.

        Args:
            address: the address.
            asked: which key names it, for errors.

        Raises:
            StartError: its host has no address.
        """
        if not self.inherited:
            return ()
        if not isinstance(address, PortAddress):
            return self.inherited.at(address)
        found = self.hosts.find(asked, address.host)
        return self.inherited.at(
            *(
                PortAddress(host, address.port, address.transport, more[1] if more else 0)
                for _, (host, _, *more) in found
            )
        )

    def enter(self, listening: ListeningSocket, label: str) -> ListeningSocket:
        """Add a socket to the table, until it is closed.

        Args:
            listening: the socket.
            label: its owner, for people.
        """
        listening.label = label
        listening.left = self._leave
        self._open[listening] = None
        return listening

    def enter_copies(
        self, inherited: Iterable[InheritedSocket], label: str
    ) -> list[ListeningSocket]:
        """Copy inherited sockets, and add the copies, which may be closed."""
        return [self.enter(one.copy(), label) for one in inherited]

    def open_ports(
        self,
        label: str,
        address: PortAddress,
        warn: Callable[[str], object],
        *,
        asked: str | None = None,
        open_one: Callable[[int, SocketAddress], ListeningSocket] = open_tcp,
    ) -> list[ListeningSocket]:
        """Open a socket on each of a host's addresses.

        Args:
            label: their owner, for errors.
            address: the host and the port.
            warn: is called with a text about addresses that this machine does not have.
            asked: the key that names the host, for errors; None for the label.
            open_one: opens one, given the family and the address; raises OSError.

        Raises:
            StartError: it can't listen there.
        """
        found = self.hosts.find(asked or label, address.host)
        return [
            self.enter(one, label)
            for one in open_everywhere(label, address.host, address.port, found, open_one, warn)
        ]

    def open_unix(
        self,
        label: str,
        address: UnixAddress,
        mode: int,
        owner: str | int | None = None,
        group: str | int | None = None,
        *,
        prepare: Callable[[socket.socket], object] | None = None,
        inherited: InheritedSocket | None = None,
    ) -> UnixListeningSocket:
        """Open a unix socket; the arguments are those of `UnixListeningSocket`.

        Raises:
            StartError: it can't listen there.
        """
        kind = socket.SOCK_DGRAM if address.datagrams else socket.SOCK_STREAM
        make = partial(UnixListeningSocket, label, address.path, mode, owner, group)
        opened = make(kind=kind, prepare=prepare, inherited=inherited, accounts=self._accounts)
        self.enter(opened.socket, label)
        return opened

    def open_vsock(self, label: str, address: VsockAddress) -> ListeningSocket:
        """Open a socket of vsock.

        Args:
            label: the owner's label, for errors.
            address: where it is to listen.

        Raises:
            StartError: it can't listen there.
        """
        return self.enter(open_vsock(label, address), label)

    def _leave(self, listening: ListeningSocket) -> None:
        self._open.pop(listening, None)
