"""The API's TLS: the files of a configuration as gRPC wants them, looked at first, since gRPC says nothing about what is wrong with one."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import TYPE_CHECKING

import grpc

from pipetwist.errors import StartError

if TYPE_CHECKING:
    from pipetwist.api.options import ApiTlsOptions

__all__ = ["server_credentials"]

_PLACE = "experimental.v2ray_api.tls"


def server_credentials(options: ApiTlsOptions) -> grpc.ServerCredentials:
    """Read certificate, key and, where clients have to present a certificate, their CA.

    Raises:
        StartError: a file can't be read, is no PEM file of its kind, or key and certificate don't belong together.
    """
    certificate = _read("certificate_path", options.certificate_path)
    key = _read("key_path", options.key_path)
    authority = None if options.client_certificate_path is None else _read("client_certificate_path", options.client_certificate_path)
    _check(options)
    return grpc.ssl_server_credentials([(key, certificate)], root_certificates=authority, require_client_auth=authority is not None)


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


def _reason(error: Exception) -> str:
    reason = getattr(error, "reason", None)
    return str(reason or error).lower().replace("_", " ")
