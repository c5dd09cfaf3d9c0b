"""Datagrams to the service manager."""

from __future__ import annotations

import contextlib
import os
import resource
import socket
from pathlib import Path

from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.systemd.notifier import Notifier
from tests.support.scratch import scratch_folder


class NotifierTest(SynchronousTestCase):
    """What arrives."""

    def bind(self, address: str) -> socket.socket:
        """A service manager's socket."""
        manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(manager.close)
        manager.bind(address)
        manager.setblocking(False)
        return manager

    def test_addresses(self) -> None:
        """A datagram of lines goes to a path or to an abstract name."""
        path = str(scratch_folder(self) / "notify")
        for written, address in (
            (path, path),
            (f"@pipetwist-{os.getpid()}", f"\0pipetwist-{os.getpid()}"),
        ):
            manager = self.bind(address)
            notifier = Notifier(written)
            self.assertTrue(notifier.is_heard)
            notifier.send("READY=1", "STATUS=well\nREADY=0")
            self.assertEqual(manager.recv(1000), b"READY=1\nSTATUS=well READY=0")

    def test_nobody(self) -> None:
        """Without an address nothing is sent."""
        notifier = Notifier(None)
        notifier.send("READY=1")
        self.assertFalse(notifier.is_heard)

    def test_gone(self) -> None:
        """If nothing listens at the address, that is logged, once each time; a receiver that comes
        later gets the next report.
        """
        path = str(scratch_folder(self) / "notify")
        notifier = Notifier(path)
        for _ in range(2):
            with capturedLogs() as events:
                notifier.send("READY=1")
                notifier.send("WATCHDOG=1")
            (event,) = events
            self.assertTrue(
                formatEvent(event).endswith("/notify (NOTIFY_SOCKET): No such file or directory"),
                formatEvent(event),
            )
            manager = self.bind(path)
            notifier.send("WATCHDOG=1")
            self.assertEqual(manager.recv(1000), b"WATCHDOG=1")
            Path(path).unlink()

    def test_no_descriptors(self) -> None:
        """The daemon reports that it is alive even while it can't open anything any more, without
        an error.
        """
        path = str(scratch_folder(self) / "notify")
        manager = self.bind(path)
        notifier = Notifier(path)
        self.addCleanup(notifier.close)
        notifier.send("READY=1")
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
        try:
            with capturedLogs() as events:
                notifier.send("WATCHDOG=1")
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        self.assertEqual(
            (manager.recv(1000), manager.recv(1000), events), (b"READY=1", b"WATCHDOG=1", [])
        )

    def test_closed(self) -> None:
        """After its end it says nothing, and nobody hears."""
        path = str(scratch_folder(self) / "notify")
        manager = self.bind(path)
        notifier = Notifier(path)
        notifier.send("READY=1")
        for _ in range(2):
            notifier.close()
        notifier.send("READY=1")
        self.assertFalse(notifier.is_heard)
        self.assertEqual(manager.recv(1000), b"READY=1")
        self.assertRaises(BlockingIOError, manager.recv, 1000)

    def test_crowded(self) -> None:
        """A manager that does not read delays nothing, and gets the next report when it reads
        again.
        """
        path = str(scratch_folder(self) / "notify")
        manager = self.bind(path)
        notifier = Notifier(path)
        for number in range(10_000):
            notifier.send(f"STATUS={number}")
        with contextlib.suppress(BlockingIOError):
            while manager.recv(1000):
                pass
        notifier.send("READY=1")
        self.assertEqual(manager.recv(1000), b"READY=1")
