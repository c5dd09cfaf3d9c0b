"""Plug-ins of the contract SIP003 that misbehave, each a program."""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path

__all__ = ["BAD_PLUGINS", "write_plugins"]

_LISTEN = """
    server = socket.create_server((os.environ["SS_LOCAL_HOST"], int(os.environ["SS_LOCAL_PORT"])))
"""
# A relay to the far end, one thread for each direction.
_CARRY = (
    _LISTEN
    + """
    def move(one, other):
        try:
            while data := one.recv(65536):
                other.sendall(data)
        except OSError:
            pass
        other.close()

    def carry():
        while True:
            near, _ = server.accept()
            far = socket.create_connection(
                (os.environ["SS_REMOTE_HOST"], int(os.environ["SS_REMOTE_PORT"]))
            )
            for pair in ((near, far), (far, near)):
                threading.Thread(target=move, args=pair, daemon=True).start()
"""
)

BAD_PLUGINS = {
    "good": _CARRY + "\n    carry()\n",
    "never-ready": "\n    time.sleep(600)\n",
    "garbage": """
    print("no such option: obfs", file=sys.stderr)
    sys.exit(3)
""",
    "dies": _LISTEN + "\n    time.sleep(0.1)\n    sys.exit(7)\n",
    "deaf": """
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
"""
    + _CARRY
    + "\n    carry()\n",
    "parent": """
    for deaf in ("", "trap '' TERM; "):
        subprocess.Popen(["sh", "-c", deaf + "sleep 600 & sleep 600"])
"""
    + _CARRY
    + "\n    carry()\n",
    "elsewhere": """
    server = socket.create_server(("127.0.0.1", 0))
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
    "talks": """
    sys.stdout.write("x" * 10_000_000 + "\\n")
    sys.stderr.write("y" * 10_000_000 + "\\n")
    sys.stdout.flush()
"""
    + _CARRY
    + "\n    carry()\n",
}
"""Their programs, by their names. ``good`` is how all of them would be if they were good."""


def write_plugins(folder: Path) -> None:
    """Write them to a folder."""
    for name, program in BAD_PLUGINS.items():
        path = folder / name
        path.write_text(
            f"#!{sys.executable} -S\nimport os, signal, socket, subprocess, sys, threading, time\n"
            + textwrap.dedent(program)
        )
        path.chmod(0o755)
