"""What hears a command, for tests with real ones."""

from __future__ import annotations

import signal
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase

__all__ = ["Listener"]

_reactor: Any = reactor  # the module stands for whichever reactor trial has installed


class Listener(ProcessProtocol):
    """Keeps what a command says and does; the test's clean-up ends the command.

    Args:
        case: the test.
        paused: whether its output is left unread at first.
    """

    transport: Any  # a process's, whichever spawner's it is

    def __init__(self, case: TestCase, *, paused: bool = False) -> None:
        self.output = {1: b"", 2: b""}
        """What it has said on its standard output and error."""
        self.heard: list[str] = []
        """What else it has done, in order."""
        self.exit: Deferred[Any] = Deferred()
        """Fires with how it exited."""
        self.end: Deferred[Any] = Deferred()
        """Fires with how it ended, when it was reaped."""
        self.pid = 0
        self._waiting: list[tuple[bytes, Deferred[None]]] = []
        self._closing: dict[int, Deferred[None]] = {name: Deferred() for name in (0, 1, 2)}
        self._over = False
        self._paused = paused
        case.addCleanup(self._clean_up)

    async def says(self, data: bytes) -> None:
        """Wait until it has said this on standard output."""
        if data not in self.output[1]:
            waiting: Deferred[None] = Deferred()
            self._waiting.append((data, waiting))
            await waiting

    async def closes(self, name: int) -> None:
        """Wait until one of its pipes is over."""
        await self._closing[name]

    def connectionMade(self) -> None:
        """Keep its number."""
        self.pid = self.transport.pid
        if self._paused:
            self.transport.pauseProducing()

    def childDataReceived(self, childFD: int, data: bytes) -> None:
        """Keep what it says."""
        assert not self._over
        self.output[childFD] += data
        for expected, waiting in self._waiting[:]:
            if expected in self.output[1]:
                self._waiting.remove((expected, waiting))
                waiting.callback(None)

    def childConnectionLost(self, childFD: int) -> None:
        """One of its pipes is over."""
        self.heard.append(f"{childFD} over")
        self._closing[childFD].callback(None)

    def processExited(self, reason: Failure) -> None:
        """It has exited."""
        self.heard.append("exited")
        # In the next turn: its output may not have been looked at yet.
        _reactor.callLater(0, self.exit.callback, reason.value)

    def processEnded(self, reason: Failure) -> None:
        """It is reaped, and all of its pipes are over."""
        self.heard.append("ended")
        self._over = True
        self.end.callback(reason.value)

    def _clean_up(self) -> Deferred[Any] | None:
        if self._over or not self.pid:
            return None
        self.transport.resumeProducing()
        self.transport.signalProcess(signal.SIGKILL)
        return self.end
