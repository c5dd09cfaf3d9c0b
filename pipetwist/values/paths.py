"""Paths of files and of unix sockets. A relative one is relative to the configuration's folder,
since twistd changes its directory.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated

from pipetwist.values.checked import Checked
from pipetwist.values.quoting import quote

__all__ = ["FilePath", "UnixPath", "is_abstract", "parse_path", "parse_unix_path", "unix_sockaddr"]

# sockaddr_un.sun_path, unix(7). A path needs a byte for the NUL that ends it, an abstract name
# begins with one.
_SUN_PATH = 108
# What stands before a path in the addresses of gRPC, Twisted and others.
_ADDRESS = "unix:"
# A file mode after a path, as Xray and others write it, and as an option of socat's.
_MODE_BEHIND = re.compile(r"(.+?)(?:,(?:mode=)?(?=0?[0-7]{3}\Z)|:(?=0[0-7]{3}\Z))(.+)", re.DOTALL)
_HOME = re.compile(r"~[\w.-]*(/|\Z)")
_VARIABLE = re.compile(r"\$\{\w+\}")


def parse_path(raw: object, folder: Path) -> str:
    """Make a path absolute. A ``..`` is kept, since the part before it may be a symbolic link.

    Raises:
        ValueError: it is not a text, is empty, contains a NUL, or something that shells replace.
    """
    if not isinstance(raw, str) or not raw or "\0" in raw:
        message = (
            f"{quote(raw)} is not a path; write a text of at least one character, without a NUL "
            "in it"
        )
        raise ValueError(message)
    fault = _of_a_shell(raw)
    if fault is not None:
        raise ValueError(fault)
    return str(folder / raw)


def _of_a_shell(path: str) -> str | None:
    """What a shell would replace in a path, for people; None if there is nothing."""
    if _HOME.match(path):
        return (
            f"{quote(path)} begins with a home directory as shells write it, which is not replaced "
            f"here; write the whole path, or {quote(f'./{path}')} for a file of that name"
        )
    variable = _VARIABLE.search(path)
    if variable is not None:
        return (
            f"{quote(path)} has {variable[0]} in it, and variables are not replaced here; write "
            "the whole path"
        )
    return None


def parse_unix_path(raw: object, folder: Path) -> str:
    """Make a unix socket's path absolute; abstract names, written ``@name`` or ``@@name``, are
    kept.

    Raises:
        ValueError: it is not a path, or is an address that contains one, or is longer than the
            kernel allows.
    """
    if isinstance(raw, str) and raw.startswith(_ADDRESS):
        path = raw.removeprefix(_ADDRESS) or "/run/in.sock"
        message = (
            f"{quote(raw)} is an address; write the path alone, {quote(path)}, or "
            f"{quote(f'./{raw}')} for a file of that name"
        )
        raise ValueError(message)
    behind = _MODE_BEHIND.fullmatch(raw) if isinstance(raw, str) else None
    if behind is not None:
        message = (
            f"{quote(raw)} is a path with a file mode behind it; write the path alone, "
            f'{quote(behind[1])}, and of an inbound "mode": {quote(behind[2])}'
        )
        raise ValueError(message)
    if isinstance(raw, str) and raw.startswith("@"):
        if not raw.lstrip("@") or "\0" in raw:
            message = (
                f'{quote(raw)} is not an abstract name; write "@name", or "@@name" for the padded '
                "form"
            )
            raise ValueError(message)
        path = raw
    else:
        path = parse_path(raw, folder)
    size = len(os.fsencode(path)) - path.startswith("@@")
    limit = _SUN_PATH if is_abstract(path) else _SUN_PATH - 1
    if size > limit:
        message = (
            f"the path {quote(path)} is {size} bytes long; a unix socket's path may have {limit}, "
            "so choose a shorter one"
        )
        raise ValueError(message)
    return path


def is_abstract(path: str) -> bool:
    """Whether a unix socket's path names no file (Linux's abstract namespace, unix(7))."""
    return path.startswith("@")


def unix_sockaddr(path: str) -> bytes:
    """The kernel's address for a path as it is written.

    ``@@name`` is padded with NUL bytes to 108, as V2Ray's domain socket transport does with its key
    ``padding``.
    """
    if path.startswith("@@"):
        return (b"\0" + os.fsencode(path[2:])).ljust(_SUN_PATH, b"\0")
    if path.startswith("@"):
        return b"\0" + os.fsencode(path[1:])
    return os.fsencode(path)


FilePath = Annotated[str, Checked(parse_path, {"type": "string", "minLength": 1})]
UnixPath = Annotated[
    str,
    Checked(
        parse_unix_path,
        {
            "type": "string",
            "minLength": 1,
            "pattern": f"^(?!{_ADDRESS})",
            "examples": ["/run/in.sock", "@name", "@@name"],
        },
    ),
]
