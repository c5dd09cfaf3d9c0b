"""The HTTP listener as a Twisted service."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from twisted.application.service import Service
from twisted.internet.defer import Deferred, gatherResults, maybeDeferred, succeed
from twisted.logger import Logger
from twisted.web.resource import IResource

from pipetwist.descriptors import Share
from pipetwist.errors import StartError
from pipetwist.files import KnownFiles
from pipetwist.interfaces import AnyPort, AnyReactor
from pipetwist.network.listeners import ListenerTable
from pipetwist.network.tcp_ports import open_ports
from pipetwist.tls.failed_handshake import log_failed_handshake
from pipetwist.tls.listener import ListenerTls
from pipetwist.tls.twisted_tls import over_tls
from pipetwist.values.bind_address import PortAddress, UnixAddress
from pipetwist.values.listen import parse_listen, why_refused
from pipetwist.web.connection_limit import Connections
from pipetwist.web.options import WebOptions, WebTlsOptions
from pipetwist.web.site import MonitoringSite, Root

__all__ = ["WebService"]

_LABEL = "metrics"
# Requests are short, and if each byte is a TLS record of its own, each is decrypted separately.
_READ_BYTES = 512


class WebService(Service):
    """Listens for HTTP, and serves the resources at their paths.

    twistd binds in `privilegedStartService`, while it is still root; twist and other programs call
    `startService` alone.

    Args:
        options: where to listen, and how.
        reactor: listens, and counts the time.
        log: where it logs.
        files: reads the files of TLS; where it is None they are read again.
        listeners: opens what it listens with; it does by itself where that is None.
        share: says how many descriptors clients may have; where it is None nothing bounds those.

    Raises:
        StartError: it may not listen there, or a certificate can't be used.
    """

    def __init__(
        self,
        options: WebOptions,
        reactor: AnyReactor,
        log: Logger | None = None,
        files: KnownFiles | None = None,
        listeners: ListenerTable | None = None,
        share: Share | None = None,
    ) -> None:
        self._listen = _allowed(options)
        tls = options.spoken_tls
        self._tls = (
            None
            if tls is None
            else ListenerTls(_LABEL, tls, [b"http/1.1"], files, seconds=reactor.seconds)
        )
        self._reactor = reactor
        self._log = log or Logger()
        self._root = Root()
        site = MonitoringSite(self._root, {self._listen.host.lower(), *options.hosts}, reactor)
        self._connections = Connections(
            site,
            log=self._log,
            handshake_failed=partial(log_failed_handshake, self._log, _LABEL),
            share=share,
        )
        self._after_start: list[Callable[[], object]] = []
        self._before_stop: list[Callable[[], object]] = []
        self._listeners = ListenerTable() if listeners is None else listeners
        self._ports: list[AnyPort] = []
        self.address: PortAddress | None = None
        """Where it listens, the port that was chosen for port 0 included; None while it does
        not.
        """

    def put(self, name: str, resource: IResource) -> None:
        """Add a resource.

        Args:
            name: the first part of its path, ``metrics`` for instance; empty for ``/`` itself.
            resource: the resource. It and those below it get only GET and HEAD, or what their
                ``methods`` say, and their responses get the security headers.
        """
        self._root.putChild(name.encode(), resource)

    def after_start(self, call: Callable[[], object]) -> None:
        """Call a function whenever this has been started, and listens."""
        self._after_start.append(call)

    def before_stop(self, call: Callable[[], object]) -> None:
        """Call a function before clients are closed, so that it can finish open responses.

        If it returns a Deferred the stop waits for it.
        """
        self._before_stop.append(call)

    def read_certificates(self, tls: WebTlsOptions | None) -> Callable[[], object]:
        """Read the files of TLS again. Does nothing if TLS is not used.

        Args:
            tls: where they are; where they were if it is None.

        Returns:
            A function that has them used for new connections; open connections stay.

        Raises:
            StartError: they can't be used; nothing has changed.
        """
        return (lambda: None) if self._tls is None else self._tls.read_again(tls)

    def privilegedStartService(self) -> None:
        """Listen.

        Raises:
            StartError: it can't listen.
        """
        super().privilegedStartService()
        self._begin()

    def startService(self) -> None:
        """Listen, unless that was done before.

        Raises:
            StartError: it can't listen.
        """
        super().startService()
        self._begin()
        for call in self._after_start:
            call()

    def stopService(self) -> Deferred[None]:
        """Stop listening, and close all connections."""
        super().stopService()
        ports, self._ports, self.address = self._ports, [], None
        if not ports:
            return succeed(None)
        stopping = [maybeDeferred(call) for call in self._before_stop]
        self._connections.end_all()
        stopping += [maybeDeferred(port.stopListening) for port in ports]
        return gatherResults(stopping).addCallback(lambda _: None)

    def _begin(self) -> None:
        if self._ports:
            return
        factory = (
            self._connections
            if self._tls is None
            else over_tls(self._tls, self._connections, self._reactor, _READ_BYTES)
        )
        self._ports = open_ports(
            self._reactor, f"{_LABEL}.listen", self._listen, self._listeners, self._warn, factory
        )
        self.address = PortAddress(self._listen.host, self._ports[0].getHost().port)
        scheme = "http" if self._tls is None else "https"
        self._log.info(
            "{scheme}://{address} serves the metrics and the page",
            scheme=scheme,
            address=self.address,
        )

    def _warn(self, text: str) -> None:
        self._log.warn("{place}: {text}", place=f"{_LABEL}.listen", text=text)


def _allowed(options: WebOptions) -> PortAddress:
    try:
        listen = parse_listen(options.listen)
    except ValueError as error:
        message = f"{_LABEL}.listen: {error}"
        raise StartError(message) from error
    if isinstance(listen, UnixAddress):
        message = f"{_LABEL}.listen: {listen} is a unix socket; listen on a TCP port"
        raise StartError(message)
    refused = why_refused(listen, tls=options.spoken_tls is not None, insecure=options.insecure)
    if refused is not None:
        message = f"{_LABEL}.listen: {refused}"
        raise StartError(message)
    return listen
