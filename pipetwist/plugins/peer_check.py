"""Finds out whether the peers of accepted sockets are a plug-in's. Whoever else connects on this
machine is refused.

The kernel is asked in a thread. Peers that come meanwhile are asked for together, so that a busy
plug-in costs no more look-ups than a thread can make one after the other.
"""

from __future__ import annotations

import socket
from collections.abc import Callable

from twisted.internet.interfaces import IReactorFromThreads

from pipetwist.network.threads import UnawaitedThreads
from pipetwist.plugins.owners import ConnectedSockets, PluginProcess, is_peer

__all__ = ["PeerCheck"]


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
        self._reactor = reactor
        self._threads = threads
        self._process = process
        self._checked = checked
        self._waiting: list[tuple[socket.SocketType, tuple[str, int], tuple[str, int]]] = []
        self._asking = False

    def __repr__(self) -> str:
        return f"<PeerCheck {len(self._waiting)} waiting{', asking' if self._asking else ''}>"

    def check(self, accepted: socket.SocketType) -> None:
        """Check the peer of a socket of IPv4."""
        try:
            peer = accepted.getpeername()
        except OSError:  # it has gone
            self._checked(accepted, False)
            return
        self._waiting.append((accepted, peer, accepted.getsockname()))
        if not self._asking:
            self._ask()

    def stop(self) -> None:
        """Close the sockets whose peers are not known yet."""
        waiting, self._waiting = self._waiting, []
        for accepted, _, _ in waiting:
            accepted.close()

    def _ask(self) -> None:
        self._asking = True
        batch, self._waiting = self._waiting, []
        process = self._process()

        def ask() -> None:
            sockets = ConnectedSockets()
            found = [is_peer(process, sockets, peer, ours) for _, peer, ours in batch]
            self._reactor.callFromThread(tell, found)

        def tell(found: list[bool]) -> None:
            self._asking = False
            for (accepted, _, _), is_one in zip(batch, found, strict=True):
                self._checked(accepted, is_one)
            if self._waiting and not self._asking:
                self._ask()

        self._threads.start(ask)
