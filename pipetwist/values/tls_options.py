"""The TLS keys of both ends, and those of every server."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, TypeVar

from pipetwist.values.checked import OneOrMore
from pipetwist.values.paths import FilePath
from pipetwist.values.tls_names import CipherSuite, TlsVersion

__all__ = ["CertificateOptions", "TlsListenerOptions", "TlsOptions", "in_use"]


@dataclass(frozen=True, kw_only=True)
class TlsOptions:
    """The versions and cipher suites of a connection."""

    __pydantic_config__: ClassVar[dict[str, object]] = {"extra": "forbid"}

    enabled: bool = True
    """Whether to use TLS."""
    min_version: TlsVersion | None = None
    """The lowest version of TLS: ``"1.2"`` or ``"1.3"``. ``"1.2"`` where absent."""
    max_version: TlsVersion | None = None
    """The highest version of TLS: ``"1.2"`` or ``"1.3"``. ``"1.3"`` where absent."""
    cipher_suites: Annotated[tuple[CipherSuite, ...], OneOrMore()] = ()
    """The cipher suites of TLS 1.2, by IANA's names, preferred ones first; those of TLS 1.3 can't
    be chosen. Where absent or empty, those with AES or ChaCha20.
    """

    def __post_init__(self) -> None:
        """Refuse versions of which there are none."""
        if self.min_version == "1.3" and self.max_version == "1.2":
            message = (
                'min_version is above max_version; leave one of them out, or write "1.2" twice'
            )
            raise ValueError(message)
        if self.min_version == "1.3" and self.cipher_suites:
            message = (
                "cipher_suites are for TLS 1.2, which min_version excludes; leave out one of them"
            )
            raise ValueError(message)


@dataclass(frozen=True, kw_only=True)
class CertificateOptions:
    """A server's certificate and key."""

    __pydantic_config__: ClassVar[dict[str, object]] = {"extra": "forbid"}

    certificate_path: FilePath
    """PEM file with the server's certificate, and its chain."""
    key_path: FilePath
    """PEM file with the certificate's private key."""


@dataclass(frozen=True, kw_only=True)
class TlsListenerOptions(TlsOptions):
    """The certificates of a server, and whose certificates clients need."""

    certificate_path: FilePath | None = None
    """PEM file with the server's certificate, and its chain. Needed, unless there are
    ``certificates``.
    """
    key_path: FilePath | None = None
    """PEM file with the certificate's private key."""
    certificates: tuple[CertificateOptions, ...] = ()
    """Several certificates instead of ``certificate_path`` and ``key_path``. The client's server
    name (SNI) chooses: the first that is for that name, or else for it by a wildcard; the first of
    the list where none is, or where the client sends no name.
    """
    client_certificate_path: FilePath | None = None
    """PEM file with a CA; clients must then present a certificate that it signed."""
    client_crl_path: FilePath | None = None
    """PEM file with the certificate revocation lists of the clients' CAs, one of each CA. Clients
    whose certificate is revoked are refused, and so are all clients of a CA whose list is missing
    or has expired. Needs ``client_certificate_path``.
    """

    def __post_init__(self) -> None:
        """Refuse a server without a certificate, and keys that need others."""
        super().__post_init__()
        pair = (self.certificate_path, self.key_path)
        if self.certificates and pair != (None, None):
            message = (
                "certificates stands instead of certificate_path and key_path; write that pair as "
                "its first entry"
            )
            raise ValueError(message)
        if self.enabled and not self.certificates and None in pair:
            missing = "certificate_path" if self.certificate_path is None else "key_path"
            message = (
                f"{missing} is missing; a server needs certificate_path and key_path, or "
                "certificates"
            )
            raise ValueError(message)
        if self.client_crl_path is not None and self.client_certificate_path is None:
            message = (
                "client_crl_path has no client certificates to revoke; add client_certificate_path"
            )
            raise ValueError(message)

    @property
    def alpn_protocols(self) -> tuple[bytes, ...]:
        """The protocols of which clients that use ALPN must choose one; none if that is not
        configured.
        """
        return ()

    @property
    def all_certificates(self) -> tuple[tuple[str, CertificateOptions], ...]:
        """The server's certificates, each with the beginning of its keys in the configuration."""
        if self.certificate_path is not None and self.key_path is not None:
            own = CertificateOptions(certificate_path=self.certificate_path, key_path=self.key_path)
            return (("", own),)
        return tuple(
            (f"certificates[{index}].", one) for index, one in enumerate(self.certificates)
        )


_Tls = TypeVar("_Tls", bound=TlsOptions)


def in_use(tls: _Tls | None) -> _Tls | None:
    """The options of the TLS that is spoken; None if it is turned off or absent."""
    return tls if tls is not None and tls.enabled else None
