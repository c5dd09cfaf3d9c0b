"""The users of an inbound with TLS, who are known by their certificates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from pipetwist.inbounds.gate import RefusedError
from pipetwist.values import Text, UserName
from pipetwist.values.san import SubjectAltName

__all__ = ["CertificateUserOptions", "certificate_user"]


@dataclass(frozen=True, kw_only=True)
class CertificateUserOptions:
    """Who a peer is, by its certificate."""

    __pydantic_config__: ClassVar[dict[str, object]] = {"extra": "forbid"}

    name: UserName
    """The user's name."""
    certificate_name: Text | None = None
    """The common name of the certificate's subject."""
    certificate_san: SubjectAltName | None = None
    """A subject alternative name of the certificate: ``DNS:``, ``email:`` or ``URI:``, and the
    name. With ``certificate_name`` both must be in the certificate.
    """

    def __post_init__(self) -> None:
        """Refuse an entry that would match everybody."""
        if self.certificate_name is None and self.certificate_san is None:
            message = "a user of a tcp inbound needs a certificate_name or a certificate_san"
            raise ValueError(message)


def certificate_user(
    users: Sequence[CertificateUserOptions],
    connection: Any,  # an OpenSSL.SSL.Connection; only the room tls imports it
    peer: str,
) -> str | None:
    """The name of the user with a certificate; None if there are no users, so that everybody may
    come in.

    Args:
        users: who may come in. The first that matches counts.
        connection: pyOpenSSL's of the client, its handshake complete.
        peer: the client, for the log.

    Raises:
        RefusedError: it is none of the users'.
    """
    if not users:
        return None
    from pipetwist.tls.peer_names import peer_names

    names = peer_names(connection)
    if names is None:
        message = f"refused {peer}, which has shown no certificate"
        raise RefusedError(message)
    for user in users:
        if user.certificate_name in (None, names.common_name) and (
            user.certificate_san is None or user.certificate_san in names.alternative
        ):
            return user.name
    by_san = any(user.certificate_san is not None for user in users)
    shown = (names.common_name, *names.alternative) if by_san else (names.common_name,)
    text = ", ".join(map(repr, filter(None, shown))) or "nobody"
    message = f"refused {peer}, whose certificate names {text}, which is not one of its users"
    raise RefusedError(message)
