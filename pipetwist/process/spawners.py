"""Starts commands: with posix_spawn if the system has it, with Twisted's spawnProcess otherwise."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping, Sequence

from twisted.internet.error import ProcessExitedAlready
from twisted.internet.interfaces import IProcessTransport, IReactorFDSet, IReactorProcess
from twisted.internet.protocol import ProcessProtocol
from zope.interface import implementer

from pipetwist.interfaces import AnyReactor, AnyTransport, ISpawner
from pipetwist.process.posix_process import PosixProcess, ProcessReactor

__all__ = ["PosixSpawner", "ReactorSpawner", "spawner_for"]

# Twisted's transport on Windows knows signals by these names only, and ignores numbers silently.
_NAMES = {signal.SIGTERM: "TERM", getattr(signal, "SIGKILL", signal.SIGTERM): "KILL"}


@implementer(ISpawner)
class PosixSpawner:
    """Starts commands with posix_spawn, each in a process group of its own. For Linux.

    Args:
        reactor: reads and writes descriptors, and counts the time.
    """

    def __init__(self, reactor: ProcessReactor) -> None:
        self._reactor = reactor

    def spawn(
        self, protocol: ProcessProtocol, command: Sequence[str], env: Mapping[str, str]
    ) -> IProcessTransport:
        return PosixProcess(self._reactor, protocol, command, env)

    def signal_group(self, transport: AnyTransport, number: int) -> None:
        transport.state.signal_group(number)

    def end_group(self, transport: AnyTransport, grace: float, ended: Callable[[], None]) -> None:
        transport.state.end_group(grace, ended)


@implementer(ISpawner)
class ReactorSpawner:
    """Starts commands with the reactor's spawnProcess. They stay in the daemon's process group:
    their own children are not signalled.

    Args:
        reactor: starts processes.
    """

    def __init__(self, reactor: IReactorProcess) -> None:
        self._reactor = reactor

    def spawn(
        self, protocol: ProcessProtocol, command: Sequence[str], env: Mapping[str, str]
    ) -> IProcessTransport:
        return self._reactor.spawnProcess(protocol, command[0], list(command), dict(env))

    def signal_group(self, transport: AnyTransport, number: int) -> None:
        try:
            transport.signalProcess(_NAMES.get(number, number))
        except ProcessExitedAlready:
            return

    def end_group(self, transport: AnyTransport, grace: float, ended: Callable[[], None]) -> None:
        """See `ISpawner`: it is not known which processes are left."""
        ended()


def spawner_for(reactor: AnyReactor) -> PosixSpawner | ReactorSpawner:
    """The best spawner for this reactor and system."""
    descriptors: AnyReactor = IReactorFDSet(reactor, None)
    if descriptors is not None and hasattr(os, "pidfd_open") and hasattr(os, "posix_spawn"):
        return PosixSpawner(descriptors)
    return ReactorSpawner(reactor)
