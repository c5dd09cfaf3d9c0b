"""The API's TLS: the files of a configuration as gRPC wants them, looked at first, since gRPC says nothing about what is wrong with one."""

from __future__ import annotations

import ssl
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, cast

import grpc

from pipetwist.errors import StartError

if TYPE_CHECKING:
    from pipetwist.api.options import ApiTlsOptions

__all__ = ["ServerCertificates"]

_PLACE = "experimental.v2ray_api.tls"


class ServerCertificates:
    """What the API shows, and asks clients for. It can be exchanged while gRPC listens.

    Args:
        options: where the files are.

    Raises:
        StartError: a file can't be read, is no PEM file of its kind, or key and certificate don't belong together.
    """

    def __init__(self, options: ApiTlsOptions) -> None:
        self._options = options
        self._shown = _configuration(options)
        self._waiting: list[deque[grpc.ServerCertificateConfiguration]] = []

    def credentials(self) -> grpc.ServerCredentials:
        """What gRPC needs to listen at one address. Each address needs its own: what is new is fetched once with each."""
        waiting: deque[grpc.ServerCertificateConfiguration] = deque(maxlen=1)
        self._waiting.append(waiting)
        asks = self._options.client_certificate_path is not None
        fetch = cast("Callable[[], grpc.ServerCertificateConfiguration]", partial(_newest, waiting))  # the stubs don't know of None
        return grpc.dynamic_ssl_server_credentials(self._shown, fetch, require_client_authentication=asks)

    def read(self, options: ApiTlsOptions | None = None) -> Callable[[], None]:
        """Read the files again.

        Args:
            options: where certificate and key are; where they were if it is None. Whose certificates clients need stays as it is, since
                gRPC can't change that, but for the content of the file.

        Returns:
            What has them shown to who connects from then on.

        Raises:
            StartError: see above; nothing has changed.
        """
        wanted = replace(options or self._options, client_certificate_path=self._options.client_certificate_path)
        read = _configuration(wanted)

        def show() -> None:
            self._options, self._shown = wanted, read
            for waiting in self._waiting:
                waiting.append(read)

        return show


def _newest(waiting: deque[grpc.ServerCertificateConfiguration]) -> grpc.ServerCertificateConfiguration | None:
    """What gRPC is to show from now on; None for no change. It asks before each handshake, in a thread of its own."""
    try:
        return waiting.pop()
    except IndexError:
        return None


def _configuration(options: ApiTlsOptions) -> grpc.ServerCertificateConfiguration:
    certificate = _read("certificate_path", options.certificate_path)
    key = _read("key_path", options.key_path)
    authority = None if options.client_certificate_path is None else _read("client_certificate_path", options.client_certificate_path)
    _check(options)
    if not _grpc_can_use(certificate):
        message = (
            f"{_PLACE}.certificate_path: {options.certificate_path} is for a kind of key that gRPC can't use; "
            "use RSA, Ed25519, or an elliptic curve that is P-256, P-384 or P-521"
        )
        raise StartError(message)
    return grpc.ssl_server_certificate_configuration([(key, certificate)], root_certificates=authority)


def _read(key: str, path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        message = f"{_PLACE}.{key}: {path} can't be read: {error.strerror}"
        raise StartError(message) from error


def _check(options: ApiTlsOptions) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        # A key with a pass phrase must not make OpenSSL ask for it on the terminal.
        context.load_cert_chain(options.certificate_path, options.key_path, password="")
    except (ssl.SSLError, ValueError) as error:
        message = f"{_PLACE}: {options.certificate_path} and {options.key_path} are not a certificate and its key as PEM: {_reason(error)}"
        raise StartError(message) from error
    if options.client_certificate_path is None:
        return
    try:
        context.load_verify_locations(options.client_certificate_path)
    except ssl.SSLError as error:
        message = f"{_PLACE}.client_certificate_path: {options.client_certificate_path} has no certificate in PEM form: {_reason(error)}"
        raise StartError(message) from error


def _grpc_can_use(certificate: bytes) -> bool:
    """Whether gRPC's BoringSSL knows the key's kind. Of another it says nothing: it can't listen, or goes on with what it had."""
    # Loaded only where TLS is asked for: it takes some megabytes.
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509 import load_pem_x509_certificates
    from cryptography.x509.oid import PublicKeyAlgorithmOID

    try:
        first = load_pem_x509_certificates(certificate)[0]
    except ValueError:  # OpenSSL has read it, and is less strict
        return True
    kind = first.public_key_algorithm_oid
    if kind != PublicKeyAlgorithmOID.EC_PUBLIC_KEY:
        return kind in {PublicKeyAlgorithmOID.RSAES_PKCS1_v1_5, PublicKeyAlgorithmOID.ED25519}
    try:
        curve = cast("ec.EllipticCurvePublicKey", first.public_key()).curve
    except (ValueError, UnsupportedAlgorithm):  # a curve without a name, or an unknown one
        return False
    return isinstance(curve, (ec.SECP256R1, ec.SECP384R1, ec.SECP521R1))


def _reason(error: Exception) -> str:
    reason = getattr(error, "reason", None)
    return str(reason or error).lower().replace("_", " ")
