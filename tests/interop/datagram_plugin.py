"""A plug-in of the contract SIP003u, as a program: it carries streams, datagrams or both to another
one of its kind, and each end turns every byte into another and back.
"""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path

__all__ = ["write_datagram_plugin"]

_PROGRAM = """
    options = os.environ["SS_PLUGIN_OPTIONS"].split(";")
    ends = [
        (os.environ[f"SS_{end}_HOST"], int(os.environ[f"SS_{end}_PORT"]))
        for end in ("LOCAL", "REMOTE")
    ]
    here, there = reversed(ends) if "server" in options else ends
    other = bytes(byte ^ 0x5A for byte in range(256))

    def move(one, two):
        try:
            while data := one.recv(65536):
                two.sendall(data.translate(other))
        except OSError:
            pass
        two.close()

    def streams():
        server = socket.create_server(here)
        while True:
            near, _ = server.accept()
            far = socket.create_connection(there)
            for pair in ((near, far), (far, near)):
                threading.Thread(target=move, args=pair, daemon=True).start()

    def datagrams():
        ours = socket.socket(type=socket.SOCK_DGRAM)
        ours.bind(here)
        outward = {}
        watched = selectors.DefaultSelector()
        watched.register(ours, selectors.EVENT_READ)
        while True:
            for key, _ in watched.select():
                try:
                    if key.fileobj is not ours:
                        ours.sendto(key.fileobj.recv(65536).translate(other), key.data)
                        continue
                    data, source = ours.recvfrom(65536)
                    if source not in outward:
                        outward[source] = socket.socket(type=socket.SOCK_DGRAM)
                        outward[source].connect(there)
                        watched.register(outward[source], selectors.EVENT_READ, source)
                    outward[source].send(data.translate(other))
                except ConnectionRefusedError:
                    pass

    both = [call for name, call in (("tcp", streams), ("udp", datagrams)) if name in options]
    for call in both[1:]:
        threading.Thread(target=call, daemon=True).start()
    both[0]()
"""


def write_datagram_plugin(folder: Path) -> str:
    """Write it to a folder.

    Its options are ``tcp`` and ``udp``, for what it carries, and ``server`` at that end.

    Returns:
        Its path.
    """
    path = folder / "two-ways"
    imports = "import os, selectors, socket, threading\n"
    path.write_text(f"#!{sys.executable} -S\n{imports}{textwrap.dedent(_PROGRAM)}")
    path.chmod(0o755)
    return str(path)
