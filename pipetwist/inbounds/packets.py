"""What the inbounds of datagrams have in common: their sockets, and an association for each source."""

from __future__ import annotations

import socket
from typing import Any, cast

from twisted.internet.defer import Deferred, maybeDeferred, succeed

from pipetwist.connection.visitor import Visitor
from pipetwist.inbounds.gate import Gate
from pipetwist.inbounds.listening import ListeningService
from pipetwist.inbounds.setting import InboundSetting
from pipetwist.kinds.inbound_options import InboundOptions, PacketInboundOptions
from pipetwist.packets.crowd import Crowd
from pipetwist.packets.listener import PacketListener
from pipetwist.packets.setting import PacketSetting
from pipetwist.packets.source import Source

__all__ = ["PacketInbound"]


class PacketInbound(ListeningService):
    """An inbound of datagrams. Its kinds say how the sockets are opened and closed, and who a source is.

    Args:
        options: what the configuration says.
        setting: what it works with.
    """

    def __init__(self, options: PacketInboundOptions, setting: InboundSetting) -> None:
        self._listeners: list[PacketListener] = []
        self._crowd = Crowd(options.max_associations)
        super().__init__(options, setting)
        self._gate = self._crowd.bounds = Gate(self, self.identify)
        self.packets = setting.packets or PacketSetting(setting.reactor, None if setting.kernel is None else setting.kernel.poller)

    def take(self, options: InboundOptions) -> None:
        """See `ListeningService`."""
        super().take(options)
        self._crowd.most = cast("PacketInboundOptions", options).max_associations

    @property
    def associations(self) -> int:
        """How many are open."""
        return len(self._crowd)

    @property
    def dropped(self) -> int:
        """Datagrams that came and belong to no association since it listens: refused, too large, or beyond what the system holds."""
        return sum(listener.dropped + listener.dropped_by_kernel for listener in self._listeners)

    def open_sockets(self) -> list[tuple[socket.socket, Any]]:
        """Open the sockets.

        Returns:
            Each, and the batch that it is read into.

        Raises:
            StartError: one can't be opened.
        """
        raise NotImplementedError

    def close_sockets(self) -> None:
        """The sockets are closed: what stood for them goes as well."""
        raise NotImplementedError

    def identify(self, source: Source) -> Visitor:
        """Say who a source is.

        Raises:
            RefusedError: it may not come in.
        """
        raise NotImplementedError

    def listen(self) -> Deferred[None]:
        """See `IInbound`."""
        return succeed(None) if self._listeners else maybeDeferred(self._open)

    def stop_listening(self) -> Deferred[None]:
        """See `IInbound`: a socket that is closed can't answer, so that the associations end with it."""
        dropped = self.dropped
        listeners, self._listeners = self._listeners, []
        for listener in listeners:
            listener.stop()
        if listeners:
            if dropped:
                self.setting.log.info(
                    "inbound {tag} has dropped {dropped} datagrams that belonged to no connection", tag=self.tag, dropped=dropped
                )
            self.close_sockets()
        return succeed(None)

    def _open(self) -> None:
        self._open_on(self.open_sockets())

    def _open_on(self, opened: list[tuple[socket.socket, Any]]) -> None:
        self._gate.name_again()
        self._crowd.begin()
        self._listeners = [
            PacketListener(self.packets, one, batch, self._crowd, self._gate.let_in, self.setting.log) for one, batch in opened
        ]
        for listener in self._listeners:
            listener.start()
