"""Protocols whose traffic is counted."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IFileDescriptorReceiver,
    IHalfCloseableProtocol,
    IHandshakeListener,
)
from twisted.internet.protocol import Protocol
from zope.interface import implementer

__all__ = ["Full", "Plain"]


class Plain(Protocol):
    """Keeps what it hears."""

    transport: Any

    def __init__(self) -> None:
        self.data = b""
        self.heard: list[object] = []
        self.lost: Deferred[None] = Deferred()

    def dataReceived(self, data: bytes) -> None:
        self.data += data

    def connectionLost(self, reason: Any = None) -> None:
        self.heard.append("connectionLost")
        self.lost.callback(None)


@implementer(IHalfCloseableProtocol, IHandshakeListener, IFileDescriptorReceiver)
class Full(Plain):
    """Wants everything that a transport can tell."""

    def readConnectionLost(self) -> None:
        self.heard.append("readConnectionLost")

    def writeConnectionLost(self) -> None:
        self.heard.append("writeConnectionLost")

    def handshakeCompleted(self) -> None:
        self.heard.append("handshakeCompleted")

    def fileDescriptorReceived(self, descriptor: int) -> None:
        self.heard.append(descriptor)
