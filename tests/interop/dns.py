"""A DNS server on loopback whose answers are known beforehand, and dig, which asks it and says how
many bytes went each way.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import NamedTuple

from twisted.trial.unittest import SynchronousTestCase

from tests.support.peers import need, start_peer
from tests.support.scratch import free_datagram_port, listens, receives, wait_until

__all__ = ["ADDRESS", "NAME", "TEXTS", "Answer", "dig", "start_dns"]

NAME = "host.pipetwist.test"
ADDRESS = "192.0.2.7"
"""What `NAME` resolves to."""
TEXTS = [f"{number:02}-{'x' * 200}" for number in range(16)]
"""The texts of `NAME`, more than an answer without EDNS holds."""

_ROOM = 4096


class Answer(NamedTuple):
    """What dig has been told.

    Attributes:
        records: the answer section's values, in order.
        uplink: bytes of the query.
        downlink: bytes of the answer.
    """

    records: list[str]
    uplink: int
    downlink: int


def start_dns(case: SynchronousTestCase, folder: Path) -> int:
    """Start dnsmasq, and wait until it answers; the test's clean-up ends it.

    Returns:
        Its port, for UDP and for TCP.
    """
    port = free_datagram_port(case)
    start_peer(
        case,
        [
            need("dnsmasq"),
            "--conf-file=/dev/null",
            "--keep-in-foreground",
            "--log-facility=-",
            "--pid-file=",
            "--user=",
            "--no-hosts",
            "--no-resolv",
            "--bind-interfaces",
            "--listen-address=127.0.0.1",
            f"--port={port}",
            f"--edns-packet-max={_ROOM}",
            f"--host-record={NAME},{ADDRESS}",
            *(f"--txt-record={NAME},{text}" for text in TEXTS),
        ],
        folder,
    )
    wait_until(lambda: receives(port) and listens(port), "dnsmasq to listen")
    return port


def dig(port: int, kind: str = "A", *options: str) -> Answer:
    """Ask for the records of `NAME`, once.

    Raises:
        AssertionError: there was no answer, or none that is whole.
    """
    said = subprocess.run(
        [
            need("dig"),
            "@127.0.0.1",
            "-p",
            str(port),
            "+tries=1",
            "+time=15",
            f"+bufsize={_ROOM}",
            "+ignore",
            "+qr",
            *options,
            NAME,
            kind,
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    sizes = [
        re.search(rf"{what}: (\d+)", said.stdout) for what in ("QUERY SIZE", r"MSG SIZE\s+rcvd")
    ]
    whole = re.search(r"flags:(?: \w+)*\btc\b", said.stdout) is None
    if said.returncode or not whole or sizes[0] is None or sizes[1] is None:
        message = f"dig ended with status {said.returncode} and said:\n{said.stdout}{said.stderr}"
        raise AssertionError(message)
    records = re.findall(
        rf"^{re.escape(NAME)}\.\s+\d+\s+IN\s+{kind}\s+(.+)$", said.stdout, re.MULTILINE
    )
    return Answer([record.strip('"') for record in records], int(sizes[0][1]), int(sizes[1][1]))
