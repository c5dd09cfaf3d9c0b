"""twistd on a machine whose DNS never answers for one name, and knows another.

``python -m tests.interop.deaf_dns`` takes twistd's options.
"""

from __future__ import annotations

import os
import socket
import sys
import threading
from typing import Any

__all__ = ["ALIVE", "ASKED", "DEAD", "main"]

DEAD = "dead.example"
"""The name that there is never an answer for."""
ASKED = f"somebody asks for {DEAD}"
"""What is said when it is asked for."""
ALIVE = "alive.example"
"""The name that is found at once, at 127.0.0.1."""

_find = socket.getaddrinfo
_bind_to = socket.socket.bind


def _bind(one: socket.socket, address: Any) -> None:
    if isinstance(address, tuple) and address[0] == DEAD:
        _getaddrinfo(DEAD)
    _bind_to(one, address)


def _getaddrinfo(host: Any, *arguments: Any, **more: Any) -> Any:
    if host == DEAD:
        os.write(2, f"{ASKED}\n".encode())
        threading.Event().wait()
    return _find("127.0.0.1" if host == ALIVE else host, *arguments, **more)


def main() -> None:
    """Be twistd. Nothing that looks names up may have been imported before."""
    socket.getaddrinfo = _getaddrinfo
    socket.socket.bind = _bind  # type: ignore[method-assign, assignment]  # the system would look a name up itself
    from twisted.scripts.twistd import run

    sys.argv[0] = "twistd"
    run()


if __name__ == "__main__":
    main()
