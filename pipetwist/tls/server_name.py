"""The name of a server that a client asks for, and that the server's certificate must have."""

from __future__ import annotations

from ipaddress import ip_address

import idna
from OpenSSL import SSL
from OpenSSL.crypto import X509
from service_identity.hazmat import DNS_ID, IPAddress_ID, verify_service_identity
from service_identity.pyopenssl import extract_patterns

__all__ = ["ServerName", "WrongNameError"]


class WrongNameError(SSL.Error):
    """The certificate of the server is another's. It is an error of pyOpenSSL's, and of the same
    shape, so that everybody who calls ``do_handshake`` takes it for one of the handshake.
    """

    def __init__(self) -> None:
        fault = "the server's certificate is not of the name that it was asked for"
        super().__init__([("pipetwist", "", fault)])


class ServerName:
    """The name or address of a server.

    Args:
        name: it, as people write it.

    Raises:
        ValueError: it is none.
    """

    def __init__(self, name: str) -> None:
        # A certificate knows nothing of the interface in fe80::1%eth0.
        name = name.partition("%")[0]
        self._wanted: DNS_ID | IPAddress_ID
        self._sent: bytes | None = None
        try:
            self._wanted = IPAddress_ID(str(ip_address(name)))
        except ValueError:
            ascii_name = name.encode("ascii") if name.isascii() else idna.encode(name)
            self._wanted = DNS_ID(ascii_name.decode("ascii"))
            self._sent = ascii_name

    def ask_for(self, connection: SSL.Connection) -> None:
        """Have the server told which of its names is meant (SNI); of an address it is not (RFC
        6066, 3).
        """
        if self._sent is not None:
            connection.set_tlsext_host_name(self._sent)

    def verify(self, _: object, certificate: X509, error: int, depth: int, ok: int) -> bool:
        """What a context calls for each certificate of the server's chain, in the handshake.

        Raises:
            WrongNameError: the server's own certificate is not of this name. pyOpenSSL raises it
                where the handshake was asked for.
        """
        if depth == 0:
            try:
                verify_service_identity(extract_patterns(certificate), [self._wanted], [])
            except Exception as wrong:  # also where it names nothing, or can't be taken apart
                raise WrongNameError from wrong
        return bool(ok)
