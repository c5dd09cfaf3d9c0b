"""Finds out whether the peers of accepted sockets are a plug-in's. Whoever else connects on this
machine is refused.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from typing import TypeAlias

from twisted.internet.interfaces import IReactorFromThreads

from pipetwist.network.threads import UnawaitedThreads
from pipetwist.plugins.kernel_tables import ConnectedSockets
from pipetwist.plugins.owner_check import OwnerCheck
from pipetwist.plugins.owners import PluginProcess, is_peer

__all__ = ["PeerCheck"]


_Ends: TypeAlias = tuple[tuple[str, int], tuple[str, int]]
"""The peer's address, and ours."""


class PeerCheck:
    """Checks the peers of accepted sockets.

    Args:
        reactor: is called from threads.
        threads: where the kernel is asked.
        process: the plug-in's process at this time.
        checked: is called with each socket, and whether its peer is the plug-in's. It owns the
            socket from then on.
    """

    def __init__(
        self,
        reactor: IReactorFromThreads,
        threads: UnawaitedThreads,
        process: Callable[[], PluginProcess],
        checked: Callable[[socket.SocketType, bool], None],
    ) -> None:
        self._checked = checked
        self._check: OwnerCheck[socket.SocketType, _Ends] = OwnerCheck(
            reactor, threads, process, _are_peers, checked
        )

    def __repr__(self) -> str:
        return f"<PeerCheck {self._check!r}>"

    def check(self, accepted: socket.SocketType) -> None:
        """Check the peer of a socket of IPv4."""
        try:
            peer = accepted.getpeername()
        except OSError:  # it has gone
            self._checked(accepted, False)
            return
        self._check.check(accepted, (peer, accepted.getsockname()))

    def stop(self) -> None:
        """Close the sockets whose peers are not known yet."""
        for accepted in self._check.stop():
            accepted.close()


def _are_peers(process: PluginProcess, asked: Sequence[_Ends]) -> list[bool]:
    sockets = ConnectedSockets()
    return [is_peer(process, sockets, peer, ours) for peer, ours in asked]
