"""The plug-in ``twistd pipetwist``, the only module that uses the global reactor."""

from __future__ import annotations

import atexit
import gc
import os
import signal
import sys
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from twisted.application.service import IService, Service
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorFromThreads
from twisted.logger import ILogObserver
from twisted.python import usage

from pipetwist.config.document import Document
from pipetwist.config.reading import read_document
from pipetwist.errors import ConfigError, StartError
from pipetwist.logs.runners import LogSettings, RunnerLog, RunnerOptions
from pipetwist.monotonic import use_monotonic_clock
from pipetwist.network.resolver import NameResolver
from pipetwist.pidfile import Pidfile
from pipetwist.process.close_on_exec import close_descriptors_on_exec
from pipetwist.process.orphans import Orphans
from pipetwist.service.file_reloader import FileReloader
from pipetwist.service.reader import ProcessReader, Reader, UsersReader, read_here, read_users_here
from pipetwist.service.tree import PipetwistService
from pipetwist.sighup import early_sighup, has_terminal
from pipetwist.start_failure import DeduplicatedStderr, StartFailedError, exit_with_failure
from pipetwist.systemd.environment import take_environment
from pipetwist.systemd.notifier import Notifier
from pipetwist.systemd.reporter import Reporter
from pipetwist.twistd import check_paths, take_pidfile

if TYPE_CHECKING:
    from twisted.internet.base import ReactorBase

__all__ = ["Options", "makeService"]


# How long another thread, such as a scrape's, may keep the interpreter lock from the reactor's
# thread. Python's default of 5 ms adds up in a round trip: see docs/performance.md.
_SWITCH_SECONDS = 0.001


class Options(usage.Options):
    """The options after the plug-in's name."""

    synopsis = "--config FILE"
    longdesc = (
        "Relays unix and TCP sockets to sockets or commands, and counts every byte as V2Ray does."
    )
    optParameters = [["config", "c", None, "The configuration file."]]  # noqa: RUF012 - usage.Options declares it so

    document: Document
    path: str
    """The configuration's file, absolute."""
    log: RunnerLog
    """The log of twistd or twist."""
    pidfile: Pidfile
    """The pidfile that twistd would write."""

    def postOptions(self) -> None:
        """Read the configuration: twistd opens its log before it makes the service."""
        if self["config"] is None:
            message = "say which configuration to use: pipetwist --config FILE"
            raise usage.UsageError(message)
        try:
            self.path = os.path.abspath(self["config"])  # noqa: PTH100 - Path.absolute keeps "..", and resolve would follow links
            self.document = read_document(self["config"])
        except ConfigError as error:
            sys.exit(str(error))
        try:
            check_paths(self.parent or {})
            self.pidfile = take_pidfile(self.parent or {})
        except StartError as error:
            sys.exit(f"pipetwist: {error}")
        log = self.document.log
        self.log = RunnerLog(
            LogSettings(log.format, log.max_size, log.max_files, log.timestamp), self._log_opened
        )
        if self._is_twist():
            self.log.of_twist(cast("RunnerOptions", self.parent))

    def open_log(self) -> ILogObserver | None:
        """Open the log that twistd would open.

        Returns:
            The observer for its application; None if it should use another.
        """
        if self.parent is None or self._is_twist():
            return None
        try:
            observer = self.log.of_twistd(self.parent)
        except OSError as error:
            sys.exit(f"pipetwist: can't log to {error.filename}: {error.strerror}")
        except ValueError as error:
            sys.exit(f"pipetwist: {error}")
        # As with twistd's own log.
        if self.log.rotates and hasattr(signal, "SIGUSR1") and not signal.getsignal(signal.SIGUSR1):
            signal.signal(signal.SIGUSR1, self._rotate_log)
        return observer

    def _is_twist(self) -> bool:
        return self.parent is not None and "fileLogObserverFactory" in self.parent

    def _log_opened(self) -> None:
        from twisted.internet import reactor

        # When the reactor has stopped, or never ran, wait until the log is written.
        reactor.addSystemEventTrigger("after", "shutdown", self.log.linger)
        atexit.register(self.log.linger)

    def _rotate_log(self, number: int, frame: object) -> None:
        from twisted.internet import reactor

        IReactorFromThreads(reactor).callFromThread(self.log.rotate)


