"""A program: pluggable transports of a server that pass bytes on as they are. Run with ``plain``
it knows only the plain ORPort, with ``extended`` only the Extended ORPort. There it says that each
client has come by the transport that the variable SAYS names, where it is set.
"""

from __future__ import annotations

import contextlib
import hmac
import os
import socket
import sys
import threading
from hashlib import sha256
from pathlib import Path

_OURS = b"o" * 32
_WORDS = b"ExtORPort authentication %s hash"


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    return host, int(port)


def _take(orport: socket.socket, size: int) -> bytes:
    return orport.recv(size, socket.MSG_WAITALL)


def _command(number: int, body: bytes = b"") -> bytes:
    return number.to_bytes(2, "big") + len(body).to_bytes(2, "big") + body


def _extended(transport: str, client: tuple[str, int]) -> socket.socket:
    """Connect, and say whose client it is (ext-orport-spec)."""
    cookie = Path(os.environ["TOR_PT_AUTH_COOKIE_FILE"]).read_bytes()[-32:]
    orport = socket.create_connection(_address(os.environ["TOR_PT_EXTENDED_SERVER_PORT"]))
    _take(orport, 2)
    orport.sendall(b"\1" + _OURS)
    nonce = _take(orport, 64)[32:]
    orport.sendall(hmac.digest(cookie, _WORDS % b"client-to-server" + _OURS + nonce, sha256))
    _take(orport, 1)
    address = f"{client[0]}:{client[1]}".encode()
    said = os.environ.get("SAYS", transport).encode()
    orport.sendall(_command(1, address) + _command(2, said) + _command(0))
    _take(orport, 4)
    return orport


def _move(one: socket.socket, other: socket.socket) -> None:
    try:
        while data := one.recv(1 << 16):
            other.sendall(data)
    except OSError:
        return
    finally:
        # What another thread reads is not closed by a close.
        for each in (one, other):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)


def _serve(transport: str, server: socket.socket, *, extended: bool) -> None:
    while True:
        near, client = server.accept()
        if extended:
            far = _extended(transport, client)
        else:
            far = socket.create_connection(_address(os.environ["TOR_PT_ORPORT"]))
        for pair in ((near, far), (far, near)):
            threading.Thread(target=_move, args=pair, daemon=True).start()


def _say(*words: str) -> None:
    sys.stdout.write(" ".join(words) + "\n")
    sys.stdout.flush()


def _main(kind: str) -> None:
    needed = {"plain": "TOR_PT_ORPORT", "extended": "TOR_PT_EXTENDED_SERVER_PORT"}[kind]
    _say("VERSION", "1")
    if needed not in os.environ:
        _say("ENV-ERROR", "no", needed)
        return
    options = os.environ.get("TOR_PT_SERVER_TRANSPORT_OPTIONS", "")
    for bound in os.environ["TOR_PT_SERVER_BINDADDR"].split(","):
        transport, _, address = bound.partition("-")
        server = socket.create_server(_address(address))
        serving = threading.Thread(
            target=_serve,
            args=(transport, server),
            kwargs={"extended": kind == "extended"},
            daemon=True,
        )
        serving.start()
        own = [
            option.partition(":")[2]
            for option in options.split(";")
            if option.startswith(f"{transport}:")
        ]
        _say("SMETHOD", transport, address, *([f"ARGS:{','.join(own)}"] if own else []))
    _say("SMETHODS", "DONE")
    sys.stdin.read()


if __name__ == "__main__":
    _main(sys.argv[1])
