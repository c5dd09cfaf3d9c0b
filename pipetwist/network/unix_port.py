"""A reactor's port for a listening unix socket of ours.

Twisted's own unix ports change the mode of the path that a socket was bound to, and remove it, even
if another file is there by then.
"""

from __future__ import annotations

import socket
from contextlib import closing

from twisted.internet.interfaces import IProtocolFactory
from twisted.logger import Logger

from pipetwist.interfaces import AnyReactor
from pipetwist.network.accepting import BaseAcceptor
from pipetwist.network.listening_socket import ListeningSocket
from pipetwist.network.tcp_ports import MAX_ACCEPTED

__all__ = ["UnixPort"]


class UnixPort(BaseAcceptor):
    """Accepts as soon as it is made.

    Args:
        reactor: reads, and has the connections.
        listening: the socket, which the port owns from then on.
        factory: builds the protocols of clients.
        log: gets a warning when it can't accept.
    """

    def __init__(
        self,
        reactor: AnyReactor,
        listening: ListeningSocket,
        factory: IProtocolFactory,
        log: Logger,
    ) -> None:
        super().__init__(reactor, listening, self._adopt, log)
        self._factory = factory
        factory.doStart()
        self.start()

    def stopListening(self) -> None:
        """Stop accepting. The file, if there is one, stays."""
        self.stop()
        self.listening.close()
        self._factory.doStop()

    def count(self) -> int:
        return MAX_ACCEPTED

    def _adopt(self, accepted: socket.SocketType) -> None:
        with closing(accepted):  # the reactor duplicates the descriptor
            accepted.setblocking(False)
            self.reactor.adoptStreamConnection(accepted.fileno(), socket.AF_UNIX, self._factory)
