"""What clients of a pluggable transport need, in a file beside the transport's keys."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping
from pathlib import Path

from pipetwist.files import open_regular

__all__ = ["client_line", "read_client_line", "write_client_line"]

_MODE = 0o600
_MAX_BYTES = 1 << 16


def client_line(kind: str, transport: str, arguments: Mapping[str, str], port: int) -> str:
    """A part of a client's configuration.

    Args:
        kind: the type of the outbound that clients need.
        transport: the transport's name.
        arguments: what clients need.
        port: the port that it listens on.
    """
    line = {
        "type": kind,
        "transport": transport,
        "arguments": dict(arguments),
        "server_port": port,
    }
    return json.dumps(line)


def write_client_line(folder: str, transport: str, line: str) -> None:
    """Write it, in any thread. The transport's user may write in the folder, too.

    Args:
        folder: the folder of the transport's state.
        transport: the transport's name.
        line: what to write.

    Raises:
        OSError: it can't be written.
    """
    name = _name(transport)
    new = f"{name}.new"
    opened = _open(folder)
    try:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(new, dir_fd=opened)  # of a daemon that was killed
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        file = os.open(new, flags, _MODE, dir_fd=opened)
        try:
            os.write(file, f"{line}\n".encode())
        finally:
            os.close(file)
        os.replace(new, name, src_dir_fd=opened, dst_dir_fd=opened)
    finally:
        os.close(opened)


def read_client_line(folder: str, transport: str) -> str | None:
    """Read it. The transport's user may have put something else there.

    Args:
        folder: the folder of the transport's state.
        transport: the transport's name.

    Returns:
        The line; None if there is none yet.

    Raises:
        OSError: it can't be read.
    """
    try:
        with open_regular(f"{folder}/{_name(transport)}", os.O_NOFOLLOW) as file:
            return file.read(_MAX_BYTES).decode("utf-8", "backslashreplace").strip()
    except FileNotFoundError:
        return None


def _open(folder: str) -> int:
    try:
        return os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except NotADirectoryError as error:  # open(2): of both flags together
        if not Path(folder).is_symlink():
            raise
        message = "state_path is a symbolic link; write the folder that it leads to"
        raise OSError(error.errno, message) from error


def _name(transport: str) -> str:
    return f"pipetwist-client-{transport}.json"
