"""Plug-ins that misbehave, each a program: of the contract SIP003, and of Tor's pluggable
transports.
"""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Mapping
from pathlib import Path

__all__ = ["PLUGINS", "TRANSPORTS", "write_programs"]

# Each of the two listens, and says so where its contract has words for it.
_LISTEN = """
    server = socket.create_server((os.environ["SS_LOCAL_HOST"], int(os.environ["SS_LOCAL_PORT"])))

    def target(near):
        return os.environ["SS_REMOTE_HOST"], int(os.environ["SS_REMOTE_PORT"])

    def connected(near):
        pass
"""
# A SOCKS proxy (RFC 1928) for clients that offer no authentication.
_SAY = """
    server = socket.create_server(("127.0.0.1", 0))
    print("VERSION 1")
    print("CMETHOD obfs4 socks5 127.0.0.1:%d" % server.getsockname()[1])
    print("CMETHODS DONE", flush=True)

    def target(near):
        near.recv(3, socket.MSG_WAITALL)
        near.sendall(b"\\5\\0")
        request = near.recv(10, socket.MSG_WAITALL)
        return socket.inet_ntoa(request[4:8]), int.from_bytes(request[8:], "big")

    def connected(near):
        near.sendall(b"\\5\\0\\0\\1\\0\\0\\0\\0\\0\\0")
"""
_END_WITH_INPUT = """
    threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
"""
# A relay to the far end, one thread for each direction.
_CARRY = """
    def move(one, other):
        try:
            while data := one.recv(65536):
                other.sendall(data)
        except OSError:
            pass
        other.close()

    while True:
        near, _ = server.accept()
        far = socket.create_connection(target(near))
        connected(near)
        for pair in ((near, far), (far, near)):
            threading.Thread(target=move, args=pair, daemon=True).start()
"""


def _programs(listen: str, end: str = "") -> dict[str, str]:
    """Those of either contract.

    Args:
        listen: how it listens.
        end: how it ends, where it is asked to in another way than by SIGTERM.
    """
    return {
        "good": end + listen + _CARRY,
        "never-ready": "\n    time.sleep(600)\n",
        "garbage": """
    print("no such option: obfs", file=sys.stderr)
    sys.exit(3)
""",
        "dies": listen + "\n    time.sleep(0.1)\n    sys.exit(7)\n",
        "deaf": "\n    signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + listen + _CARRY,
        "parent": """
    for deaf in ("", "trap '' TERM; "):
        subprocess.Popen(["sh", "-c", deaf + "sleep 600 & sleep 600"])
"""
        + end
        + listen
        + _CARRY,
        "talks": end
        + listen
        + """
    sys.stdout.write("x" * 10_000_000 + "\\n")
    sys.stderr.write("y" * 10_000_000 + "\\n")
    sys.stdout.flush()
"""
        + _CARRY,
    }


PLUGINS = {
    **_programs(_LISTEN),
    "elsewhere": """
    server = socket.create_server(("127.0.0.1", 0))
    time.sleep(600)
""",
}
"""Those of SIP003, by their names. ``good`` is how all of them would be if they were good."""

TRANSPORTS = {
    **_programs(_SAY, _END_WITH_INPUT),
    "elsewhere": """
    print("VERSION 1", flush=True)
    time.sleep(600)
""",
    "nonsense": """
    sys.stdout.buffer.write(os.urandom(1000) + b"\\nCMETHOD\\nCMETHOD obfs4\\n")
    sys.stdout.flush()
    time.sleep(600)
""",
    "long-line": """
    print("VERSION 1")
    sys.stdout.write("x" * 10_000_000)
    time.sleep(600)
""",
    "liar": """
    print("VERSION 1")
    print("CMETHOD obfs4 socks5 127.0.0.1:" + sys.argv[1])
    print("CMETHODS DONE", flush=True)
    sys.stdin.read()
""",
}
"""Those of clients' transports, each of ``obfs4`` in name."""


def write_programs(folder: Path, programs: Mapping[str, str]) -> None:
    """Write some of them to a folder."""
    for name, program in programs.items():
        path = folder / name
        path.write_text(
            f"#!{sys.executable} -S\nimport os, signal, socket, subprocess, sys, threading, time\n"
            + textwrap.dedent(program)
        )
        path.chmod(0o755)
