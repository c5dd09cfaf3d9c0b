"""A port of the loopback interface that nobody but a plug-in may connect to."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Protocol

from pipetwist.inbounds.acceptor import Acceptor, Room
from pipetwist.inbounds.context import InboundContext
from pipetwist.plugins.owners import PluginProcess
from pipetwist.plugins.peer_check import PeerCheck
from pipetwist.plugins.sip003 import LOOPBACK
from pipetwist.transfer.socket_state import has_ended
from pipetwist.values.bind_address import PortAddress

__all__ = ["DoorGate", "PluginDoor"]


class DoorGate(Room, Protocol):
    """What a door needs of a gate."""

    def expect(self) -> int:
        """Keep room for a client that is not admitted yet.

        Returns:
            How much, to be passed to `expected`.
        """

    def expected(self, kept: int, /) -> None:
        """Keep no room for that client any more."""

    def refuse(self, text: str, /) -> None:
        """Log and count a client that is refused."""


class PluginDoor:
    """Listens at such a port.

    Args:
        context: what the inbound works with.
        label: the inbound's, for errors.
        gate: says how many more may come, and keeps room for those that are looked at.
        process: the plug-in's process at this time.
        accepted: is called with each of the plug-in's sockets, and owns it from then on.

    Raises:
        StartError: there is no such port.
    """

    def __init__(
        self,
        context: InboundContext,
        label: str,
        gate: DoorGate,
        process: Callable[[], PluginProcess],
        accepted: Callable[[socket.SocketType], None],
    ) -> None:
        def warn(text: str) -> None:
            context.log.warn("{label}: {text}", label=label, text=text)

        address = PortAddress(LOOPBACK, 0)
        (self._listening,) = context.listeners.open_ports(label, address, warn)
        self.address: tuple[str, int] = self._listening.getsockname()
        """Where it listens."""
        self._gate = gate
        self._accepted = accepted
        self._kept: dict[socket.SocketType, int] = {}
        self._check = PeerCheck(context.reactor, context.plugins.threads, process, self._checked)
        self._acceptor: Acceptor | None = Acceptor(context, self._listening, gate, self._look_at)
        self._acceptor.start()

    def __repr__(self) -> str:
        state = "closed" if self._acceptor is None else f"{len(self._kept)} looked at"
        return f"<PluginDoor at {self.address}, {state}>"

    def close(self) -> None:
        """Listen no more. What is looked at does not come in."""
        if self._acceptor is not None:
            self._acceptor.stop()
            self._acceptor = None
            self._listening.close()
            self._check.stop()
            kept, self._kept = self._kept, {}
            for one in kept.values():
                self._gate.expected(one)

    def _look_at(self, accepted: socket.SocketType) -> None:
        self._kept[accepted] = self._gate.expect()
        self._check.check(accepted)

    def _checked(self, accepted: socket.SocketType, is_plugin: bool) -> None:
        kept = self._kept.pop(accepted, None)
        if kept is not None:
            self._gate.expected(kept)
        if self._acceptor is None:
            accepted.close()
        elif is_plugin:
            self._accepted(accepted)
        else:
            self._gate.refuse(
                "refused a connection that had ended before it was known whose it is"
                if has_ended(accepted.fileno())  # then the kernel says of nobody that it has it
                else "refused a connection that is not the plug-in's"
            )
            accepted.close()
