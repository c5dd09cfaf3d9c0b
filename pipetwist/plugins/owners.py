"""Asks the kernel who owns a socket: whether a process of a plug-in's group listens at an address,
or is at the other end of a connection. All of this reads /proc, and may be called in any thread; it
fails with OSError where there is no free descriptor.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from pipetwist.interfaces import Medium
from pipetwist.plugins.contract import Place
from pipetwist.plugins.kernel_tables import TCP_TABLES, UDP_TABLES, ConnectedSockets, pieces
from pipetwist.plugins.socket_diagnosis import DiagnosisError, diagnosed_owner, diagnosed_port
from pipetwist.plugins.socket_table import (
    LISTENING,
    UNCONNECTED,
    SocketOwner,
    address_text,
    bound_to,
    listeners_on,
)
from pipetwist.process.identity import process_exists

__all__ = [
    "Listens",
    "PluginProcess",
    "are_senders",
    "is_peer",
    "who_listens",
]

_LISTENING = {
    Medium.STREAM: (TCP_TABLES, LISTENING),
    Medium.DATAGRAMS: (UDP_TABLES, UNCONNECTED),
}
_ANY = (address_text("0.0.0.0"), address_text("::"))  # noqa: S104 - nothing listens there
_MAPPED = address_text("::ffff:0.0.0.0")[:24]  # before an IPv4 address, in a socket of IPv6


class Listens(Enum):
    """Who listens at an address."""

    NOBODY = "nobody"
    PLUGIN = "the plug-in"
    STRANGER = "another process"


@dataclass(frozen=True)
class PluginProcess:
    """A plug-in's process, for questions about its sockets.

    Attributes:
        group: its process group, which is its process ID.
        uid: the user that it runs as; None for the daemon's.
    """

    group: int
    uid: int | None = None


def who_listens(process: PluginProcess, places: Iterable[Place]) -> list[Listens]:
    """Who listens at some addresses.

    Args:
        process: the plug-in's.
        places: the addresses.

    Returns:
        For each of them `Listens.PLUGIN` only if the plug-in listens there and nobody else does.
    """
    read: dict[Medium, bytes] = {}
    found = []
    for place in places:
        paths, state = _LISTENING[place.medium]
        if place.medium not in read:
            read[place.medium] = b"".join(pieces(paths))
        found.append(
            _who_listens(process, place, listeners_on(read[place.medium], place.port, state))
        )
    return found


def _who_listens(process: PluginProcess, place: Place, listening: Iterable[SocketOwner]) -> Listens:
    wanted = _specific(place.host)
    owners = [owner for owner in listening if wanted is None or owner.address in wanted]
    if not owners:
        return Listens.NOBODY
    ours: set[str] = set()
    strange: set[str] = set()
    for owner in owners:
        (ours if _owns(process, owner) else strange).add(owner.address)
    if wanted is None and ours:
        # Others have addresses of their own, and get what is sent to those; at the same address
        # they share (SO_REUSEPORT, socket(7)).
        strange &= ours
    return Listens.STRANGER if strange else Listens.PLUGIN


def are_senders(process: PluginProcess, ports: Iterable[int]) -> list[bool]:
    """Whether datagrams that have come from some ports of this machine are a plug-in's.

    A socket of UDP may send from any address of this machine, whichever it is bound to: a port is
    the plug-in's only if nobody else has a socket there, at whatever address.

    Args:
        process: the plug-in's.
        ports: the ports.

    Returns:
        For each port, False if another process has it too, or if none has it any more.
    """
    table: bytes | None = None
    found = []
    for port in ports:
        try:
            owners = diagnosed_port(port)
        except DiagnosisError:
            table = b"".join(pieces(UDP_TABLES)) if table is None else table
            owners = list(bound_to(table, port))
        found.append(bool(owners) and all(_owns(process, owner) for owner in owners))
    return found


def is_peer(
    process: PluginProcess,
    sockets: ConnectedSockets,
    peer: tuple[str, int],
    ours: tuple[str, int],
) -> bool:
    """Whether a plug-in is at the other end of an established connection.

    Args:
        process: the plug-in's.
        sockets: the connected sockets.
        peer: the peer's IP address and port.
        ours: the IP address and port of our end.

    Returns:
        False if another process is, or if none is any more.
    """
    try:
        owner = diagnosed_owner(peer, ours)
    except DiagnosisError:
        owner = sockets.owner(peer, ours)
    return owner is not None and _owns(process, owner)


def _specific(host: str) -> Sequence[str] | None:
    """The addresses of listening sockets that get connections to a host, as the kernel writes them;
    None for any, since the host is a wildcard, or a name, which the plug-in looks up.
    """
    try:
        wanted = address_text(host)
    except ValueError:
        return None
    if wanted in _ANY:
        return None
    return (
        (wanted, _MAPPED + wanted[-8:], *_ANY) if len(wanted) == len(_ANY[0]) else (wanted, *_ANY)
    )


def _owns(process: PluginProcess, owner: SocketOwner) -> bool:
    """Whether a socket is a plug-in's.

    Of another user the uid decides where the daemon may not see its descriptors. Of the daemon's
    own processes the descriptors do, since every process of its has that uid. Those of a program
    whose file has capabilities, as Debian's obfs-server, are hidden from its own user, too
    (PR_SET_DUMPABLE, prctl(2)), and with hidepid=2 (proc(5)) even that it runs: it has the sockets
    that no other process is seen to have.
    """
    own = os.geteuid()
    # While it does not run nobody is it. The group of others may be 0 here.
    if not process.group or owner.uid != (own if process.uid is None else process.uid):
        return False
    hidden = False
    for pid in _members(process.group):
        has = _has(pid, owner.inode)
        if has:
            return True
        hidden = hidden or has is None
    if not hidden or process.uid not in (None, own):
        return hidden
    return not any(_has(pid, owner.inode) for pid in _processes())


def _members(group: int) -> Iterable[int]:
    """The processes of a group, the first one first, which mostly is the only one."""
    yield group
    for pid in _processes():
        if pid != group:
            with contextlib.suppress(OSError):
                if os.getpgid(pid) == group:
                    yield pid


def _processes() -> Iterable[int]:
    names = os.listdir("/proc")  # noqa: PTH208 - a Path for each of hundreds takes long
    return (int(name) for name in names if name.isdecimal())


def _has(pid: int, inode: int) -> bool | None:
    """Whether a process has a socket; None if this process may not see that.

    Raises:
        OSError: there is no free descriptor.
    """
    folder, wanted = f"/proc/{pid}/fd", f"socket:[{inode}]"
    try:
        names = os.listdir(folder)  # noqa: PTH208 - as above
    except PermissionError:
        return None
    except (FileNotFoundError, ProcessLookupError):
        return None if _is_invisible(pid) else False
    # What was opened last mostly has the highest number.
    for name in reversed(names):
        try:
            if os.readlink(f"{folder}/{name}") == wanted:  # noqa: PTH115 - as above
                return True
        except PermissionError:  # noqa: PERF203 - who may read all files sees the names alone
            return None
        except (FileNotFoundError, ProcessLookupError):  # it was closed, or the process has ended
            continue
    return False


def _is_invisible(pid: int) -> bool:
    """Whether a process runs that /proc does not show."""
    return not Path(f"/proc/{pid}").exists() and process_exists(pid)
