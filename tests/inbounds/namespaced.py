"""Listens in a PID namespace of its own, and prints who connects.

``python -m tests.inbounds.namespaced PATH COUNT``: a line for each, with who it is and where it is
seen from.
"""

from __future__ import annotations

import socket
import sys
from pathlib import Path

from pipetwist.connection.client_info import Timeouts
from pipetwist.inbounds.credentials import unix_client_info


def _main(path: str, number: str) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        beside = Path(f"{path}.new")
        listener.bind(str(beside))
        listener.listen()
        beside.rename(path)  # whoever sees it can connect
        kept = []
        for _ in range(int(number)):
            connected, _ = listener.accept()
            kept.append(connected)
            client_info = unix_client_info("in", connected, Timeouts())
            sys.stdout.write(f"{client_info.peer} {client_info.source}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    _main(*sys.argv[1:])
