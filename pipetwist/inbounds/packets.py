"""What the inbounds of datagrams have in common: one socket, and an association for each source."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any, cast

from twisted.internet.defer import Deferred, maybeDeferred, succeed

from pipetwist.connection.cause import Cause
from pipetwist.connection.visitor import Visitor
from pipetwist.inbounds.entry import RefusedError
from pipetwist.inbounds.listening import ListeningService
from pipetwist.inbounds.options import InboundOptions, PacketInboundOptions
from pipetwist.inbounds.setting import InboundSetting
from pipetwist.interfaces import ITracker
from pipetwist.packets.association import AssociationSide
from pipetwist.packets.listener import PacketListener
from pipetwist.packets.setting import PacketSetting
from pipetwist.packets.source import Source

__all__ = ["PacketInbound"]

# Who is refused is named once; of so many different ones, or a flood of datagrams would be a flood of lines.
_MOST_NAMED = 1000


class PacketInbound(ListeningService):
    """An inbound of datagrams. Its kinds say how the socket is opened and closed, and who a source is.

    Args:
        options: what the configuration says.
        setting: what it works with.
    """

    def __init__(self, options: PacketInboundOptions, setting: InboundSetting) -> None:
        self._listener: PacketListener | None = None
        super().__init__(options, setting)
        self.packets = setting.packets or PacketSetting(setting.reactor, None if setting.kernel is None else setting.kernel.poller)
        self._refused: set[str] = set()

    def take(self, options: InboundOptions) -> None:
        """See `ListeningService`."""
        super().take(options)
        self._most = cast("PacketInboundOptions", options).max_associations
        if self._listener is not None:
            self._listener.most = self._most

    @property
    def associations(self) -> int:
        """How many are open."""
        return 0 if self._listener is None else len(self._listener)

    @property
    def dropped(self) -> int:
        """Datagrams that came and belong to no association since it listens: refused, too large, or beyond what the system holds."""
        return 0 if self._listener is None else self._listener.dropped + self._listener.dropped_by_kernel

    def open_socket(self) -> tuple[socket.socket, Any]:
        """Open the socket.

        Returns:
            It, and the batch that it is read into.

        Raises:
            StartError: it can't be opened.
        """
        raise NotImplementedError

    def close_socket(self) -> None:
        """The socket is closed: what stood for it goes as well."""
        raise NotImplementedError

    def identify(self, source: Source) -> Visitor:
        """Say who a source is.

        Raises:
            RefusedError: it may not come in.
        """
        raise NotImplementedError

    def listen(self) -> Deferred[None]:
        """See `IInbound`."""
        return succeed(None) if self._listener is not None else maybeDeferred(self._open)

    def stop_listening(self) -> Deferred[None]:
        """See `IInbound`: a socket that is closed can't answer, so that the associations end with it."""
        dropped = self.dropped
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.stop()
            if dropped:
                self.setting.log.info(
                    "inbound {tag} has dropped {dropped} datagrams that belonged to no connection", tag=self.tag, dropped=dropped
                )
            self.close_socket()
        return succeed(None)

    def _open(self) -> None:
        self._open_on(*self.open_socket())

    def _open_on(self, opened: socket.socket, batch: Any) -> None:
        self._refused.clear()
        self._listener = PacketListener(self.packets, opened, batch, self._most, self._admit, self.setting.log)
        self._listener.start()

    def _admit(self, source: Source, associate: Callable[[Source, ITracker | None], AssociationSide]) -> None:
        try:
            visitor = self.identify(source)
        except RefusedError as refusal:
            text = str(refusal)
            if text not in self._refused and len(self._refused) < _MOST_NAMED:
                self._refused.add(text)
                self.setting.log.warn("inbound {tag}: {refusal}", tag=self.tag, refusal=text)
                self.setting.relay.turned_away(self.tag, Cause.REFUSED)
            return
        passage = self.setting.relay.admit(visitor)
        self.setting.relay.carry(passage, associate(source, passage.tracker))
