"""What commands get of the daemon, and what the daemon ends of them: seen from outside, with a daemon of its own."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.interop.daemon import TWIST, TWISTD, start_daemon
from tests.interop.scratch import scratch_folder

__all__ = ["DescriptorsTest"]

_RUNNERS = ((*TWISTD, "-n", "--pidfile="), TWIST)


def configuration(script: str, *ways: Mapping[str, object]) -> dict[str, Any]:
    """A command of the shell's behind an inbound for each way to start it."""
    tags = [str(number) for number, _ in enumerate(ways)]
    return {
        "inbounds": [{"type": "unix", "tag": tag, "path": f"{tag}.sock"} for tag in tags],
        "outbounds": [{"type": "fork", "tag": tag, "command": ["sh", "-c", script], **way} for tag, way in zip(tags, ways, strict=True)],
        "route": {"rules": [{"inbound": [tag], "outbound": tag} for tag in tags]},
    }


def ask(folder: Path, number: int = 0) -> str:
    """Connect the inbound of this way, and take all that the command says."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(20)
        client.connect(str(folder / f"{number}.sock"))
        client.shutdown(socket.SHUT_WR)
        said = b""
        while data := client.recv(4096):
            said += data
    return said.decode()


class DescriptorsTest(SynchronousTestCase):
    """What a command has open."""

    def test_inherited(self) -> None:
        """A command has standard input, output and error, and nothing that the daemon has from its own parent, however it is started."""
        folder = scratch_folder(self)
        inherited = os.open(folder / "lock", os.O_CREAT | os.O_RDWR)
        self.addCleanup(os.close, inherited)
        script = f"for number in 0 1 2 {inherited}; do [ -e /proc/$$/fd/$number ] && echo $number; done"
        ways: tuple[dict[str, object], ...] = ({}, {"transfer": "stream"}, {"prefork": 1}, {"cwd": str(folder)})
        for runner in _RUNNERS:
            daemon = start_daemon(self, configuration(script, *ways), command=runner, pass_fds=(inherited,))
            self.assertEqual([ask(daemon.folder, number) for number, _ in enumerate(ways)], ["0\n1\n2\n"] * len(ways))
            daemon.stop()
