"""The sockets that this process listens with, all of them: where somebody comes in is known here,
and nowhere else.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

from pipetwist.network.inherited import InheritedSocket, InheritedSockets
from pipetwist.network.listening import ListenHosts, open_everywhere
from pipetwist.network.listening_socket import ListeningSocket
from pipetwist.network.tcp_socket import open_tcp
from pipetwist.network.unix_socket import UnixListeningSocket
from pipetwist.values.bind_address import BindAddress, PortAddress, UnixAddress, bound_address

__all__ = ["ListenerTable"]


class ListenerTable:
    """Opens sockets to listen with, and has each until it is closed. A process makes it once.

    What an endpoint of somebody else's opens is that one's own.

    Args:
        inherited: descriptors of sockets that listen already, as systemd hands them in.
        hosts: knows the addresses of hosts that are listened at.

    Raises:
        StartError: one that was handed in is no socket that streams come in at.
    """

    def __init__(self, inherited: Iterable[int] = (), hosts: ListenHosts | None = None) -> None:
        self.hosts = hosts or ListenHosts()
        """Knows the addresses of hosts that are listened at."""
        self.inherited = InheritedSockets(inherited)
        """Those that listened already when this process began. They stay open."""
        self._open: dict[ListeningSocket, None] = {}

    def __iter__(self) -> Iterator[ListeningSocket]:
        """Those that are open, in the order in which they were opened; copies of those that were
        handed in as well.
        """
        return iter(list(self._open))

    def __len__(self) -> int:
        """How many are open."""
        return len(self._open)

    def __repr__(self) -> str:
        return (
            f"<ListenerTable {'; '.join(f'{one.label} on {bound_address(one)}' for one in self)}>"
        )

    def find_inherited(self, address: BindAddress, asked: str) -> tuple[InheritedSocket, ...]:
        """Those that were handed in and listen at an address, or at one of its host's.

        Args:
            address: where.
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
        """Have a socket until it is closed.

        Args:
            listening: the socket.
            label: whose it is, for people.
        """
        listening.label = label
        listening.left = self._leave
        self._open[listening] = None
        return listening

    def enter_copies(
        self, inherited: Iterable[InheritedSocket], label: str
    ) -> list[ListeningSocket]:
        """Listen with sockets that were handed in; what is closed are copies of them."""
        return [self.enter(one.copy(), label) for one in inherited]

    def open_ports(
        self,
        label: str,
        address: PortAddress,
        warn: Callable[[str], object],
        *,
        asked: str | None = None,
        open_one: Callable[[int, Any], ListeningSocket] = open_tcp,
    ) -> list[ListeningSocket]:
        """Open a socket at each of a host's addresses.

        Args:
            label: whose they are, for errors.
            address: the host and the port.
            warn: is told of addresses that this machine has not got.
            asked: which key names the host, for errors; the place where it is None.
            open_one: opens one at an address of a family; raises OSError.

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
        opened = make(kind=kind, prepare=prepare, inherited=inherited)
        self.enter(opened.socket, label)
        return opened

    def _leave(self, listening: ListeningSocket) -> None:
        self._open.pop(listening, None)
