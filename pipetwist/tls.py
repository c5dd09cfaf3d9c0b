"""TLS of inbounds and outbounds, from PEM files. pyOpenSSL is loaded only where it is needed."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from twisted.internet.interfaces import (
    IAddress,
    IOpenSSLContextFactory,
    IProtocolFactory,
    IReactorTime,
)
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from pipetwist.errors import StartError
from pipetwist.files import KnownFiles
from pipetwist.transfer.loss_reasons import NO_CLOSE_NOTIFY, describe_error, reason_of
from pipetwist.transfer.tls_records import RecordPace
from pipetwist.values.addresses import shown_peer
from pipetwist.values.tls_files import TlsFiles

if TYPE_CHECKING:
    from twisted.internet.ssl import Certificate, CertificateOptions

__all__ = [
    "ListenerTls",
    "RenewableTls",
    "client_tls",
    "log_failed_handshake",
    "over_tls",
    "server_tls",
]

_CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)


@implementer(IOpenSSLContextFactory)
class RenewableTls:
    """A context factory of Twisted's whose certificates can be exchanged for later handshakes.

    Args:
        options: what `server_tls` returns.
    """

    def __init__(self, options: CertificateOptions) -> None:
        self.options = options

    def getContext(self) -> Any:
        """What TLSMemoryBIOFactory asks for with each connection."""
        return self.options.getContext()


class ListenerTls(RenewableTls):
    """What a listener shows and asks for, which can be read again.

    Args:
        label: whose it is, for errors.
        files: where it is read from.
        protocols: see `server_tls`.
        known: reads the files; where it is None they are read anew.

    Raises:
        StartError: a file can't be used.
    """

    def __init__(
        self,
        label: str,
        files: TlsFiles,
        protocols: Sequence[bytes] = (),
        known: KnownFiles | None = None,
    ) -> None:
        self._label = label
        self._files = files
        self._protocols = protocols
        self._known = known
        super().__init__(self._read(files))

    def __repr__(self) -> str:
        return f"<ListenerTls of {self._label}: {self._files.certificate_path}>"

    def read_again(self, files: TlsFiles | None = None) -> Callable[[], Callable[[], None]]:
        """Read the files again.

        Args:
            files: where they are; where they were if it is None.

        Returns:
            What has them shown to who connects from then on. It returns what takes that back.

        Raises:
            StartError: they can't be used; nothing has changed.
        """
        wanted = files or self._files
        read = self._read(wanted)

        def show() -> Callable[[], None]:
            before = self._files, self.options
            self._files, self.options = wanted, read

            def take_back() -> None:
                self._files, self.options = before

            return take_back

        return show

    def _read(self, files: TlsFiles) -> CertificateOptions:
        paths = files.certificate_path, files.key_path, files.client_certificate_path
        return server_tls(self._label, *paths, self._protocols, self._known)


def over_tls(
    tls: RenewableTls, factory: IProtocolFactory, clock: IReactorTime, at_once: int = 65536
) -> IProtocolFactory:
    """What speaks TLS with clients, and has a factory's protocols speak inside.

    Args:
        tls: what it shows and asks for.
        factory: builds the protocols; whom it refuses is refused before the handshake.
        clock: counts the time.
        at_once: bytes that are read of a client in one turn, at most.
    """
    from twisted.protocols.tls import TLSMemoryBIOFactory

    class Paced(TLSMemoryBIOFactory.protocol):  # type: ignore[misc, valid-type]  # which class it is depends on the version
        def makeConnection(self, transport: Any) -> None:
            self._pace = RecordPace(at_once)
            self._pace.hold(transport)
            super().makeConnection(transport)

        def dataReceived(self, data: bytes) -> None:
            self._pace.came(data)
            super().dataReceived(data)

        def connectionLost(self, reason: Failure) -> None:
            self._pace.let_go(self.transport)
            super().connectionLost(reason)

    class TlsFactory(TLSMemoryBIOFactory):
        noisy = False
        protocol = Paced

        def buildProtocol(self, addr: IAddress | None) -> Any:
            # Twisted's own wraps None as if it were a protocol.
            inner = self.wrappedFactory.buildProtocol(addr)
            return None if inner is None else self.protocol(self, inner)

    return TlsFactory(tls, False, factory, clock)


def log_failed_handshake(log: Logger, label: str, peer: object, reason: Failure) -> None:
    """Say that a client was lost before its handshake was complete. Programs that ban addresses
    read this line: docs/running.md has it.

    Args:
        log: takes it.
        label: whose client it was.
        peer: where it was, in Twisted's words.
        reason: why it was lost.
    """
    cause = reason_of(reason)
    # Before the handshake is complete nobody could say close_notify.
    cause = "it was not completed" if cause in ("", NO_CLOSE_NOTIFY) else cause
    text = "{place}: the TLS handshake with {peer} failed: {cause}"
    log.info(text, place=label, peer=shown_peer(peer), cause=cause)


def server_tls(
    label: str,
    certificate_path: str,
    key_path: str,
    client_certificate_path: str | None,
    protocols: Sequence[bytes] = (),
    files: KnownFiles | None = None,
) -> CertificateOptions:
    """What a server shows and asks for.

    Args:
        label: whose it is, for errors.
        certificate_path: the server's certificate, and its chain.
        key_path: its private key.
        client_certificate_path: the CA of the clients' certificates; None to ask for none.
        protocols: what is spoken inside, the best first, by the names of ALPN. Clients that offer
            none of these come in all the same, without an agreement.
        files: reads them; where it is None they are read anew.

    Raises:
        StartError: a file can't be used.
    """
    from twisted.internet.ssl import CertificateOptions, KeyPair, trustRootFromCertificates

    files = files or KnownFiles()
    own, *chain = _certificates(files, label, "certificate_path", certificate_path)
    trusted: Sequence[Certificate] | None = None
    if client_certificate_path is not None:
        trusted = _certificates(files, label, "client_certificate_path", client_certificate_path)
    key = _read(files, label, "key_path", key_path)
    if b"ENCRYPTED" in key:
        # OpenSSL would ask for the pass phrase at a terminal that a daemon does not have.
        message = (
            f"{label}: tls.key_path: {key_path} is encrypted; a key without a pass phrase is needed"
        )
        raise StartError(message)
    try:
        options = CertificateOptions(
            privateKey=KeyPair.load(key, _PEM).original,
            certificate=own.original,
            extraCertChain=[certificate.original for certificate in chain],
            trustRoot=None if trusted is None else trustRootFromCertificates(trusted),
        )
        # Made now, and not for the first client: it fails where the key is another certificate's.
        options.getContext().set_alpn_select_callback(_agreeing_on(protocols))
    except Exception as error:
        paths, fault = f"{key_path} can't be used with {certificate_path}", describe_error(error)
        message = f"{label}: tls.key_path: {paths}: {fault}"
        raise StartError(message) from error
    return options


def _agreeing_on(protocols: Sequence[bytes]) -> Callable[[object, list[bytes]], Any]:
    """What chooses among the protocols that a client offers.

    Twisted's own, from 26.4 on, answers with an empty name where nothing overlaps, by which OpenSSL
    ends the handshake with an internal error; browsers, curl and V2Ray offer something in any case.
    RFC 7301, 3.2, would have it end as well, with another alert.
    """
    from OpenSSL.SSL import NO_OVERLAPPING_PROTOCOLS

    def agree(_: object, offered: list[bytes]) -> Any:
        return next((one for one in protocols if one in offered), NO_OVERLAPPING_PROTOCOLS)

    return agree


def client_tls(
    label: str, server_name: str, certificate_path: str | None, files: KnownFiles | None = None
) -> Any:
    """What a client asks for: a certificate of this name, which service-identity verifies.

    Args:
        label: whose it is, for errors.
        server_name: the name or address.
        certificate_path: the CA of the server's certificate; None for the system's.
        files: reads it; where it is None it is read anew.

    Raises:
        StartError: a file can't be used.
    """
    from twisted.internet.ssl import optionsForClientTLS, trustRootFromCertificates

    trust = None
    if certificate_path is not None:
        files = files or KnownFiles()
        own = _certificates(files, label, "certificate_path", certificate_path)
        trust = trustRootFromCertificates(own)
    try:
        # A certificate knows nothing of the interface in fe80::1%eth0.
        return optionsForClientTLS(server_name.partition("%")[0], trustRoot=trust)
    except Exception as error:
        fault = describe_error(error)
        message = f"{label}: tls.server_name: {server_name!r} is no name of a host: {fault}"
        raise StartError(message) from error


def _certificates(files: KnownFiles, label: str, key: str, path: str) -> Sequence[Certificate]:
    content = _read(files, label, key, path)
    try:
        certificates = _parse(content)
    except Exception as error:
        message = f"{label}: tls.{key}: {path} can't be used: {describe_error(error)}"
        raise StartError(message) from error
    if not certificates:
        message = f"{label}: tls.{key}: there is no certificate in {path}"
        raise StartError(message)
    return certificates


@lru_cache(maxsize=64)
def _parse(content: bytes) -> tuple[Certificate, ...]:
    # A file of all public CAs takes 10 ms, in which every connection waits: once is enough.
    from twisted.internet.ssl import Certificate

    return tuple(Certificate.loadPEM(part) for part in _CERTIFICATE.findall(content))


def _read(files: KnownFiles, label: str, key: str, path: str) -> bytes:
    try:
        return files.read(path)
    except OSError as error:
        message = f"{label}: tls.{key}: {path} can't be read: {error.strerror}"
        raise StartError(message) from error


_PEM = 1  # OpenSSL.crypto.FILETYPE_PEM, from SSL_FILETYPE_PEM in OpenSSL's ssl.h
