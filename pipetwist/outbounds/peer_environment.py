"""What a command is told of its client, by its environment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pipetwist.interfaces import IClient

__all__ = ["PEER_VARIABLES", "with_peer", "without_peer"]

_ID, _INBOUND, _USER = "PIPETWIST_ID", "PIPETWIST_INBOUND", "PIPETWIST_USER"
# systemd's names, systemd.exec(5); of a client by a unix socket ours, after their example.
_ADDRESS, _PORT, _PROCESS, _UID = "REMOTE_ADDR", "REMOTE_PORT", "REMOTE_PID", "REMOTE_UID"
_NCAT_ADDRESS = "NCAT_REMOTE_ADDR"  # ncat(1)

PEER_VARIABLES = frozenset((_ID, _INBOUND, _USER, _ADDRESS, _PORT, _PROCESS, _UID, _NCAT_ADDRESS))
"""The names of all variables that tell of a client."""


def without_peer(env: Mapping[str, str]) -> dict[str, str]:
    """An environment without those variables, which others have set for clients of their own."""
    return {name: value for name, value in env.items() if name not in PEER_VARIABLES}


def with_peer(env: Mapping[str, str], client: IClient) -> dict[str, str]:
    """An environment with what is known of a client.

    Args:
        env: the rest, as `without_peer` returns it.
        client: the client.
    """
    return {**env, **dict(_variables(client))}


def _variables(client: IClient) -> Iterator[tuple[str, str]]:
    client_info = client.client_info
    yield _ID, str(client.number)
    yield _INBOUND, client_info.inbound
    if client_info.user is not None:
        yield _USER, client_info.user
    if client_info.address is not None:
        host, port = client_info.address
        yield _ADDRESS, host
        yield _NCAT_ADDRESS, host
        yield _PORT, str(port)
    elif client_info.credentials is not None:
        process, uid, _ = client_info.credentials
        if process:  # of another PID namespace's there is none here
            yield _PROCESS, str(process)
        yield _UID, str(uid)
