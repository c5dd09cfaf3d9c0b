"""A running command as the transport of a ProcessProtocol: started with posix_spawn, reaped through
its pidfd.

Twisted's own spawnProcess starts commands in the daemon's process group, reads their output in
pieces of 8 KiB, sees its end only when the last descendant has closed it, and checks every child
process when one ends. This transport does none of that.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterable, Mapping, Sequence

from twisted.internet.interfaces import (
    IAddress,
    IConsumer,
    IProcessTransport,
    IPushProducer,
    IReactorFDSet,
    IReactorTime,
    IReadDescriptor,
)
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure
from zope.interface import implementer

from pipetwist.interfaces import AnyProducer
from pipetwist.process.launch import launch
from pipetwist.process.pipes import PipeReader, PipeWriter
from pipetwist.process.state import ProcessState, exit_failure

__all__ = ["PosixProcess", "ProcessReactor"]

_STDIN, _STDOUT, _STDERR = 0, 1, 2


class ProcessReactor(IReactorFDSet, IReactorTime):
    """What a command's transport needs of a reactor."""


@implementer(IAddress)
class _NoAddress:
    """For the methods of Twisted's transports that return an address: a pipe has none."""


@implementer(IReadDescriptor)
class _Exit:
    """The command's pidfd, for the reactor to read."""

    def __init__(self, child: PosixProcess, pidfd: int) -> None:
        self._child = child
        self._pidfd = pidfd

    def fileno(self) -> int:
        return self._pidfd

    def logPrefix(self) -> str:
        return "child"

    def doRead(self) -> None:
        self._child.exited()

    def connectionLost(self, reason: Failure) -> None:
        """The reactor has stopped reading this."""


@implementer(IProcessTransport, IPushProducer, IConsumer)
class PosixProcess:
    """A running command in a process group of its own.

    When it has exited, its output ends with what its pipes hold then. A descendant that keeps them
    open is not waited for; `ProcessState.end_group` ends it.

    Args:
        reactor: reads and writes descriptors, and counts the time.
        protocol: gets its output and its end.
        command: the executable's path and its arguments.
        env: the whole environment.

    Raises:
        OSError: it can't be started.
    """

    def __init__(
        self,
        reactor: ProcessReactor,
        protocol: ProcessProtocol,
        command: Sequence[str],
        env: Mapping[str, str],
    ) -> None:
        self._reactor = reactor
        self._protocol = protocol
        self._ending = False
        launched = launch(command, env)
        self.state = ProcessState(reactor, launched.pid, launched.pidfd)
        self._exit = _Exit(self, launched.pidfd)
        self.stdin = PipeWriter(reactor, self, _STDIN, launched.stdin)
        self.stdout = PipeReader(reactor, self, _STDOUT, launched.stdout)
        self.stderr = PipeReader(reactor, self, _STDERR, launched.stderr)
        self.pipes: dict[int, PipeReader | PipeWriter] = {
            _STDIN: self.stdin,
            _STDOUT: self.stdout,
            _STDERR: self.stderr,
        }
        reactor.addReader(self._exit)
        self.stdout.startReading()
        self.stderr.startReading()
        protocol.makeConnection(self)

    def __repr__(self) -> str:
        pipes = "".join(f" {name}" for name in self.pipes)
        return f"<PosixProcess {self.state!r} open={pipes or ' none'}>"

    # Events of the pipes and the pidfd.

    def data_read(self, name: int, data: bytes) -> None:
        """A pipe has output."""
        self._protocol.childDataReceived(name, data)

    def pipe_ended(self, name: int) -> None:
        """A pipe has ended."""
        if self.pipes.pop(name, None) is not None:
            self._protocol.childConnectionLost(name)
            self._end()

    def exited(self) -> None:
        """The command has exited."""
        if self.state.status is not None:
            return
        if not self.state.exited(lambda: self._reactor.removeReader(self._exit)):
            return
        self._protocol.processExited(exit_failure(self.state.status))
        self.stdin.stop()
        self.stdout.drain()
        self.stderr.drain()
        self._end()

    def _end(self) -> None:
        if self.state.status is None or self.pipes or self._ending:
            return
        self._ending = True
        self.state.reap()
        self._protocol.processEnded(exit_failure(self.state.status))

    # IProcessTransport.

    @property
    def pid(self) -> int | None:
        """Its process ID; None once it is reaped."""
        return self.state.pid

    def signalProcess(self, signalID: str | int) -> None:
        """Signal the command only, not its group."""
        if self.pid is not None:
            number = (
                signalID
                if isinstance(signalID, int)
                else getattr(signal, f"SIG{signalID.removeprefix('SIG')}")
            )
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def write(self, data: bytes) -> None:
        """Write to its standard input."""
        self.stdin.write(data)

    def writeToChild(self, childFD: int, data: bytes) -> None:
        """Write to its standard input; it has no other."""
        if childFD != _STDIN:
            raise KeyError(childFD)
        self.stdin.write(data)

    def writeSequence(self, seq: Iterable[bytes]) -> None:
        """Write to its standard input."""
        self.stdin.writeSequence(seq)

    def closeChildFD(self, descriptor: int) -> None:
        """Close one of its pipes, its standard input after what was written."""
        if descriptor in self.pipes:
            self.pipes[descriptor].loseConnection()

    def closeStdin(self) -> None:
        """Close its standard input after what was written."""
        self.closeChildFD(_STDIN)

    def closeStdout(self) -> None:
        """Stop reading its standard output."""
        self.closeChildFD(_STDOUT)

    def closeStderr(self) -> None:
        """Stop reading its standard error."""
        self.closeChildFD(_STDERR)

    def getPeer(self) -> IAddress:
        """A command has no address."""
        return _NoAddress()

    def getHost(self) -> IAddress:
        """A command has no address."""
        return _NoAddress()

    def loseConnection(self) -> None:
        """Close all three pipes."""
        for name in (_STDIN, _STDOUT, _STDERR):
            self.closeChildFD(name)

    # Flow control: standard output can be paused and resumed, standard input can have a producer.

    def pauseProducing(self) -> None:
        """Pause reading from its standard output."""
        self.stdout.pause()

    def resumeProducing(self) -> None:
        """Resume reading from it."""
        self.stdout.resume()

    def stopProducing(self) -> None:
        """Close all three pipes."""
        self.loseConnection()

    def registerProducer(self, producer: AnyProducer, streaming: bool) -> None:
        """Pause and resume a producer for its standard input."""
        self.stdin.registerProducer(producer, streaming)

    def unregisterProducer(self) -> None:
        """Forget the producer."""
        self.stdin.unregisterProducer()
