"""What inbounds have in common: they listen as services, and a start fails if one can't listen."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from twisted.application.service import Service
from twisted.internet.defer import Deferred, maybeDeferred, succeed
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort, IProtocolFactory, IStreamServerEndpoint
from twisted.python.failure import Failure

from pipetwist.connection.client_info import ClientInfo, Timeouts
from pipetwist.errors import StartError
from pipetwist.inbounds.context import InboundContext
from pipetwist.inbounds.gate import Gate
from pipetwist.inbounds.ports import hold_to_gate
from pipetwist.kinds.inbound_options import InboundOptions
from pipetwist.network.inherited import InheritedSocket
from pipetwist.transfer.loss_reasons import describe_error
from pipetwist.values.addresses import plain_host, shown_address, shown_peer
from pipetwist.values.bind_address import BindAddress

__all__ = ["EndpointListener", "ListeningService", "address_client_info"]


class ListeningService(Service):
    """An inbound as a service.

    twistd binds in `privilegedStartService`, while it is still root; twist and other programs call
    `startService` alone.
    """

    inherited: Sequence[InheritedSocket] = ()
    """The inherited sockets that it listens with."""

    @property
    def dropped(self) -> int | None:
        """Datagrams dropped since it listens that belong to no connection; None for streams."""
        return None

    def __init__(self, options: InboundOptions, context: InboundContext) -> None:
        self.tag = options.tag
        self.context = context
        self.starting = False
        """Whether `listen` is part of a start, and not of a reload."""
        self.is_listening = False
        """Whether it listens, as a service: a start may wait for a name or a plug-in."""
        self._begun = False
        self.apply_options(options)

    @property
    def claims(self) -> Sequence[BindAddress] | None:
        """The addresses that nobody else can listen on meanwhile; None if they are not known."""
        return self.options.addresses or None

    def listen(self) -> Deferred[None]:
        raise NotImplementedError

    def stop_listening(self) -> Deferred[None]:
        raise NotImplementedError

    def log_listening(self, where: str) -> None:
        """Log that it listens now."""
        whose = ", on an inherited socket" if self.inherited else ""
        self.context.log.info(
            "inbound {tag} listens on {where}{whose}", tag=self.tag, where=where, whose=whose
        )

    def log_dropped(self, dropped: int) -> None:
        """Log how many datagrams belonged to no connection, if there were any."""
        if dropped:
            self.context.log.info(
                "inbound {tag} has dropped {dropped} datagrams that belonged to no connection",
                tag=self.tag,
                dropped=dropped,
            )

    def log_gone(self, path: str, error: StartError | None = None) -> None:
        """Log that its socket's file was removed and can't be created again, with the reason if it
        is known.
        """
        why = "" if error is None else f" ({str(error).removeprefix(f'inbound {self.tag}: ')})"
        self.context.log.warn(
            "inbound {tag}: {path} was removed, and can't be created again now{why}: nobody "
            "can connect; reload once it can, or restart",
            tag=self.tag,
            path=path,
            why=why,
        )

    def warn(self, text: str) -> None:
        """Log a warning about this inbound."""
        self.context.log.warn("inbound {tag}: {text}", tag=self.tag, text=text)

    def apply_options(self, options: InboundOptions) -> None:
        """Use these options from now on; `can_apply` is true for them."""
        self.options = options
        self.timeouts = options.timeouts

    def can_apply(self, options: InboundOptions) -> bool:
        return self.options.can_become(options)

    def apply(self, options: InboundOptions) -> Callable[[], None]:
        before = self.options
        self.apply_options(options)
        return lambda: self.apply_options(before)

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

    def stopService(self) -> Deferred[None]:
        """Stop listening."""
        super().stopService()
        self._begun = self.is_listening = False
        return self.stop_listening()

    def _begin(self) -> None:
        if self._begun:
            return
        self._begun = True
        self.starting = True
        listening = maybeDeferred(self.listen)
        self.starting = False
        failures: list[Failure] = []
        listening.addErrback(failures.append)
        if failures:
            self._begun = False
            failures[0].raiseException()
        # If it is not known yet, a failure is reported to `failed` of the context.
        listening.addCallback(lambda _: self._is_decided(failures))

    def _is_decided(self, failures: list[Failure]) -> None:
        self.is_listening = self._begun and not failures
        if failures and self._begun:
            self._begun = False
            error = failures[0].value
            self.context.failed(
                error
                if isinstance(error, StartError)
                else StartError(f"{self.options.label}: {describe_error(error)}")
            )


class EndpointListener:
    """Listens on a Twisted server endpoint.

    Args:
        gate: says how many clients there is room for.
    """

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._let_go: Callable[[], None] | None = None
        self.wanted = False
        """Whether it listens, or is about to."""
        self.port: IListeningPort | None = None

    def listen(self, endpoint: IStreamServerEndpoint, factory: IProtocolFactory) -> Deferred[None]:
        """Listen, unless it does; fails with StartError."""
        if self.wanted:
            return succeed(None)
        self.wanted = True
        return maybeDeferred(endpoint.listen, factory).addCallbacks(self._listening, self._failed)

    def stop(self) -> Deferred[None]:
        """Stop listening; if it does not listen yet, stop as soon as it does."""
        self.wanted = False
        if self._let_go is not None:
            self._let_go()
        port, self.port = self.port, None
        return succeed(None) if port is None else _stop(port)

    def _listening(self, port: IListeningPort) -> Deferred[None] | None:
        if not self.wanted:
            return _stop(port)
        self.port = port
        self._let_go = hold_to_gate(port, self._gate)
        return None

    def _failed(self, failure: Failure) -> None:
        self.wanted = False
        error = failure.value
        if isinstance(error, StartError):
            raise error
        text = (
            describe_error(error.socketError)
            if isinstance(error, CannotListenError)
            else describe_error(error)
        )
        message = f"inbound {self._gate.tag}: can't listen{_label(error)}: {text}"
        raise StartError(message) from error


def _stop(port: IListeningPort) -> Deferred[None]:
    return maybeDeferred(port.stopListening).addCallback(lambda _: None)


def _label(error: object) -> str:
    """Where Twisted could not listen, if its error says that."""
    if not isinstance(error, CannotListenError):
        return ""
    if not isinstance(error.port, int):
        return f" on {error.port}"
    return (
        f" on {shown_address(error.interface, error.port)}"
        if error.interface
        else f" on port {error.port}"
    )


def address_client_info(
    tag: str, peer: object, timeouts: Timeouts, user: str | None = None
) -> ClientInfo:
    """Make the client info of a client with one of Twisted's addresses."""
    host = getattr(peer, "host", None)
    if host is None:
        return ClientInfo(tag, shown_peer(peer), "unix", user, timeouts)
    host, port = plain_host(host), getattr(peer, "port", 0)
    return ClientInfo(tag, shown_address(host, port), host, user, timeouts, (host, port))
