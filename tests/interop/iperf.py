"""iperf3's UDP test: datagrams at a steady rate, and its word on how many were lost."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import NamedTuple

from twisted.trial.unittest import SynchronousTestCase

from tests.support.peers import need, start_peer
from tests.support.scratch import listens, wait_until

__all__ = ["GREETING", "Run", "run_iperf"]

GREETING = 4
"""Bytes of the datagram by which the client tells the server where it is, and bytes of the answer
to it.
"""

_SECONDS = 2
_DATAGRAM = 1460
_WINDOW = 2 << 20


class Run(NamedTuple):
    """One run.

    Attributes:
        sent: bytes that the sender has sent.
        received: bytes that the receiver has received.
        datagrams: how many the receiver knows to have been sent.
        lost: how many of them it has not received.
    """

    sent: int
    received: int
    datagrams: int
    lost: int


def run_iperf(
    case: SynchronousTestCase, folder: Path, server: int, client: int, *, rate: str, reverse: bool
) -> Run:
    """Send for two seconds.

    Args:
        case: the test, whose clean-up ends the server.
        folder: takes what the server says.
        server: the port on which a server is started.
        client: the port that leads there, for TCP and for UDP.
        rate: bits a second, as iperf3 takes them.
        reverse: whether the server sends.

    Raises:
        AssertionError: iperf3 failed.
    """
    start_peer(
        case,
        [need("iperf3"), "--server", "--one-off", "--bind", "127.0.0.1", "--port", str(server)],
        folder,
    )
    wait_until(lambda: listens(server), "iperf3 to listen")
    command = [
        need("iperf3"),
        "--json",
        "--client",
        "127.0.0.1",
        "--port",
        str(client),
        "--udp",
        *(["--reverse"] if reverse else []),
    ]
    # Its own receive buffer holds a few milliseconds of this where it asks for no more, and what it
    # loses itself is no relay's loss.
    sizes = ["--length", str(_DATAGRAM), "--window", str(_largest_window())]
    said = subprocess.run(
        [*command, *sizes, "--bitrate", rate, "--time", str(_SECONDS)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if said.returncode:
        message = (
            f"iperf3 ended with status {said.returncode} and said:\n{said.stdout}{said.stderr}"
        )
        raise AssertionError(message)
    end = json.loads(said.stdout)["end"]
    return Run(
        end["sum_sent"]["bytes"],
        end["sum_received"]["bytes"],
        end["sum"]["packets"],
        end["sum"]["lost_packets"],
    )


def _largest_window() -> int:
    return min(
        _WINDOW,
        *(
            int(Path(f"/proc/sys/net/core/{name}").read_text(encoding="ascii"))
            for name in ("rmem_max", "wmem_max")
        ),
    )
