"""Where one process of pluggable transports connects to, and for which of its inbounds.

A process may have several transports, each of which is an inbound here. It connects to one Extended
ORPort for all of them, and says there by which transport a client has come. One that knows only a
plain ORPort does not say that, so that it can't have more than one transport.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Protocol

from twisted.internet.defer import Deferred, fail
from twisted.internet.task import deferLater

from pipetwist.descriptors import Share
from pipetwist.errors import ConnectError, StartError
from pipetwist.inbounds.context import InboundContext
from pipetwist.inbounds.gate import Gate
from pipetwist.inbounds.orport_entry import OrPortEntry
from pipetwist.inbounds.plugin_door import PluginDoor
from pipetwist.kernel.connector import Watcher
from pipetwist.kernel.reactor_watcher import ReactorWatcher
from pipetwist.plugins.cookie import CookieFile
from pipetwist.plugins.extended_orport import ExtendedOrPort
from pipetwist.plugins.plugin import Plugin
from pipetwist.plugins.pt import PtServer, ServerTransport
from pipetwist.values.addresses import shown_address

__all__ = ["OrPort", "Receiver"]

_SHOWN = 100  # letters of a transport's name that is none of ours


class Receiver(Protocol):
    """An inbound, as it is seen from here."""

    @property
    def transport(self) -> ServerTransport:
        """What it needs of the process."""

    @property
    def gate(self) -> Gate:
        """Its gate."""

    def take(self, accepted: socket.SocketType, client: tuple[str, int] | None, /) -> None:
        """Take a client.

        Args:
            accepted: its socket.
            client: its IP address and port; None where the transport does not say.
        """


class OrPort:
    """One of them.

    Args:
        context: what inbounds work with.
        label: whose it is, for errors.
        plugin: the process.
        uid: the user that it runs as; None for the daemon's.
        contract: the process's.
    """

    def __init__(
        self,
        context: InboundContext,
        label: str,
        plugin: Plugin,
        uid: int | None,
        contract: PtServer,
    ) -> None:
        self.plugin = plugin
        self.contract = contract
        self._context = context
        self._label = label
        self._uid = uid
        self._receivers: list[Receiver] = []
        self._doors: list[PluginDoor] = []
        self._cookie: CookieFile | None = None
        self._entry: OrPortEntry | None = None
        self._lenders: list[Share | None] = []  # of a descriptor for each client on its way

    def __repr__(self) -> str:
        return f"<OrPort {self._label} of {self.contract!r}, {len(self._receivers)} inbounds>"

    # Whose it is.

    @property
    def is_used(self) -> bool:
        """Whether any inbound has joined."""
        return bool(self._receivers)

    def join(self, receiver: Receiver) -> None:
        """Pass clients of its transport to an inbound; to no other with the same transport, until
        this one leaves.

        Raises:
            StartError: there is no port, or no cookie.
        """
        if not self._receivers:
            try:
                self._open()
            except Exception as error:
                self._close()
                if not isinstance(error, OSError):
                    raise
                message = f"{self._label}: the cookie can't be written: {error.strerror}"
                raise StartError(message) from error
        self._receivers.append(receiver)
        self._configure()

    def leave(self, receiver: Receiver) -> None:
        """Pass it none any more."""
        self._receivers.remove(receiver)
        if self._receivers:
            self._configure()
        else:
            self._close()

    def start(self, receiver: Receiver) -> Deferred[None]:
        """Have the process run with the transports of all who have joined, those too that join in
        this turn.

        Args:
            receiver: who has joined.

        Returns:
            A Deferred as of `Plugin.start`.
        """
        return self._in_next_turn().addCallback(lambda _: self._start(receiver))

    def settle(self) -> Deferred[None]:
        """Have it run without one that has left, unless all do in this turn.

        Returns:
            A Deferred that fires when it does, or can't.
        """
        settling = self._in_next_turn().addCallback(lambda _: self._start(None))
        return settling.addErrback(lambda _: None)

    def _in_next_turn(self) -> Deferred[None]:
        return deferLater(self._context.reactor, 0)

    def _start(self, receiver: Receiver | None) -> Deferred[None]:
        """Start it, or start it again if it has to know something else.

        Args:
            receiver: who has to be there still; None for anybody.
        """
        if not self._receivers or (receiver is not None and receiver not in self._receivers):
            return fail(ConnectError("it was stopped"))
        if self.contract.is_outdated:
            self.plugin.change()
        return self.plugin.start()

    def _configure(self) -> None:
        self.contract.transports = {one.transport.name: one.transport for one in self._receivers}
        extended, plain = (shown_address(*door.address) for door in self._doors)
        # A transport that knows the first takes that.
        ours = {
            "TOR_PT_EXTENDED_SERVER_PORT": extended,
            "TOR_PT_AUTH_COOKIE_FILE": "" if self._cookie is None else self._cookie.path,
        }
        if len(self.contract.transports) == 1:
            ours["TOR_PT_ORPORT"] = plain
        self.contract.ours = ours

    # Where it is.

    def _open(self) -> None:
        context = self._context
        watcher: Watcher = (
            ReactorWatcher(context.reactor) if context.kernel is None else context.kernel.poller
        )
        self._cookie = CookieFile(self._uid)
        self._entry = OrPortEntry(
            context.reactor, watcher, self._cookie.cookie, self._done, self._refused
        )
        for accepted in (self._begin, self._take_plain):
            door = PluginDoor(context, self._label, self, lambda: self.plugin.process, accepted)
            self._doors.append(door)

    def _close(self) -> None:
        doors, self._doors = self._doors, []
        for door in doors:
            door.close()
        if self._entry is not None:
            self._entry.stop()
        if self._cookie is not None:
            self._cookie.remove()
            self._cookie = None
        while self._lenders:
            self.expected(1)

    # DoorGate: until it is known whose a client is, there is as much room as any inbound has.

    @property
    def room(self) -> int:
        """How many more may begin to come in."""
        most = max((one.gate.room for one in self._receivers), default=0)
        return max(0, most - len(self._lenders))

    def wait(self, resume: Callable[[], None]) -> None:
        """See `Gate`."""
        self._context.shares.wait(resume, self)
        if not self._lenders:
            for one in self._receivers:
                one.gate.tell("waits until one closes")

    def forget(self, resume: Callable[[], None]) -> None:
        """See `Gate`."""
        self._context.shares.forget(resume)

    def expect(self) -> int:
        """See `Gate`; the inbound that has most room lends it."""
        lender = max(self._receivers, key=lambda one: one.gate.room)
        share = self._context.shares.share(lender.gate.tag)
        self._lenders.append(share if share.lend(1) else None)
        return 1

    def expected(self, kept: int) -> None:
        """See `Gate`; which of them is over does not matter."""
        lender = self._lenders.pop()
        if lender is None:
            self._context.shares.wake()
        else:
            lender.returned(kept)

    def refuse(self, text: str) -> None:
        """See `Gate`; whose it would have been is not known."""
        self._receivers[0].gate.refuse(text)

    # Its connections.

    def _begin(self, accepted: socket.SocketType) -> None:
        if self._entry is not None:
            self.expect()
            self._entry.accepted(accepted)

    def _done(self, accepted: socket.SocketType, exchange: ExtendedOrPort) -> None:
        self.expected(1)
        for receiver in reversed(self._receivers):
            # Where there is but one, it may name itself as it likes.
            if len(self.contract.transports) == 1 or receiver.transport.name == exchange.transport:
                receiver.take(accepted, exchange.client)
                return
        self._close_strange(accepted, f"its client has come by {exchange.transport[:_SHOWN]!r}")

    def _refused(self, why: str) -> None:
        self.expected(1)
        self.refuse(f"refused a connection of the plug-in's: {why}")

    def _take_plain(self, accepted: socket.SocketType) -> None:
        if len(self.contract.transports) == 1:
            self._receivers[-1].take(accepted, None)
        else:
            self._close_strange(accepted, "it does not say by which transport its client has come")

    def _close_strange(self, accepted: socket.SocketType, why: str) -> None:
        accepted.close()
        self.refuse(f"refused a connection of the plug-in's: {why}")
