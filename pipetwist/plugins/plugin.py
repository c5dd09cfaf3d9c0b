"""A plug-in: a program that runs as long as somebody wants it, and is started again when it ends.

`pipetwist.plugins.supervision` says when; this module does it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from twisted.internet.defer import Deferred, fail, succeed
from twisted.logger import Logger

from pipetwist.errors import ConnectError
from pipetwist.interfaces import AnyReactor, SpawnerLike
from pipetwist.network.threads import UnawaitedThreads
from pipetwist.plugins.connections import PluginConnections
from pipetwist.plugins.contract import Contract, ContractError
from pipetwist.plugins.hosted_process import HostedProcess
from pipetwist.plugins.last_words import LastWords
from pipetwist.plugins.owners import PluginProcess
from pipetwist.plugins.readiness import Readiness
from pipetwist.plugins.restarting import Restarting
from pipetwist.plugins.supervision import Action, Event, State, follow
from pipetwist.plugins.waiters import Waiters
from pipetwist.process.command import PreparedCommand
from pipetwist.process.state import is_ending

__all__ = ["Plugin"]

_LINE = "{label}[{pid}]: {line}"


class Plugin:
    """A plug-in.

    Args:
        reactor: counts the time, and is called from threads.
        spawner: starts its processes.
        log: gets its lines, and what becomes of it.
        label: whose it is, in the log and in errors.
        prepared: its command.
        uid: the user that it runs as; None for the daemon's.
        contract: how it is told what to do, and how it says that it is ready.
        kill_grace: seconds from SIGTERM to SIGKILL.
        threads: where the kernel is asked about its sockets.
    """

    def __init__(
        self,
        reactor: AnyReactor,
        spawner: SpawnerLike,
        log: Logger,
        label: str,
        prepared: PreparedCommand,
        uid: int | None,
        contract: Contract,
        kill_grace: float,
        threads: UnawaitedThreads,
    ) -> None:
        self.contract = contract
        self.kill_grace = kill_grace
        self.state = State.STOPPED
        """What it is doing."""
        self.starts = 0
        """How many processes have been started."""
        self.start_seconds = 0.0
        """How long the last start took until it was ready; 0 if there was none."""
        self.connections = PluginConnections(self._is_ending)
        """What is open through it."""
        self.label = label
        self._reactor = reactor
        self._spawner = spawner
        self._log = log
        self._prepared = prepared
        self._uid = uid
        self.threads = threads  # public: the kernel is asked there about its connections, too
        self._process: HostedProcess | None = None
        self.restarting = Restarting(reactor, lambda: self._hear(Event.DUE))
        """The pause before the next start."""
        self._readiness: Readiness | None = None
        self._began = 0.0
        self.ready_at: float | None = None
        """When this process was ready, in seconds of the clock; None if it never was."""
        self.words = LastWords(contract.name)
        """What it has said last."""
        self.why = ""
        """Why it ended, or can't be used, for people."""
        self._waiters = Waiters()
        self._stopping: list[Deferred[None]] = []

    def __repr__(self) -> str:
        pid = "" if self._process is None else f" pid={self._process.pid}"
        return f"<Plugin {self.label} {self.state.name}{pid} starts={self.starts}>"

    @property
    def pid(self) -> int:
        """The ID of its process; 0 if none runs."""
        return 0 if self._process is None else self._process.pid

    @property
    def is_ready(self) -> bool:
        """Whether it takes connections."""
        return self.state is State.READY

    @property
    def restarts(self) -> int:
        """How many processes have been started after the first one."""
        return max(self.starts - 1, 0)

    @property
    def process(self) -> PluginProcess:
        """Its process, for questions about its sockets; its group is 0 if none runs."""
        process = self._process
        return PluginProcess(0 if process is None or process.exited else process.pid, self._uid)

    # What its users ask of it.

    def start(self) -> Deferred[None]:
        """Start it, unless it runs; see `wait`, which is not bounded then."""
        return self.wait(None)

    def wait(self, seconds: float | None) -> Deferred[None]:
        """Wait until it is ready. One that is stopped is started.

        Args:
            seconds: for how long the caller will wait: if it is not started again within that time,
                this fails at once; None to wait for the next start in any case.

        Returns:
            A Deferred that fires when it is ready, and fails with ConnectError, whose text is the
            reason, if its next start fails. It may be cancelled.
        """
        if self.state is State.READY:
            return succeed(None)
        pause = self.restarting.left
        if seconds is not None and pause > seconds:
            return fail(ConnectError(f"{self.why}; it is started again in {pause:.1f} s"))
        waiting = self._waiters.join()
        self._hear(Event.WANTED)
        return waiting

    def stop(self) -> Deferred[None]:
        """End it for good, unless somebody wants it again meanwhile.

        Returns:
            A Deferred that fires when nothing of it is left.
        """
        self.why = f"the plug-in {self.contract.name} was stopped"
        stopping: Deferred[None] = Deferred()
        self._stopping.append(stopping)
        self._hear(Event.STOP)
        return stopping

    def change(self) -> None:
        """Start it again, since its contract has other variables now."""
        self.why = f"the plug-in {self.contract.name} was started again with other options"
        self._hear(Event.CHANGE)

    # Its state.

    def _hear(self, event: Event) -> None:
        before = self.state
        self.state, actions = follow(before, event)
        if self.state is not before:
            self._log.debug(
                "{label}: the plug-in was {before}, is {after}",
                label=self.label,
                before=before.value,
                after=self.state.value,
            )
        for action in actions:
            self._ACTIONS[action](self)

    def _launch(self) -> None:
        self.ready_at = None
        self._began = self._reactor.seconds()
        self.words = LastWords(self.contract.name)
        self.starts += 1
        process = HostedProcess(self._reactor, self._spawner, self.kill_grace, self)
        try:
            variables = self.contract.begin()
            process.start(self._prepared.command, {**self._prepared.env, **variables})
        except OSError as error:
            self.why = self.words.failure(f"it can't be started: {error.strerror}")
            self.process_ended()
            return
        self._process = process
        self._readiness = Readiness(
            self._reactor,
            self.threads,
            self.process,
            self.contract.places,
            self._became_ready,
            self._fault,
        )
        self._readiness.look()

    def _end(self) -> None:
        self._look_no_more()
        if self._process is not None:
            self._process.end(by_stdin=self.contract.ends_with_stdin)

    def _look_no_more(self) -> None:
        if self._readiness is not None:
            self._readiness.stop()
            self._readiness = None

    def _fault(self, what: str) -> None:
        self.why = self.words.failure(what)
        self._hear(Event.FAULT)

    def _pause(self) -> None:
        pause = self.restarting.begin(self.ready_at)
        self._log.warn(
            "{label}: {why}; it is started again in {pause:.1f} s",
            label=self.label,
            why=self.why,
            pause=pause,
        )

    def _cancel(self) -> None:
        self.restarting.cancel()

    def _tell_ready(self) -> None:
        self.ready_at = self._reactor.seconds()
        self.start_seconds = self.ready_at - self._began
        self._log.info(
            "{label}: the plug-in {name}[{pid}] is ready, after {seconds:.2f} s",
            label=self.label,
            name=self.contract.name,
            pid=self.pid,
            seconds=self.start_seconds,
        )
        self._waiters.go()

    def _tell_failed(self) -> None:
        self._waiters.fail(self.why)

    def _tell_stopped(self) -> None:
        stopping, self._stopping = self._stopping, []
        for one in stopping:
            one.callback(None)

    def _is_ending(self) -> bool:
        """Whether its process is about to end, which ends what is open: its sockets are closed
        before its end can be seen.
        """
        process = self._process
        if process is None or process.exited:
            return False  # what is open still has come since
        # In both it may have clients.
        return self.state not in (State.STARTING, State.READY) or is_ending(process.pid)

    # Its process.

    def process_exited(self, how: str) -> None:
        """See `pipetwist.plugins.hosted_process.ProcessReceiver`."""
        self._look_no_more()
        if self.state is State.STARTING:
            self.why = self.words.failure(f"{how} before it was ready")
        elif self.state is State.READY:
            self.why = f"the plug-in {self.contract.name} failed: {how}"
        self.connections.end(self.why)

    def process_ended(self) -> None:
        """See `pipetwist.plugins.hosted_process.ProcessReceiver`."""
        self._process = None
        self._hear(Event.ENDED)

    def process_said(self, data: bytes) -> None:
        """See `pipetwist.plugins.hosted_process.ProcessReceiver`."""
        try:
            logged = self.contract.said(data)
        except ContractError as error:
            self._fault(str(error))
            return
        if self._process is not None:
            self._process.log_output(logged)
        if self._readiness is not None:
            self._readiness.look()

    def process_logged(self, line: str) -> None:
        """See `pipetwist.plugins.hosted_process.ProcessReceiver`."""
        self.words.keep(line)
        self._log.info(_LINE, label=self.label, pid=self.pid, line=line)

    def _became_ready(self) -> None:
        self._hear(Event.BECAME_READY)

    _ACTIONS: ClassVar[dict[Action, Callable[[Plugin], None]]] = {
        Action.LAUNCH: _launch,
        Action.END: _end,
        Action.PAUSE: _pause,
        Action.CANCEL: _cancel,
        Action.TELL_READY: _tell_ready,
        Action.TELL_FAILED: _tell_failed,
        Action.TELL_STOPPED: _tell_stopped,
    }
