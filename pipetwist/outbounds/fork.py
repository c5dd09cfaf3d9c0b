"""The outbound ``fork``: starts a command for each connection, which goes to its standard input and
comes from its standard output.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import ClassVar, Literal

from twisted.application.service import Service
from twisted.internet.defer import Deferred, TimeoutError, fail, succeed  # noqa: A004 - Twisted's name
from twisted.python.failure import Failure
from zope.interface import implementer

from pipetwist.datagram.framed import frame_connection
from pipetwist.datagram.framing import MAX_FRAMED_BYTES
from pipetwist.errors import ConnectError, StartError
from pipetwist.interfaces import IClient, IClientOutbound, IProcess, IRunningOutbound, ISide
from pipetwist.kernel.process_side import KernelProcessSide
from pipetwist.kinds.outbound_options import OutboundOptions
from pipetwist.kinds.proxy_options import ProxiedOutboundOptions
from pipetwist.outbounds.client_header import ProxyHeaders
from pipetwist.outbounds.command_options import CommandOptions
from pipetwist.outbounds.context import OutboundContext
from pipetwist.outbounds.peer_environment import with_peer, without_peer
from pipetwist.outbounds.proxied import write_to_command
from pipetwist.process.prefork import PreforkedProcesses
from pipetwist.process.side import ProcessSide
from pipetwist.process.spawners import spawner_for
from pipetwist.process.standard_error import StandardErrorLines

__all__ = ["ForkOutbound", "ForkOutboundOptions"]


def _runs(side: ISide) -> bool:
    return not isinstance(side, KernelProcessSide) or side.runs()


_LINE = "{tag}[{pid}]: {line}"
_LINE_OF_CONNECTION = "{id} " + _LINE
# After SIGKILL a command ends immediately; a stop waits no longer than this for it.
_STOP_SECONDS = 5.0


@dataclass(frozen=True, kw_only=True)
class ForkOutboundOptions(ProxiedOutboundOptions, CommandOptions):
    """An outbound to the standard input and output of a command started for each connection."""

    type: Literal["fork"] = "fork"
    """Always ``fork``."""


@implementer(IRunningOutbound, IClientOutbound)
class ForkOutbound(Service):
    """Starts a command for each connection, and leaves none running when it stops.

    Args:
        options: what the configuration says.
        context: what it works with.

    Raises:
        StartError: the command can't be started.
    """

    Options: ClassVar[type[OutboundOptions]] = ForkOutboundOptions

    def __init__(self, options: ForkOutboundOptions, context: OutboundContext) -> None:
        self.tag = options.tag
        self.connect_timeout = options.connect_timeout
        self.half_close = options.half_close
        self.max_datagram_bytes = None if options.framing is None else MAX_FRAMED_BYTES
        self.in_kernel = context.kernel is not None and context.spawner is None
        self._options = options
        self._reactor = context.reactor
        self._log = context.log
        self._kernel = context.kernel
        self._spawner = context.spawner or spawner_for(context.reactor)
        self._prepared = options.prepared(context.accounts)
        self.connect_as: Callable[[IClient], ISide | Deferred[ISide]] | None = None
        if options.peer_environment:
            self._prepared = replace(self._prepared, env=without_peer(self._prepared.env))
        self._headers = None if options.proxy_protocol is None else ProxyHeaders(options)
        if options.peer_environment or self._headers is not None:
            self.connect_as = self._connect_as
        self._processes: dict[ISide, None] = {}
        self.started = 0
        """How many commands have been started."""
        self._ready = PreforkedProcesses(
            context.reactor,
            options.prefork or 0,
            partial(self._start_within_bounds, self._prepared.env),
            self._log_trouble,
            _runs,
        )
        self._retired: Deferred[None] | None = None
        self._all_ended: Deferred[None] | None = None

    @property
    def processes(self) -> int:
        """How many commands have not ended yet."""
        return len(self._processes)

    @property
    def ready(self) -> int:
        """How many of those wait for a connection."""
        return len(self._ready)

    def connect(self) -> ISide | Deferred[ISide]:
        header = None if self._headers is None else self._headers.unnamed()
        return self._connect(self._prepared.env, header)

    def _connect_as(self, client: IClient) -> ISide | Deferred[ISide]:
        env = self._prepared.env
        if self._options.peer_environment:
            env = with_peer(env, client)
        return self._connect(env, None if self._headers is None else self._headers.of(client))

    def _connect(self, env: Mapping[str, str], header: bytes | None) -> ISide | Deferred[ISide]:
        connecting = self._take_or_start(env)
        if header is not None and not isinstance(connecting, Deferred):
            write_to_command(header, connecting)
        # A command may close its output and still read its input.
        return (
            connecting
            if self.max_datagram_bytes is None
            else frame_connection(connecting, half_closes=True)
        )

    def _take_or_start(self, env: Mapping[str, str]) -> ISide | Deferred[ISide]:
        try:
            side = self._ready.take() or self._start_within_bounds(env)
        except OSError as error:
            return fail(ConnectError(f"{self._prepared.command[0]}: {error.strerror}"))
        if side is None:
            return fail(
                ConnectError(f"max_processes ({self._options.max_processes}) commands are running")
            )
        return side

    def startService(self) -> None:
        """Start the prefork commands.

        Raises:
            StartError: commands should run as another user, and the daemon is not root any more.
        """
        if self._options.user is not None and os.geteuid() != 0:
            message = (
                f"outbound {self.tag}: user: only root can start a command as "
                f"{self._options.user!r}; leave out --uid, or user"
            )
            raise StartError(message)
        super().startService()
        self._ready.begin()

    def _start_within_bounds(self, env: Mapping[str, str]) -> ISide | None:
        if (
            self._options.max_processes is not None
            and len(self._processes) >= self._options.max_processes
        ):
            return None
        side: ISide = self._start(env)
        self.started += 1
        self._processes[side] = None
        return side

    def _start(self, env: Mapping[str, str]) -> KernelProcessSide | ProcessSide:
        command, grace = self._prepared.command, self._options.kill_grace
        if self.in_kernel and self._kernel is not None:
            return KernelProcessSide(
                self._kernel,
                command,
                env,
                grace,
                self._log_line,
                self._ended,
                reset_on_failure=self._options.reset_on_failure,
            )
        lines = StandardErrorLines(self._reactor, lambda line: self._log_line(side.process, line))
        side = ProcessSide(
            self._reactor,
            self._spawner,
            grace,
            lines,
            self._ended,
            reset_on_failure=self._options.reset_on_failure,
        )
        self._spawner.spawn(side, command, env)
        return side

    def _log_line(self, command: IProcess, line: str) -> None:
        if command.connection is None:
            self._log.info(_LINE, tag=self.tag, pid=command.pid, line=line)
        else:
            self._log.info(
                _LINE_OF_CONNECTION, id=command.connection, tag=self.tag, pid=command.pid, line=line
            )

    def _log_trouble(self, text: str) -> None:
        self._log.warn("outbound {tag}: {text}", tag=self.tag, text=text)

    @property
    def kill_grace(self) -> float:
        """See `IRunningOutbound`: from SIGTERM to SIGKILL."""
        return self._options.kill_grace

    def dismiss(self) -> None:
        self._ready.dismiss()

    def retire(self) -> Deferred[None]:
        self._retired = Deferred()
        self.dismiss()
        return self._retired if self._processes else succeed(None)

    def stopService(self) -> Deferred[None]:
        """End every command that still runs, and wait until all have ended."""
        super().stopService()
        self._ready.stop()
        if not self._processes:
            return succeed(None)
        all_ended = self._all_ended = Deferred()
        for side in list(self._processes):
            side.abort()
        # The daemon must stop even if a command survives SIGKILL, or if there is an error here.
        all_ended.addTimeout(self._options.kill_grace + _STOP_SECONDS, self._reactor)
        return all_ended.addErrback(self._not_ended)

    def _not_ended(self, failure: Failure) -> None:
        failure.trap(TimeoutError)
        self._all_ended = None
        self._log_trouble(f"{len(self._processes)} commands have not ended, and are left running")

    def _ended(self, side: ISide) -> None:
        self._processes.pop(side, None)
        self._ready.ended(side)
        self._ready.refill()
        if self._processes:
            return
        for waiting in (self._retired, self._all_ended):
            if waiting is not None:
                waiting.callback(None)
        self._retired = self._all_ended = None
