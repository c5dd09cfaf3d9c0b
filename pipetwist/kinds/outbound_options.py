"""The keys of every outbound."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from pipetwist.kinds.limit_options import LimitOptions
from pipetwist.kinds.options import FramedOptions, KindOptions
from pipetwist.values import Duration, FilePath, Framing, OneOrMore, Tag, Text
from pipetwist.values.tls_names import AlpnProtocol
from pipetwist.values.tls_options import TlsOptions

__all__ = [
    "OutboundOptions",
    "RetriedOutboundOptions",
    "StreamOutboundOptions",
    "TlsClientOptions",
    "Transfer",
]

Transfer = Literal["auto", "kernel", "stream"]
"""How bytes are moved: by the kernel, by Twisted's transports, or as it suits."""


@dataclass(frozen=True, kw_only=True)
class OutboundOptions(KindOptions):
    """The keys of every outbound."""

    __pydantic_config__: ClassVar[dict[str, object]] = {"extra": "forbid"}

    tag: Tag
    """The outbound's name."""
    connect_timeout: Duration = 5.0
    """How long connecting may take. ``"5s"`` where absent."""
    limits: LimitOptions | None = None
    """How much all of its connections together may have; without it as much as they want."""

    @property
    def label(self) -> str:
        """What errors about it begin with."""
        return f"outbound {self.tag}"

    @property
    def lends_rights(self) -> bool:
        """Whether its server may see every client as the user who runs the daemon."""
        return False

    @property
    def needs_clients(self) -> bool:
        """Whether it uses who its clients are, by which their inbounds need not ask otherwise."""
        return False

    def check_user(self) -> None:
        """Look whether it works for the user who the daemon is when it has started.

        Raises:
            StartError: it does not.
        """

    def moved_by(self, usual: Transfer) -> Transfer:
        """How its bytes are moved.

        Args:
            usual: how the configuration's top level has them moved.
        """
        return "auto"


@dataclass(frozen=True, kw_only=True)
class StreamOutboundOptions(FramedOptions, OutboundOptions):
    """The keys of every outbound that is a stream."""

    transfer: Transfer | None = None
    """How bytes are moved: by the kernel, by Twisted's transports, or as it suits; as the whole
    configuration says where absent.
    """
    framing: Framing | None = None
    """``"rfc4571"`` to carry datagrams, each preceded by its length as two bytes, big-endian; bytes
    where absent.
    """
    half_close: bool = True
    """``false`` where the server can't take an end of input while it still answers: the client's is
    held back then, until the server has ended, or no byte has moved for ``half_close_timeout``, or
    five minutes. ``true`` where absent.
    """

    def moved_by(self, usual: Transfer) -> Transfer:
        return self.transfer or usual


@dataclass(frozen=True, kw_only=True)
class RetriedOutboundOptions(StreamOutboundOptions):
    """The keys of every outbound that connects to a server and can retry that."""

    connect_retry: Duration | None = None
    """How long connecting is retried while no server listens; without it there is one attempt."""


@dataclass(frozen=True, kw_only=True)
class TlsClientOptions(TlsOptions):
    """TLS of an outbound."""

    enabled: bool = False
    """Whether to use TLS."""
    server_name: Text | None = None
    """The name that the server's certificate must have; the outbound's ``server`` where absent. An
    outbound ``unix`` needs it.
    """
    certificate_path: FilePath | None = None
    """PEM file with the CA that signed the server's certificate; by default the system's CAs."""
    alpn: Annotated[tuple[AlpnProtocol, ...], OneOrMore()] = ()
    """The protocols that the server is offered by ALPN, preferred ones first, such as ``["h2"]``.
    Where absent or empty, none.
    """
