"""What a process does that reads a configuration for a daemon: the file's path is its argument,
lines on standard output are its answer.
"""

from __future__ import annotations

import json
import os
import sys
from typing import NoReturn

from pipetwist.config import external_kinds
from pipetwist.config.document import Document
from pipetwist.config.reading import read_document
from pipetwist.config.serialization import serialize
from pipetwist.config.users_file import read_users
from pipetwist.errors import ConfigError
from pipetwist.kinds.user_options import UsersFile

__all__ = ["can_start", "command", "main"]

# Neither the current folder nor the script's own is looked through: the daemon may stand in a
# folder that others write to.
_PROGRAM = (
    "import sys; sys.path[:] = sys.argv[4:]; from pipetwist.config.reader_process import main; "
    "main(*sys.argv[1:4])"
)

_DOCUMENT, _USERS = "document", "users"


def can_start() -> bool:
    """Whether this process may start its own Python anew, with its packages.

    It may not where it has become another user, who can't enter root's home, for instance; nor is a
    program that is one file a Python. It would not help where another process can't import the
    kinds that the program has brought along.
    """
    if not sys.executable or getattr(sys, "frozen", False) or not external_kinds.can_be_imported():
        return False
    effective = os.access in os.supports_effective_ids
    needed = ((sys.executable, os.X_OK), (json.__file__, os.R_OK), (__file__, os.R_OK))
    return all(os.access(path, mode, effective_ids=effective) for path, mode in needed)


def command(path: str, *, users: bool = False) -> list[str]:
    """The command that reads a configuration with this process's Python and packages.

    Args:
        path: the file, absolute.
        users: whether it is a file of users.
    """
    return [
        sys.executable,
        "-I",
        "-c",
        _PROGRAM,
        path,
        external_kinds.said(),
        _USERS if users else _DOCUMENT,
        *(folder for folder in sys.path if folder),
    ]


def main(path: str, kinds: str, what: str) -> NoReturn:
    """Read a configuration, say what came of it, and end the process.

    Args:
        path: the file.
        kinds: the kinds that the program has brought along, as `pipetwist.config.external_kinds`
            says them.
        what: whether it is a document or a file of users.
    """
    read: Document | UsersFile | ConfigError
    external_kinds.register_named(kinds)
    try:
        read = read_users(path) if what == _USERS else read_document(path)
    except ConfigError as error:
        read = error
    for line in serialize(read):
        sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
    # To take everything down that was imported would be a fifth of the work, and nobody needs it.
    os._exit(0)
