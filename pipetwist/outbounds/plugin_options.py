"""The keys of every outbound through a plug-in, besides those of its process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipetwist.files import KnownFiles
from pipetwist.kinds.outbound_options import StreamOutboundOptions, TlsClientOptions
from pipetwist.kinds.proxy_options import ProxiedOutboundOptions
from pipetwist.outbounds.tls_options import read_tls
from pipetwist.plugins.options import PluginClientOptions
from pipetwist.tls.connector import ConnectorTls

__all__ = ["PluginOutboundOptions"]


@dataclass(frozen=True, kw_only=True)
class PluginOutboundOptions(PluginClientOptions, ProxiedOutboundOptions, StreamOutboundOptions):
    """What is said inside of what a plug-in carries, to its far end."""

    tls: TlsClientOptions | None = None
    """TLS inside of what the plug-in carries; without it the bytes are plain."""

    if TYPE_CHECKING:
        server: str
        server_port: int

    def check_here(self) -> None:
        self.read_tls()
        super().check_here()

    def read_tls(self, files: KnownFiles | None = None) -> ConnectorTls | None:
        """Read the certificates that the far end's is checked against; None if TLS is not used.

        Args:
            files: reads them, and only if they have changed; if None, they are read in any case.

        Raises:
            StartError: one can't be used.
        """
        return read_tls(self.label, self.tls, self.server, files)
