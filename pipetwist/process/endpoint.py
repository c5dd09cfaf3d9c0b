"""A command as a client endpoint, for Twisted programs: starts a command for each connection.

Twisted's own ProcessEndpoint has no half-close and no abort, and can't end the command.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from types import MappingProxyType

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.error import NoProtocol
from twisted.internet.interfaces import IProtocol, IProtocolFactory, IStreamClientEndpoint
from twisted.logger import Logger
from zope.interface import implementer

from pipetwist.errors import ConnectError
from pipetwist.interfaces import AnyFactory, AnyReactor, SpawnerLike
from pipetwist.process.command import prepare_command
from pipetwist.process.spawners import spawner_for
from pipetwist.process.transport import CommandAddress, CommandTransport

__all__ = ["CommandEndpoint"]

_log = Logger("pipetwist")


@implementer(IStreamClientEndpoint)
class CommandEndpoint:
    """Starts a command for each connection; its standard input and output are the connection.

    Its transport is documented at `pipetwist.process.transport.CommandTransport`. Its standard
    error goes to the log, line by line, within bounds. If the system has posix_spawn and pidfds,
    the command gets a process group of its own, and signals go to the whole group.

    Args:
        reactor: starts processes, reads and writes their pipes, and counts the time.
        command: the command and its arguments, for no shell; one without ``/`` is sought in PATH.
        env: variables over PATH, HOME, LANG and the like.
        inherit_env: whether it gets every variable of this process.
        cwd: the folder that it starts in; None for that of this process.
        user: the system's user that it runs as, which needs root.
        kill_grace: seconds from SIGTERM to SIGKILL.
        spawner: starts it; None for the best one for the reactor and the system.
        log: gets its standard error.

    Raises:
        StartError: there is no such command, folder or user.
    """

    def __init__(
        self,
        reactor: AnyReactor,
        command: Sequence[str],
        env: Mapping[str, str] = MappingProxyType({}),
        *,
        inherit_env: bool = False,
        cwd: str | None = None,
        user: str | None = None,
        kill_grace: float = 5.0,
        spawner: SpawnerLike | None = None,
        log: Logger = _log,
    ) -> None:
        self._prepared = prepare_command(
            "CommandEndpoint",
            command,
            env=env,
            inherit_env=inherit_env,
            cwd=cwd,
            user=user,
            ours=os.environ,
        )
        self._reactor = reactor
        self._kill_grace = kill_grace
        self._spawner = spawner or spawner_for(reactor)
        self._name = PurePath(command[0]).name
        self._log = log

    def connect(self, protocolFactory: AnyFactory) -> Deferred[IProtocol]:
        """Start the command, and connect a protocol to it.

        Returns:
            A Deferred of the protocol. It fails with ConnectError if the command can't be started,
            and with NoProtocol if the factory builds none.
        """
        return maybeDeferred(self._connect, protocolFactory)

    def _connect(self, factory: IProtocolFactory) -> IProtocol:
        factory.doStart()
        try:
            protocol, transport = self._start(factory)
        except BaseException:
            factory.doStop()
            raise
        transport.connect()
        return protocol

    def _start(self, factory: IProtocolFactory) -> tuple[IProtocol, CommandTransport]:
        protocol: IProtocol | None = factory.buildProtocol(CommandAddress(self._prepared.command))
        if protocol is None:
            raise NoProtocol
        transport = CommandTransport(
            self._reactor, self._spawner, self._kill_grace, protocol, self._log_line, factory.doStop
        )
        try:
            transport.start(self._prepared.command, self._prepared.env)
        except OSError as error:
            message = f"{self._prepared.command[0]}: {error.strerror}"
            raise ConnectError(message) from error
        return protocol, transport

    def _log_line(self, pid: int, line: str) -> None:
        self._log.info("{command}[{pid}]: {line}", command=self._name, pid=pid, line=line)
