"""A command's standard input and output as the transport of a Twisted protocol."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from twisted.internet.error import ConnectionAborted, ConnectionDone
from twisted.internet.interfaces import (
    IAddress,
    IConsumer,
    IHalfCloseableProtocol,
    IPushProducer,
    IReactorTime,
    ITransport,
)
from twisted.python.failure import Failure
from zope.interface import implementer

from pipetwist.interfaces import AnyProducer, AnyProtocol, ISide, ISideReceiver, SpawnerLike
from pipetwist.process.side import ProcessSide
from pipetwist.process.standard_error import StandardErrorLines

__all__ = ["CommandAddress", "CommandTransport"]


@implementer(IAddress)
@dataclass(frozen=True)
class CommandAddress:
    """The address of a command.

    Attributes:
        command: the executable's path and its arguments.
    """

    command: tuple[str, ...]


class _Side(ProcessSide):
    """A `ProcessSide` that also reports the end of standard input and how the command ended.

    Args:
        input_over: called when standard input is closed, by us or by the command.
        arguments: a `ProcessSide`'s.
    """

    def __init__(self, input_over: Callable[[], None], *arguments: Any) -> None:  # a side's
        super().__init__(*arguments)
        self.failure = Failure(ConnectionDone())
        self._input_over = input_over

    def childConnectionLost(self, childFD: int) -> None:
        super().childConnectionLost(childFD)
        if childFD == 0:
            self._input_over()

    def processEnded(self, reason: Failure) -> None:
        self.failure = reason
        super().processEnded(reason)


@implementer(ITransport, IConsumer, IPushProducer, ISideReceiver)
class CommandTransport:
    """Connects a protocol to a command.

    For an ``IHalfCloseableProtocol`` the end of the command's output is ``readConnectionLost``,
    unless a signal has killed the command. For another protocol it closes the connection.
    ``connectionLost`` is called when the command has ended: with ConnectionDone if it succeeded or
    was ended by `loseConnection`, with ConnectionAborted after `abortConnection`, and otherwise
    with ProcessTerminated, which has its exit status.

    Args:
        clock: bounds how long the command may take to end.
        spawner: starts and signals it.
        kill_grace: seconds from SIGTERM to SIGKILL.
        protocol: the protocol to connect.
        log: is called with each line of its standard error, and its process ID.
        over: called after the protocol's ``connectionLost``.
    """

    def __init__(
        self,
        clock: IReactorTime,
        spawner: SpawnerLike,
        kill_grace: float,
        protocol: AnyProtocol,
        log: Callable[[int, str], None],
        over: Callable[[], None],
    ) -> None:
        self.connected = False
        self.disconnecting = False
        self._address = CommandAddress(())
        self._protocol = protocol
        self._half_closing = IHalfCloseableProtocol.providedBy(protocol)
        self._over = over
        self._aborted = False
        self._producer: AnyProducer = None
        self._ending: Callable[[], None] | None = None
        lines = StandardErrorLines(clock, lambda line: log(self._side.process.pid, line))
        self._spawner = spawner
        self._side = _Side(self._input_over, clock, spawner, kill_grace, lines, lambda side: None)

    def start(self, command: Sequence[str], env: Mapping[str, str]) -> None:
        """Start the command. Call `connect` in the same turn of the reactor.

        Args:
            command: the executable's path and its arguments.
            env: the whole environment.

        Raises:
            OSError: where it can't be started.
        """
        self._address = CommandAddress(tuple(command))
        self._spawner.spawn(self._side, command, env)
        self.connected = True
        self._side.attach(self)
        # A producer of the protocol replaces the side's, which would pass flow control on to a
        # relay.
        self._side.transport.unregisterProducer()

    def connect(self) -> None:
        """Connect the protocol. If its ``connectionMade`` fails, the connection is aborted."""
        self._side.resume_reading()
        try:
            self._protocol.makeConnection(self)
        except BaseException:
            self.abortConnection()
            raise

    # ITransport, and the methods of transports with half-close.

    def write(self, data: bytes) -> None:
        """Write to the command's standard input."""
        self._side.write(data)

    def writeSequence(self, data: Iterable[bytes]) -> None:
        """Write to the command's standard input."""
        self._side.write(b"".join(data))

    def loseWriteConnection(self) -> None:
        """Close the command's standard input, after what was written and what a registered producer
        still has to write. Reading continues.
        """
        if not self.disconnecting:
            self._once_produced(self._side.write_eof)

    def loseConnection(self) -> None:
        """Close its standard input likewise, and stop reading. SIGTERM follows soon after its end
        of file, then SIGKILL.
        """
        self.disconnecting = True
        self._once_produced(self._side.disconnect)

    def abortConnection(self) -> None:
        """Drop what was not written, and send SIGTERM now, and SIGKILL after the grace."""
        self.disconnecting = self._aborted = True
        self._side.abort()

    def getPeer(self) -> CommandAddress:
        """The command."""
        return self._address

    def getHost(self) -> CommandAddress:
        """The command too: pipes have no names."""
        return self._address

    # Flow control: the producer for standard input, and standard output as a producer.

    def registerProducer(self, producer: AnyProducer, streaming: bool) -> None:
        """Register a producer, which is paused while standard input is full, and stopped when the
        command reads no more.
        """
        self._side.transport.registerProducer(producer, streaming)
        self._producer = producer

    def unregisterProducer(self) -> None:
        """The producer has written everything. If a close was waiting for that, it follows."""
        if self._producer is not None:
            self._producer = None
            self._side.transport.unregisterProducer()
        self._end()

    def pauseProducing(self) -> None:
        """Pause reading from its standard output."""
        self._side.pause_reading()

    def resumeProducing(self) -> None:
        """Resume reading from it."""
        self._side.resume_reading()

    def stopProducing(self) -> None:
        self.loseConnection()

    def _once_produced(self, ending: Callable[[], None]) -> None:
        self._ending = ending
        if self._producer is None:
            self._end()

    def _end(self) -> None:
        ending, self._ending = self._ending, None
        if ending is not None:
            ending()

    def _input_over(self) -> None:
        # Standard input has already stopped the producer.
        self._producer = None
        self._end()
        if self._half_closing and not self.disconnecting:
            self._protocol.writeConnectionLost()

    def __repr__(self) -> str:
        state = (
            "aborted"
            if self._aborted
            else "disconnecting"
            if self.disconnecting
            else "connected"
            if self.connected
            else "new"
        )
        return f"<CommandTransport {state} {self._side!r}>"

    # ISideReceiver.

    def data_received(self, side: ISide, data: bytes) -> None:
        """See `ISideReceiver`; while `loseConnection` waits for a producer, what is read is
        dropped.
        """
        if not self.disconnecting:
            self._protocol.dataReceived(data)

    def read_ended(self, side: ISide) -> None:
        if self._half_closing:
            if not self.disconnecting:
                self._protocol.readConnectionLost()
            return
        self.disconnecting = True
        producer = self._producer
        self.unregisterProducer()
        if producer is not None:
            producer.stopProducing()
        self._side.close()

    def pause_writing(self, side: ISide) -> None:
        """See `ISideReceiver`; standard input itself pauses the protocol's producer."""

    def resume_writing(self, side: ISide) -> None:
        pass

    def peer_closed(self, side: ISide) -> None:
        """See `ISideReceiver`; only the command's end is reported."""

    def lost(self, side: ISide, reason: str, *, whole: bool = False) -> None:
        self.connected = False
        self.disconnecting = True
        self._protocol.connectionLost(self._reason(reason))
        self._over()

    def _reason(self, reason: str) -> Failure:
        if self._aborted:
            return Failure(ConnectionAborted())
        return self._side.failure if reason else Failure(ConnectionDone())
