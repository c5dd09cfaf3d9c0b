"""A gRPC server behind the frontend, as a Twisted service."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from twisted.application.service import Service
from twisted.internet.defer import Deferred, gatherResults, maybeDeferred, succeed
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger

from pipetwist.api.callers import Callers
from pipetwist.api.listener import Listener
from pipetwist.descriptors import Share
from pipetwist.errors import StartError
from pipetwist.files import KnownFiles
from pipetwist.interfaces import AnyReactor
from pipetwist.network.listeners import ListenerTable
from pipetwist.tls.listener import ListenerTls
from pipetwist.values.bind_address import PortAddress, UnixAddress
from pipetwist.values.listen import parse_listen

if TYPE_CHECKING:
    from pipetwist.api.server import GrpcServer
    from pipetwist.values.tls_options import TlsListenerOptions

__all__ = ["GrpcOptions", "GrpcService"]


class GrpcOptions(Protocol):
    """What a configuration says about a gRPC server."""

    @property
    def listen(self) -> str | None:
        """Where it listens."""

    @property
    def listen_mode(self) -> int:
        """The mode of a unix socket's file."""

    @property
    def spoken_tls(self) -> TlsListenerOptions | None:
        """Its TLS; None if it speaks none."""


@dataclass(frozen=True)
class _Running:
    server: GrpcServer
    listener: Listener


class GrpcService(Service):
    """Listens for gRPC.

    gRPC's objects are made only when the service starts, since gRPC does not survive the fork of a
    process that becomes a daemon.

    Args:
        label: the block of the configuration.
        noun: what it is called in the log.
        options: where to listen, and how.
        reactor: listens and forwards to gRPC, and has the thread pool that waits for running calls
            when the service stops.
        grace: seconds that those may take before they are cancelled.
        log: where it logs.
        files: reads the files of TLS, and only if they have changed; if None, they are read in any
            case.
        listeners: opens its listening sockets; None for a table of its own.
        share: limits the descriptors of clients; None for no limit.
        callers: learns who the clients are; None if nobody asks.
    """

    def __init__(
        self,
        label: str,
        noun: str,
        options: GrpcOptions,
        reactor: AnyReactor,
        *,
        grace: float,
        log: Logger | None,
        files: KnownFiles | None,
        listeners: ListenerTable | None,
        share: Share | None,
        callers: Callers | None = None,
    ) -> None:
        self.reactor = reactor
        self.log = log or Logger()
        self._label = label
        self._noun = noun
        self._options = options
        self._grace = grace
        self._files = files
        self._listeners = ListenerTable() if listeners is None else listeners
        self._share = share
        self._callers = callers
        self._tls: ListenerTls | None = None
        self._running: _Running | None = None
        self.address: PortAddress | UnixAddress | None = None
        """The address, with the real port instead of port 0; None while it does not listen."""

    def make_server(self) -> GrpcServer:
        """Make gRPC's server with what it serves."""
        raise NotImplementedError

    def why_refused(self, listen: PortAddress | UnixAddress) -> str | None:
        """Why it may not listen there; None if it may."""
        raise NotImplementedError

    def startService(self) -> None:
        """Listen and answer.

        Raises:
            StartError: it can't listen there.
        """
        listen = self._allowed_address()
        if self._tls is not None:
            self._tls.read_again()()
        elif self._options.spoken_tls is not None:
            tls, seconds = self._options.spoken_tls, self.reactor.seconds
            self._tls = ListenerTls(self._label, tls, [b"h2"], self._files, seconds=seconds)
        server = self.make_server()
        listener = Listener(
            self._label,
            listen,
            self._options.listen_mode,
            self.reactor,
            self._listeners,
            self.log,
            self._tls,
            self._share,
            self._callers,
        )
        try:
            self.address = listener.listen(server.grpc.add_insecure_port)
        except BaseException:
            server.discard()
            listener.close()
            raise
        server.start()
        self._running = _Running(server, listener)
        super().startService()
        self.log.info("{noun} listens on {address}", noun=self._noun, address=self.address)

    def come_back(self) -> None:
        """If a unix socket's file was removed, listen again, or log why that failed."""
        if self._running is None:
            return
        try:
            if self._running.listener.come_back():
                self.log.info(
                    "{noun} listens on {address} again: its file had been removed",
                    noun=self._noun,
                    address=self.address,
                )
        except StartError as error:
            self.log.warn(
                "{address}, where {noun} listens, was removed, and can't be created again now: "
                "{reason}",
                address=self.address,
                noun=_within(self._noun),
                reason=str(error),
            )

    def stopService(self) -> Deferred[None]:
        """Stop listening.

        Returns:
            A Deferred that fires when running calls have ended, after at most ``grace``.
        """
        super().stopService()
        running, self._running, self.address = self._running, None, None
        if running is None:
            return succeed(None)
        stopping = [running.listener.stop_listening()]
        # Meanwhile the reactor forwards between clients and gRPC.
        stopping.append(
            deferToThreadPool(
                self.reactor, self.reactor.getThreadPool(), running.server.stop, self._grace
            )
        )

        return (
            gatherResults(stopping)
            .addBoth(_after, running.listener.close)
            .addCallback(lambda _: None)
        )

    def read_certificates(self, tls: TlsListenerOptions | None) -> Callable[[], object]:
        """Read the files of TLS again. Does nothing if it does not run, or does not use TLS.

        Args:
            tls: the paths; None for the same as before.

        Returns:
            A function that has them used for new connections; open connections stay.

        Raises:
            StartError: they can't be used; nothing has changed.
        """
        return (
            (lambda: None)
            if self._running is None or self._tls is None
            else self._tls.read_again(tls)
        )

    def _allowed_address(self) -> PortAddress | UnixAddress:
        if self._options.listen is None:
            message = f"{self._label}.listen is missing: say where to listen"
            raise StartError(message)
        try:
            listen = parse_listen(self._options.listen)
            refused = self.why_refused(listen)
        except ValueError as error:
            refused = str(error)
        if refused is not None:
            message = f"{self._label}.listen: {refused}"
            raise StartError(message)
        return listen


def _within(noun: str) -> str:
    """A noun with its article, in the middle of a sentence."""
    return noun[0].lower() + noun[1:]


def _after(result: object, call: Callable[[], object]) -> Deferred[object]:
    """Wait for a Deferred, and then return a result."""
    return maybeDeferred(call).addCallback(lambda _: result)
