"""What a test needs from the system for itself: a folder with a short path, a port, and waits that
end.
"""

from __future__ import annotations

import random
import shutil
import socket
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

__all__ = [
    "accepts",
    "connected",
    "free_datagram_port",
    "free_port",
    "has_ended",
    "listens",
    "receives",
    "scratch_folder",
    "wait_until",
]

_ACCEPTS_CONNECTIONS = 0x10000  # __SO_ACCEPTCON in the column Flags of /proc/net/unix
_CONNECTED = "03"  # SS_CONNECTED in the column St of /proc/net/unix
_DATAGRAMS = "0002"  # SOCK_DGRAM in the column Type of /proc/net/unix
_TCP_LISTEN = "0A"  # in the column st of /proc/net/tcp


def scratch_folder(case: SynchronousTestCase) -> Path:
    """A folder for one test, gone after it.

    trial's own is too deep for unix sockets, whose path may have 107 bytes.
    """
    folder = Path(tempfile.mkdtemp(prefix="pt-"))
    case.addCleanup(shutil.rmtree, folder, ignore_errors=True)
    return folder


def free_port(case: SynchronousTestCase) -> int:
    """A port on 127.0.0.1 that is the test's own until it ends.

    It stays bound, without listening: the kernel then hands it to nobody else, while a program that
    sets SO_REUSEADDR, as every server here does, can listen on it (socket(7)).
    """
    holder = socket.socket()
    case.addCleanup(holder.close)
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    holder.bind(("127.0.0.1", 0))
    port: int = holder.getsockname()[1]
    return port


def free_datagram_port(case: SynchronousTestCase) -> int:
    """A port on 127.0.0.1 that nobody has, neither for UDP nor for TCP.

    It is of those that the kernel hands to nobody (ip(7), ip_local_port_range), and stays bound for
    TCP as that of `free_port` does. For UDP there is no such way to hold it: where two sockets
    share a port by SO_REUSEADDR, the one that was bound last gets the datagrams.
    """
    first = int(
        Path("/proc/sys/net/ipv4/ip_local_port_range").read_text(encoding="ascii").split()[0]
    )
    for port in random.SystemRandom().sample(range(10000, first), 100):
        holder = socket.socket()
        case.addCleanup(holder.close)
        with socket.socket(type=socket.SOCK_DGRAM) as datagrams:
            try:
                for one in (datagrams, holder):
                    one.bind(("127.0.0.1", port))
            except OSError:
                continue
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        return port
    message = "no port is free for both UDP and TCP"
    raise AssertionError(message)


def wait_until(condition: Callable[[], bool], what: str, seconds: float = 60.0) -> None:
    """Look until the condition holds.

    Raises:
        TimeoutError: it did not hold in time; the text says what was waited for.
    """
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            message = f"waited {seconds:.0f} s for {what}"
            raise TimeoutError(message)
        time.sleep(0.01)


def listens(address: Path | int) -> bool:
    """Whether somebody listens on this unix socket's path or this TCP port, asked of the kernel so
    that nothing is connected.
    """
    if isinstance(address, int):
        return any(
            _listens_on_port(table, address) for table in ("/proc/net/tcp", "/proc/net/tcp6")
        )
    return any(
        fields[7] == str(address) and int(fields[3], 16) & _ACCEPTS_CONNECTIONS
        for fields in _unix_sockets()
    )


def receives(address: Path | int) -> bool:
    """Whether a datagram socket is bound to this unix socket's path or this UDP port: what is sent
    there waits for it from then on.
    """
    if isinstance(address, int):
        return any(
            _local_port(row) == address
            for table in ("/proc/net/udp", "/proc/net/udp6")
            for row in _rows(table)
        )
    return any(fields[7] == str(address) and fields[4] == _DATAGRAMS for fields in _unix_sockets())


def accepts(path: Path) -> bool:
    """Whether somebody accepts connections at this unix socket's path, asked by connecting: the
    kernel lists it where it was first.
    """
    with socket.socket(socket.AF_UNIX) as caller:
        return caller.connect_ex(str(path)) == 0


def connected(path: Path) -> int:
    """How many connections accepted at this unix socket's path are not closed yet."""
    return sum(fields[7] == str(path) and fields[5] == _CONNECTED for fields in _unix_sockets())


def has_ended(pid: int) -> bool:
    """Whether a process that is nobody's child here has ended, waited for or not."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return True
    return status.rpartition(")")[2].split()[0] == "Z"


def _unix_sockets() -> list[list[str]]:
    """The columns of /proc/net/unix, of sockets that have a path."""
    lines = (
        Path("/proc/net/unix").read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    )
    return [fields for fields in (line.split(maxsplit=7) for line in lines[1:]) if len(fields) == 8]


def _listens_on_port(table: str, port: int) -> bool:
    return any(row[3] == _TCP_LISTEN and _local_port(row) == port for row in _rows(table))


def _rows(table: str) -> list[list[str]]:
    return [line.split() for line in Path(table).read_text(encoding="ascii").splitlines()[1:]]


def _local_port(row: list[str]) -> int:
    return int(row[1].rpartition(":")[2], 16)
