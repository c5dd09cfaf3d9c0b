"""Ten gigabytes through one connection whose reader is slow."""

from __future__ import annotations

import fcntl
import os
import socket
import sys
import termios
import threading
import time

from twisted.trial.unittest import SynchronousTestCase

from tests.support.scratch import scratch_folder, wait_until
from tests.support.watched_daemon import Watched

_AMOUNT = 10 << 30
_PIECE = 1 << 24
_STALLS = 20
_LOOKS = 3
_MAX_MORE = 1 << 20


class MemoryTest(SynchronousTestCase):
    """The daemon's memory."""

    timeout = 300

    def test_ten_gigabytes(self) -> None:
        """While ten gigabytes pass, with a reader that stalls now and then, the daemon's memory
        grows by less than one megabyte.
        """
        folder = scratch_folder(self)
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(str(folder / "out.sock"))
            listening.listen()
            daemon = Watched(
                self,
                folder,
                {
                    "inbounds": [{"type": "unix", "tag": "in", "path": "in.sock"}],
                    "outbounds": [{"type": "unix", "tag": "out", "path": "out.sock"}],
                    "transfer": "kernel",
                },
            )
            client = socket.socket(socket.AF_UNIX)
            self.addCleanup(client.close)
            client.connect(str(folder / "in.sock"))
            server = listening.accept()[0]
            self.addCleanup(server.close)
        sender, reader = _Sender(client), _Reader(server)
        self.addCleanup(sender.join, 20)
        self.addCleanup(client.close)
        self.addCleanup(reader.close)
        sender.start()
        # What all of it goes through is there after the first hundred megabytes.
        reader.read(100 << 20)
        daemon.forget_peak()
        before, began = daemon.memory("VmRSS"), time.monotonic()
        for stall in range(1, _STALLS + 1):
            reader.read(_AMOUNT // (_STALLS + 1) * stall)
            wait_until(sender.stands_still, "the sender to be stopped")
        reader.read(_AMOUNT)
        seconds = time.monotonic() - began
        most = daemon.memory("VmHWM")
        print(  # noqa: T201 - the figure is what the test is for
            f"\n    ten gigabytes in {seconds:.1f} s: {before / 2**20:.1f} MiB before, "
            f"{most / 2**20:.1f} at most ",
            end="",
        )
        sender.join(60)
        self.assertEqual((sender.sent, reader.came), (_AMOUNT, _AMOUNT))
        self.assertLess(most - before, _MAX_MORE)


class _Sender(threading.Thread):
    """Sends zeros without copying them: what is measured is not how fast zeros are made.

    Args:
        connected: where to.
    """

    def __init__(self, connected: socket.socket) -> None:
        super().__init__(daemon=True)
        self._socket = connected
        self.sent = 0
        self._looks: list[tuple[int, int]] = []

    def run(self) -> None:
        """Send all of it."""
        zeros = os.memfd_create("zeros")
        os.truncate(zeros, _PIECE)
        try:
            while self.sent < _AMOUNT:
                self.sent += os.sendfile(
                    self._socket.fileno(), zeros, 0, min(_PIECE, _AMOUNT - self.sent)
                )
        except OSError:  # the test has failed, and has closed the socket
            return
        finally:
            os.close(zeros)

    def stands_still(self) -> bool:
        """Whether what waits in its socket was the same for the last looks."""
        waiting = int.from_bytes(
            fcntl.ioctl(self._socket, termios.TIOCOUTQ, bytes(4)), sys.byteorder
        )
        self._looks = [*self._looks, (self.sent, waiting)][-_LOOKS:]
        return len(self._looks) == _LOOKS and len(set(self._looks)) == 1 and waiting > 0


class _Reader:
    """Reads, and forgets what it reads.

    Args:
        connected: where from.
    """

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self._pipe = os.pipe()
        self._nowhere = os.open("/dev/null", os.O_WRONLY)
        self.came = 0

    def read(self, until: int) -> None:
        """Read until so much has come in all."""
        reading, writing = self._pipe
        while self.came < until:
            count = os.splice(self._socket.fileno(), writing, min(1 << 20, until - self.came))
            if not count:
                message = f"the end came after {self.came} bytes"
                raise AssertionError(message)
            self.came += count
            while count:
                count -= os.splice(reading, self._nowhere, count)

    def close(self) -> None:
        """Give everything back."""
        for descriptor in (*self._pipe, self._nowhere):
            os.close(descriptor)
