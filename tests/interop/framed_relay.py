"""A command that carries datagrams: those framed on its standard input go to a UDP server, whose
answers go to its standard output, framed.

``python framed_relay.py HOST PORT``. It uses nothing of pipetwist's, so that both are held to RFC
4571.
"""

from __future__ import annotations

import os
import select
import socket
import struct
import sys

__all__ = ["main"]

_LENGTH = struct.Struct("!H")


def main(host: str, port: int) -> None:
    """Carry until standard input ends."""
    server = socket.socket(type=socket.SOCK_DGRAM)
    server.connect((host, port))
    read = b""
    while True:
        ready, _, _ = select.select([0, server.fileno()], [], [])
        if server.fileno() in ready:
            answer = server.recv(65536)
            _write(_LENGTH.pack(len(answer)) + answer)
        if 0 in ready:
            piece = os.read(0, 65536)
            if not piece:
                return
            read += piece
            while (
                len(read) >= _LENGTH.size
                and len(read) >= _LENGTH.size + _LENGTH.unpack_from(read)[0]
            ):
                end = _LENGTH.size + _LENGTH.unpack_from(read)[0]
                server.send(read[_LENGTH.size : end])
                read = read[end:]


def _write(data: bytes) -> None:
    while data:
        data = data[os.write(1, data) :]


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
