"""Finds out why a server can't be reached, and what to do, by connecting once more, since gRPC's
own messages are for programmers.
"""

from __future__ import annotations

import socket
import ssl

from pipetwist.client.server import CONTROL_SERVICE, ClientTls, Server
from pipetwist.client.tls import ssl_context
from pipetwist.values import unix_sockaddr
from pipetwist.values.bind_address import PortAddress

__all__ = ["why_unreachable"]

_MAX_SECONDS = 3.0  # seconds for each of the few steps
_NEED_OF_CERTIFICATE = {
    "TLSV13_ALERT_CERTIFICATE_REQUIRED",
    "SSLV3_ALERT_HANDSHAKE_FAILURE",
    "TLSV1_ALERT_HANDSHAKE_FAILURE",
}
_NO_TLS = {"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "UNEXPECTED_MESSAGE"}
_HTTP2 = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))
"""How a client begins (RFC 9113, 3.4), with empty SETTINGS."""
_OF_HTTP = "http1.x server"  # in the details that gRPC gives
_ENDED = {None, "UNEXPECTED_EOF_WHILE_READING"}  # with an older OpenSSL that is not the reason


def why_unreachable(server: Server, details: str) -> str:
    """Say in one line why a call did not reach the server.

    Args:
        server: the server.
        details: gRPC's message, used if no better one is found.
    """
    try:
        connection = _connect(server)
    except OSError as error:
        return _why_not_connected(server, error)
    with connection:
        reason = (
            _why_no_answer(connection, server)
            if server.tls is None
            else _why_no_tls(connection, server, server.tls)
        )
    reason = reason or _why_closed(server)
    answers = (
        "answers as a web server, and not as gRPC"
        if _OF_HTTP in details
        else f"does not answer as gRPC ({details})"
    )
    return (
        reason
        or f"{server.address} accepts connections, but {answers}; is it the port of "
        f"{server.service.noun}?"
    )


def _connect(server: Server) -> socket.socket:
    address = server.address
    timeout = min(server.timeout, _MAX_SECONDS)
    if isinstance(address, PortAddress):
        return socket.create_connection((address.host, address.port), timeout)
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.settimeout(timeout)
        connection.connect(unix_sockaddr(address.path))
    except BaseException:
        connection.close()
        raise
    return connection


def _why_not_connected(server: Server, error: OSError) -> str:
    address = server.address
    if isinstance(error, socket.gaierror) and isinstance(address, PortAddress):
        return f"no address is known for the name {address.host}: {error.strerror}"
    if isinstance(error, FileNotFoundError):
        return f"there is no socket {address}; {server.service.is_it_on}"
    if isinstance(error, ConnectionRefusedError):
        return f"nothing listens at {address}; {server.service.is_it_on}"
    if isinstance(error, PermissionError):
        return (
            f"this user may not connect to {address} ({error.strerror}); {server.service.who_may}"
        )
    if isinstance(error, TimeoutError):
        return (
            f"{address} did not accept the connection in time; is the address right, and does a "
            "firewall allow it?"
        )
    return f"{address} can't be connected to: {error.strerror or error}"


def _why_no_answer(connection: socket.socket, server: Server) -> str | None:
    """Why there is no gRPC without TLS: perhaps because the server uses TLS."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    try:
        with context.wrap_socket(connection):
            return (
                f"{server.address} speaks TLS; add --tls, and --ca FILE where the system does not "
                "know its certificate's CA"
            )
    except (OSError, ValueError):
        return None


def _why_closed(server: Server) -> str | None:
    """Why the server closes a connection on which nothing was sent, or that it is HTTP/2 where the
    server asks then who has come.
    """
    try:
        with _connect(server) as connection:
            if server.service is CONTROL_SERVICE and server.tls is None:
                connection.sendall(_HTTP2)
            closed = not connection.recv(1)
    except ConnectionError:
        closed = True
    except OSError:  # it waits for a request
        closed = False
    if not closed:
        return None
    return f"{server.address} closes every new connection; {server.service.why_closed}"


def _why_no_tls(connection: socket.socket, server: Server, tls: ClientTls) -> str | None:
    """Why there is no gRPC over TLS."""
    host = server.address.host if isinstance(server.address, PortAddress) else "localhost"
    try:
        with ssl_context(tls).wrap_socket(connection, server_hostname=tls.name or host) as secured:
            return (
                None
                if tls.certificate is not None or _says_something(secured)
                else _wants_certificate(server)
            )
    except ssl.SSLCertVerificationError as error:
        return (
            f"the certificate of {server.address} can't be trusted: "
            f"{error.verify_message.rstrip('.')}; "
            "--ca FILE says which CA signs it, --server-name which name it has"
        )
    except ssl.SSLError as error:
        if error.reason in _NEED_OF_CERTIFICATE:
            return _wants_certificate(server)
        if error.reason in _ENDED and (closed := _why_closed(server)):
            return closed
        if error.reason in _NO_TLS:
            return (
                f"{server.address} speaks no TLS; leave out --tls and the options that go with it"
            )
        return (
            f"no TLS with {server.address}: "
            f"{(error.reason or str(error)).lower().replace('_', ' ')}"
        )
    except (OSError, ValueError):
        return None


def _says_something(secured: ssl.SSLSocket) -> bool:
    """Whether a server continues after the handshake. With TLS 1.3 a server that needs a
    certificate refuses only now; gRPC's closes the connection.
    """
    try:
        return secured.recv(1) != b""
    except ConnectionError:
        return False


def _wants_certificate(server: Server) -> str:
    return (
        f"{server.address} accepts only clients with a certificate that its CA signed; give "
        "--cert FILE and --key FILE"
    )
