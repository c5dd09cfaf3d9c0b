"""A unix socket's path in a folder of the test's own."""

from __future__ import annotations

import socket
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from pipetwist.errors import StartError
from pipetwist.network.unix_socket import UnixListeningSocket
from pipetwist.values import unix_sockaddr
from tests.support.scratch import scratch_folder

__all__ = ["SocketTestCase"]


class SocketTestCase(SynchronousTestCase):
    """A path in a folder of the test's own."""

    def setUp(self) -> None:
        """Choose the path."""
        self.folder = scratch_folder(self)
        self.path = str(self.folder / "in.sock")

    def listen(
        self, mode: int = 0o600, path: str | None = None, **owners: Any
    ) -> UnixListeningSocket:
        """Listen; the test's clean-up closes it."""
        listening = UnixListeningSocket("inbound in", path or self.path, mode, **owners)
        self.addCleanup(listening.close)
        return listening

    def refusal(self, **arguments: Any) -> str:
        """What is said where it can't listen."""
        return str(self.assertRaises(StartError, self.listen, **arguments))

    def connects(self, path: str | None = None) -> bool:
        """Whether somebody listens at the path."""
        with socket.socket(socket.AF_UNIX) as client:
            return client.connect_ex(unix_sockaddr(path or self.path)) == 0

    def crash(self) -> None:
        """Leave a socket's file behind, as a process that was killed does."""
        with socket.socket(socket.AF_UNIX) as left:
            left.bind(self.path)
            left.listen()
