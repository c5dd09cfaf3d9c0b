"""Names a client, or refuses it."""

from __future__ import annotations

from pipetwist.connection.client_info import ClientInfo
from pipetwist.errors import RefusedError
from pipetwist.users.index import UserIndex

__all__ = ["named"]


def named(client_info: ClientInfo, users: UserIndex) -> ClientInfo:
    """A client, with the name of its user.

    Args:
        client_info: what is known of it.
        users: who may come in.

    Raises:
        RefusedError: it is none of them.
    """
    address = client_info.address
    user = users.find(None if address is None else address[0], client_info.identity)
    if user is None:
        message = f"refused {client_info.peer}, {_why(client_info, users)}"
        raise RefusedError(message)
    return client_info._replace(user=user)


def _why(client_info: ClientInfo, users: UserIndex) -> str:
    identity = client_info.identity
    of_certificates = identity is not None and identity.uid is None and users.by_certificate
    if not of_certificates or identity is None:
        return "which is not one of its users"
    if identity.certificate is None:
        return "which has shown no certificate"
    name, alternative = identity.certificate.common_name, identity.certificate.alternative
    shown = (name, *alternative) if users.by_alternative_name else (name,)
    text = ", ".join(map(repr, filter(None, shown))) or "nobody"
    return f"whose certificate names {text}, which is not one of its users"
