"""Inbounds that can use TLS: their keys, and what is read again at a reload."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Any, ClassVar, cast

from pipetwist.connection.client_info import ClientInfo
from pipetwist.connection.identity import Identity
from pipetwist.files import KnownFiles
from pipetwist.inbounds.context import InboundContext
from pipetwist.inbounds.kernel_tls_entry import TlsClient
from pipetwist.inbounds.proxied import ProxiedListening
from pipetwist.kinds.figures import Figure
from pipetwist.kinds.inbound_options import InboundOptions, StreamInboundOptions, TlsServerOptions
from pipetwist.kinds.proxy_options import ProxiedInboundOptions
from pipetwist.kinds.user_options import AskingOptions
from pipetwist.tls.listener import ListenerTls
from pipetwist.values.tls_options import in_use

if TYPE_CHECKING:
    from pipetwist.tls.connections import TlsConnection

__all__ = ["TlsInboundOptions", "TlsListeningService"]


@dataclass(frozen=True, kw_only=True)
class TlsInboundOptions(ProxiedInboundOptions, StreamInboundOptions, AskingOptions):
    """The keys of every inbound that can use TLS."""

    figures: ClassVar[Sequence[Figure]] = (
        Figure(
            "pipetwist_tls_handshakes",
            "TLS handshakes that were completed.",
            attrgetter("tls_handshakes"),
            grows=True,
        ),
        Figure(
            "pipetwist_tls_resumed",
            "TLS handshakes that resumed an earlier session.",
            attrgetter("tls_resumed"),
            grows=True,
        ),
    )

    tls: TlsServerOptions | None = None
    """TLS; without it the bytes are plain."""

    @property
    def speaks_tls(self) -> bool:
        """Whether its connections use TLS."""
        return in_use(self.tls) is not None

    @property
    def asks_certificates(self) -> bool:
        tls = in_use(self.tls)
        return tls is not None and tls.client_certificate_path is not None

    def check_here(self) -> None:
        self.read_tls()
        super().check_here()

    def read_tls(
        self, files: KnownFiles | None = None, seconds: Callable[[], float] = time.monotonic
    ) -> ListenerTls | None:
        """Read its certificates; None if it does not use TLS.

        Args:
            files: reads them, and only if they have changed; if None, they are read in any case.
            seconds: tells the time.

        Raises:
            StartError: one can't be used.
        """
        tls = in_use(self.tls)
        return None if tls is None else ListenerTls(self.label, tls, known=files, seconds=seconds)


class TlsListeningService(ProxiedListening):
    """An inbound that can use TLS, as a service.

    Args:
        options: what the configuration says.
        context: what it works with.

    Raises:
        StartError: a certificate or key can't be used.
    """

    def __init__(self, options: TlsInboundOptions, context: InboundContext) -> None:
        super().__init__(options, context)
        self._tls = options.read_tls(context.files, context.reactor.seconds)

    def apply(self, options: InboundOptions) -> Callable[[], None]:
        show = self.read_again(options)
        take_back = super().apply(options)
        hide = show()

        def take_all_back() -> None:
            take_back()
            hide()

        return take_all_back

    @property
    def tls_handshakes(self) -> int:
        """How many TLS handshakes were completed."""
        return 0 if self._tls is None else self._tls.handshakes

    @property
    def tls_resumed(self) -> int:
        """How many of them resumed an earlier session."""
        return 0 if self._tls is None else self._tls.resumed

    def named(self, client: Any, client_info: ClientInfo) -> ClientInfo:  # as `Identify` has it
        """See `ProxiedListening`; the client is a `TlsClient` or a transport of Twisted's. Whether
        its certificate is the client's or the proxy's nobody says, so that it makes no user.
        """
        if self._tls is not None:
            tls = client.tls if isinstance(client, TlsClient) else client.getHandle()
            self._tls.completed(tls)
        return client_info

    def with_certificate(self, client_info: ClientInfo, connection: TlsConnection) -> ClientInfo:
        """A client, with the names in its certificate where they may say who it is.

        Args:
            client_info: what is known of it so far.
            connection: OpenSSL's, its handshake complete.
        """
        options = cast("TlsInboundOptions", self.options)
        if options.users is None or not options.asks_certificates:
            return client_info
        from pipetwist.tls.peer_names import peer_names  # loads pyOpenSSL

        identity = client_info.identity or Identity()
        return client_info._replace(identity=identity._replace(certificate=peer_names(connection)))

    def read_again(self, options: InboundOptions) -> Callable[[], Callable[[], None]]:
        """Read the files of TLS again, as `ListenerTls.read_again` does; nothing without TLS.

        Raises:
            StartError: one can't be used; nothing has changed.
        """
        if self._tls is None:
            return lambda: lambda: None
        return self._tls.read_again(cast("TlsInboundOptions", options).tls)
