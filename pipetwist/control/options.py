"""What a configuration says about the control service: its block ``control``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from pipetwist.values.bind_address import PortAddress, UnixAddress
from pipetwist.values.listen import ListenAddress
from pipetwist.values.tls_options import TlsListenerOptions, in_use

__all__ = ["ControlOptions", "ControlTlsOptions", "page_refused", "why_refused"]


@dataclass(frozen=True, kw_only=True)
class ControlTlsOptions(TlsListenerOptions):
    """TLS of the control service's listener."""


@dataclass(frozen=True, kw_only=True)
class ControlOptions:
    """Who may act on open connections: the control service's listener, and the page."""

    __pydantic_config__: ClassVar[dict[str, object]] = {"extra": "forbid"}

    listen: ListenAddress | None = None
    """``unix:/path``, whose socket only the daemon's user and root may use, or ``host:port``, which
    needs ``tls`` with ``client_certificate_path``; without it there is no control service. Linux
    only.
    """
    tls: ControlTlsOptions | None = None
    """TLS for a TCP listener."""
    page: bool = False
    """Whether the page may close connections. Needs ``metrics`` with ``tls`` and its
    ``client_certificate_path``.
    """

    @property
    def listen_mode(self) -> int:
        """The mode of a unix socket's file: only the daemon's user may connect, and root."""
        return 0o600

    @property
    def spoken_tls(self) -> ControlTlsOptions | None:
        """Its TLS; None if it speaks none."""
        return in_use(self.tls)


def why_refused(
    listen: PortAddress | UnixAddress, *, tls: bool, client_certificates: bool
) -> str | None:
    """Why the control service may not listen there; None if it may.

    Args:
        listen: where.
        tls: whether it speaks TLS.
        client_certificates: whether clients then need a certificate.
    """
    if isinstance(listen, UnixAddress):
        return (
            "a unix socket has no TLS; leave the key out, or listen on a TCP port" if tls else None
        )
    if tls and client_certificates:
        return None
    return (
        f"{listen} does not say who closes connections, even on loopback; listen on "
        '"unix:control.sock", or give "tls" with "client_certificate_path"'
    )


def page_refused(*, metrics: bool, tls: bool, client_certificates: bool) -> str | None:
    """Why the page may not close connections; None if it may.

    Args:
        metrics: whether there is a page.
        tls: whether it is over TLS.
        client_certificates: whether clients then need a certificate.
    """
    if not metrics:
        return 'there is no page; add "metrics" with "tls" and its "client_certificate_path"'
    if tls and client_certificates:
        return None
    return (
        "the page may close connections only where it knows who asks; give metrics.tls a "
        '"client_certificate_path"'
    )