class _Daemon(Service):
    """Starts the tree. If that fails, it prints the reason in one line.

    Args:
        tree: the tree.
        options: name the configuration's file, which is read again at SIGHUP, the log and the
            pidfile.
        reporter: reports to the service manager.
        orphans: ends the processes that commands leave behind.
        read: reads the configuration's file again.
        read_users: reads the file of users again.
    """

    def __init__(
        self,
        tree: PipetwistService,
        options: Options,
        reporter: Reporter,
        orphans: Orphans,
        read: Reader = read_here,
        read_users: UsersReader = read_users_here,
    ) -> None:
        self._orphans = orphans
        self._tree = tree
        self._file_reloader = FileReloader(tree, options.path, read, read_users)
        self._reporter = reporter
        self._options = options
        self._early_sighup = early_sighup()
        self._switch_interval = sys.getswitchinterval()
        # twistd points standard error to the log, or nowhere, before it starts the service.
        self._stderr = os.dup(2)
        sys.__stderr__ = DeduplicatedStderr(sys.__stderr__)  # type: ignore[assignment,misc]  # it does what twistd asks of it

    def setServiceParent(self, parent: Any) -> None:  # a service with components
        """Set the log of twistd's application, whose option accepts only a module's name."""
        super().setServiceParent(parent)
        observer = self._options.open_log()
        if observer is not None:
            parent.setComponent(ILogObserver, observer)

    def privilegedStartService(self) -> None:
        self._start(self._options.pidfile.write, self._tree.privilegedStartService)

    def startService(self) -> None:
        super().startService()
        self._orphans.begin()
        self._start(self._tree.startService)
        self._file_reloader.warn_if_unreadable()
        self._file_reloader.watch()
        self._reporter.ready()
        if self._early_sighup.came:
            self._early_sighup.came = False
            self._reload_when_running()
        os.close(self._stderr)
        self._switch_interval = sys.getswitchinterval()
        sys.setswitchinterval(_SWITCH_SECONDS)
        # The garbage collector need not scan the objects that exist now.
        gc.freeze()

    def stopService(self) -> Deferred[object]:
        super().stopService()
        self._file_reloader.stop()
        sys.setswitchinterval(self._switch_interval)
        # Stopping the reactor a second time would be an error.
        for number in ("SIGINT", "SIGTERM", "SIGHUP"):
            if hasattr(signal, number):
                signal.signal(getattr(signal, number), self._stopping_already)
        grace = self._tree.max_grace_seconds
        # Orphans get their time after the commands.
        self._reporter.stopping(self._tree.max_stop_seconds + grace)
        ended = self._tree.stopService().addBoth(lambda _: self._orphans.end(grace))
        return ended.addBoth(self._stopped)

    def _stopped(self, result: object) -> object:
        self._reporter.stopped()
        return result

    def _reload(self) -> Deferred[None]:
        self._reporter.reloading()
        return self._file_reloader.reload_file().addBoth(self._reloaded)

    def _reloaded(self, _: object) -> None:
        # A stop cancels a reload, and has been reported.
        if self.running:
            self._reporter.ready()

    def _start(self, *steps: Callable[[], None]) -> None:
        # If it forks, it has forked by now.
        self._options.log.start()
        # The reactor handles SIGTERM only when it runs, after twistd has reported the start.
        signal.signal(signal.SIGTERM, _stop_when_running)
        if signal.getsignal(signal.SIGINT) == signal.default_int_handler:
            signal.signal(signal.SIGINT, _interrupt_when_running)
        if hasattr(signal, "SIGHUP"):
            self._has_terminal = has_terminal() and not self._early_sighup.outlives_terminal
            signal.signal(signal.SIGHUP, self._hung_up)
        try:
            for step in steps:
                step()
        except BaseException as error:
            self._options.pidfile.remove()
            if not isinstance(error, StartError):
                raise
            self._reporter.failed(str(error))
            self._options.log.linger()
            os.write(self._stderr, f"pipetwist: {error}\n".encode())
            raise StartFailedError(str(error)) from None

    def _hung_up(self, number: int, frame: object) -> None:
        if self._has_terminal and not has_terminal():
            # No reload: its terminal was closed, and nobody could stop it.
            _stop_when_running(number, frame)
        else:
            self._reload_when_running()

    def _reload_when_running(self) -> None:
        from twisted.internet import reactor

        IReactorFromThreads(reactor).callFromThread(self._reload)

    def _stopping_already(self, number: int, frame: object) -> None:
        from twisted.internet import reactor

        text = "already stopping; {count} open connections may continue for at most {seconds:g} s"
        seconds = self._tree.document.drain_timeout
        tell = partial(self._tree.log.info, text, seconds=seconds)
        IReactorFromThreads(reactor).callFromThread(
            lambda: tell(count=self._tree.relay.open_connections)
        )


def _stop_when_running(number: int, frame: object) -> None:
    from twisted.internet import reactor

    reactor.callWhenRunning(reactor.stop)


def _interrupt_when_running(number: int, frame: object) -> None:
    from twisted.internet import reactor

    # The reactor keeps an existing handler of SIGINT. This does what its own does.
    reactor.callWhenRunning(cast("ReactorBase", reactor).sigInt, number, frame)


def makeService(options: Options) -> IService:
    """Make the daemon's service from the command line."""
    from twisted.internet import reactor

    use_monotonic_clock(reactor)

    def failed(error: StartError) -> None:
        tree.log.critical("{error}", error=str(error))
        atexit.register(exit_with_failure, options.log.linger)
        reactor.stop()

    close_descriptors_on_exec()
    said = take_environment(os.environ)
    notifier = Notifier(said.notify_socket)
    try:
        tree = PipetwistService(
            options.document, reactor, inherited=said.descriptors, failed=failed
        )
    except StartError as error:
        notifier.send(f"STATUS={error}")
        sys.exit(f"pipetwist: {error}")
    # Endpoints from strings resolve names with the reactor. An embedding program's we leave alone.
    cast("ReactorBase", reactor).installNameResolver(NameResolver(tree.lookups))

    def status() -> str:
        return f"{tree.relay.open_connections} connections are open"

    reporter = Reporter(reactor, notifier, status, said.watchdog)
    orphans = Orphans(reactor, tree.log)
    cast("ReactorBase", reactor).addSystemEventTrigger("after", "shutdown", options.pidfile.remove)
    reader = ProcessReader(reactor)
    return _Daemon(tree, options, reporter, orphans, reader.read, reader.read_users)
