"""What a configuration says about the API: sing-box's block ``experimental.v2ray_api``, key for
key, and pipetwist's additions.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, ClassVar

from pipetwist.values import Duration, FilePath, Mode, Tag, UserName
from pipetwist.values.listen import ListenAddress
from pipetwist.values.text_or import AllOf, TextOr
from pipetwist.values.tls_options import TlsListenerOptions, in_use

__all__ = ["MAX_CONNECTIONS", "MAX_PER_ADDRESS", "ApiOptions", "ApiTlsOptions", "StatsOptions"]

_Tags = Annotated[tuple[Tag, ...] | str, TextOr(AllOf, tuple[Tag, ...])]
_Names = Annotated[tuple[UserName, ...] | str, TextOr(AllOf, tuple[UserName, ...])]

MAX_CONNECTIONS = 128
"""The maximum of connections to the API; others are closed."""
MAX_PER_ADDRESS = MAX_CONNECTIONS // 2
"""The maximum for one address, if it listens on a TCP port."""


@dataclass(frozen=True, kw_only=True)
class StatsOptions:
    """What is counted, and where the counters are kept."""

    __pydantic_config__: ClassVar[dict[str, object]] = {"extra": "forbid"}

    enabled: bool = False
    """Whether anything is counted at all."""
    inbounds: _Tags = ()
    """Tags of the inbounds to count, or ``"*"`` for all of them."""
    outbounds: _Tags = ()
    """Tags of the outbounds to count, or ``"*"`` for all of them."""
    users: _Names = ()
    """Names of the users to count, or ``"*"`` for all of them."""
    store: FilePath | None = None
    """The file that the counters are kept in, made where there is none; without it they end with
    the daemon.
    """
    sync_interval: Duration = 10.0
    """How much of the last counting a machine that loses its power may lose. ``"10s"`` where
    absent.
    """


@dataclass(frozen=True, kw_only=True)
class ApiTlsOptions(TlsListenerOptions):
    """TLS of the API's listener."""


@dataclass(frozen=True, kw_only=True)
class ApiOptions:
    """The API's listener, and what is counted."""

    __pydantic_config__: ClassVar[dict[str, object]] = {"extra": "forbid"}

    listen: ListenAddress | None = None
    """``host:port`` or ``unix:/path``; without it nothing is served."""
    listen_mode: Mode = 0o600
    """File mode of a unix socket to listen on. ``"0600"`` where absent."""
    insecure: bool = False
    """Allows an address that is not loopback without TLS."""
    tls: ApiTlsOptions | None = None
    """TLS for a TCP listener."""
    stats: StatsOptions = field(default_factory=StatsOptions)
    """What is counted."""

    @property
    def spoken_tls(self) -> ApiTlsOptions | None:
        """Its TLS; None if it speaks none."""
        return in_use(self.tls)
