"""Commands that a test controls. Twisted's MemoryReactor has none."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterable, Mapping, Sequence

from twisted.internet.address import UNIXAddress
from twisted.internet.error import ProcessDone, ProcessTerminated
from twisted.internet.interfaces import IConsumer, IProcessTransport, IPushProducer
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure
from zope.interface import implementer

from pipetwist.interfaces import AnyProducer, AnyTransport, ISpawner

__all__ = ["FakeProcess", "FakeSpawner"]

_SIGKILL = getattr(signal, "SIGKILL", 9)  # Windows has none


@implementer(IProcessTransport, IPushProducer, IConsumer)
class FakeProcess:
    """A command that a test controls.

    Args:
        pid: its process ID.
        protocol: gets its output and its end.
        command: the executable's path and its arguments.
        env: the whole environment.
    """

    def __init__(
        self, pid: int, protocol: ProcessProtocol, command: Sequence[str], env: Mapping[str, str]
    ) -> None:
        self.pid: int | None = pid
        self.command = tuple(command)
        self.env = dict(env)
        self.stdin = b""
        """What was written to its standard input."""
        self.open = {0, 1, 2}
        """Its open standard descriptors."""
        self.paused = False
        self._protocol = protocol
        self._producer: AnyProducer = None
        self._unread: list[tuple[int, bytes]] = []
        self._reason: Failure | None = None
        protocol.makeConnection(self)

    # For the test.

    def say(self, data: bytes, name: int = 1) -> None:
        """Write to standard output, or to standard error if ``name`` is 2. It is read as soon as
        reading is not paused.
        """
        self._unread.append((name, data))
        self._read()

    def fill(self) -> None:
        """Its standard input is full."""
        self._producer.pauseProducing()

    def drain(self) -> None:
        """Its standard input is empty."""
        self._producer.resumeProducing()

    def exit(self, status: int = 0, number: int | None = None) -> None:
        """Exit, with a status or by the signal with this number, when all output is read."""
        if self._reason is None:
            self._reason = Failure(
                ProcessTerminated(status, number) if status or number else ProcessDone(0)
            )
            self._protocol.processExited(self._reason)
            self.closeStdin()
            self._unread += [(1, b""), (2, b"")]
            self._read()

    def _read(self) -> None:
        while self._unread and (not self.paused or not self._unread[0][1]):
            name, data = self._unread.pop(0)
            if not data:
                self.closeChildFD(name)
            elif name in self.open:
                self._protocol.childDataReceived(name, data)
        self._end()

    def _end(self) -> None:
        if self._reason is not None and self.pid is not None and not self.open:
            self.pid = None
            self._protocol.processEnded(self._reason)

    # IProcessTransport.

    def write(self, data: bytes) -> None:
        if 0 in self.open:
            self.stdin += data

    def writeSequence(self, data: Iterable[bytes]) -> None:
        self.write(b"".join(data))

    def writeToChild(self, childFD: int, data: bytes) -> None:
        self.write(data)

    def closeChildFD(self, descriptor: int) -> None:
        """See ``IProcessTransport``; a test calls it to have the command close it."""
        if descriptor in self.open:
            self.open.discard(descriptor)
            if descriptor == 0 and self._producer is not None:
                self._producer.stopProducing()
            self._protocol.childConnectionLost(descriptor)
            self._end()

    def closeStdin(self) -> None:
        self.closeChildFD(0)

    def closeStdout(self) -> None:
        self.closeChildFD(1)

    def closeStderr(self) -> None:
        self.closeChildFD(2)

    def loseConnection(self) -> None:
        for name in (0, 1, 2):
            self.closeChildFD(name)

    def signalProcess(self, signalID: str | int) -> None:
        self.exit(
            number=signalID
            if isinstance(signalID, int)
            else getattr(signal, f"SIG{signalID.removeprefix('SIG')}")
        )

    def getPeer(self) -> UNIXAddress:
        return UNIXAddress(None)

    def getHost(self) -> UNIXAddress:
        return UNIXAddress(None)

    # IPushProducer and IConsumer.

    def pauseProducing(self) -> None:
        self.paused = True

    def resumeProducing(self) -> None:
        self.paused = False
        self._read()

    def stopProducing(self) -> None:
        self.loseConnection()

    def registerProducer(self, producer: AnyProducer, streaming: bool) -> None:
        self._producer = producer

    def unregisterProducer(self) -> None:
        self._producer = None


@implementer(ISpawner)
class FakeSpawner:
    """Starts commands that a test controls.

    Args:
        stubborn: whether commands survive SIGTERM.
    """

    def __init__(self, *, stubborn: bool = False) -> None:
        self.processes: list[FakeProcess] = []
        """The commands that were started."""
        self.signals: list[tuple[FakeProcess, int]] = []
        """The signals that were sent, each with the command that leads the group."""
        self.error: OSError | None = None
        """Why commands can't be started; None if they can."""
        self._stubborn = stubborn

    def spawn(
        self, protocol: ProcessProtocol, command: Sequence[str], env: Mapping[str, str]
    ) -> FakeProcess:
        if self.error is not None:
            raise self.error
        process = FakeProcess(1000 + len(self.processes), protocol, command, env)
        self.processes.append(process)
        return process

    def signal_group(self, transport: AnyTransport, number: int) -> None:
        self.signals.append((transport, number))
        if number == _SIGKILL or (number == signal.SIGTERM and not self._stubborn):
            transport.exit(number=number)

    def end_group(self, transport: AnyTransport, grace: float, ended: Callable[[], None]) -> None:
        """See `ISpawner`: fakes leave no processes behind."""
        ended()
