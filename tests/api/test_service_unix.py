"""The service on a unix socket."""

from __future__ import annotations

import errno
import gc
import os
import signal
import socket
import stat
from pathlib import Path
from typing import Any

import grpc
from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.api.service import StatsApi
from pipetwist.api.services import V2RAY_SERVICE
from pipetwist.errors import StartError
from tests.support.api_server import (
    RPC_SECONDS,
    Client,
    counted,
    reactor_thread,
    start_api,
    stop_api,
)
from tests.support.programs import run_python
from tests.support.scratch import accepts, scratch_folder, wait_until


class UnixTest(SynchronousTestCase):
    """Listening on a unix socket, with gRPC's real behaviour."""

    def setUp(self) -> None:
        """A path."""
        self.folder = scratch_folder(self)
        # As nobody else has it in the kernel's list.
        self.path = self.folder / f"api-{self.folder.name}.sock"

    def start(self, **options: Any) -> StatsApi:
        """Serve a counter there."""
        return start_api(self, counted({"a": 7}), listen=f"unix:{self.path}", **options)

    def value(self) -> int:
        """Ask for the counter there."""
        value: int = (
            Client(self, f"unix:{self.path}", V2RAY_SERVICE).call("GetStats", name="a").stat.value
        )
        return value

    def test_serves(self) -> None:
        """Calls are answered, the file has the mode 0600, and goes at the stop."""
        api = self.start()
        self.assertEqual(str(api.address), f"unix:{self.path}")
        self.assertEqual(self.value(), 7)
        self.assertEqual(stat.S_IMODE(self.path.lstat().st_mode), 0o600)
        stop_api(self, api)
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_mode(self) -> None:
        """The file has the mode of the options, whatever the umask."""
        self.addCleanup(os.umask, os.umask(0o077))
        self.start(listen_mode=0o666)
        self.assertEqual(stat.S_IMODE(self.path.lstat().st_mode), 0o666)
        self.assertEqual(self.value(), 7)

    def test_live_server(self) -> None:
        """A second API does not take the first one's path, and the first goes on."""
        self.start()
        error = self.assertRaises(StartError, self.start)
        self.assertIn(f"another process listens on {self.path}", str(error))
        self.assertEqual(self.value(), 7)

    def test_after_a_crash(self) -> None:
        """After a crash the next one takes the path over."""
        program = f"""
import os, signal
from tests.support.api_server import start_api
from twisted.trial.unittest import SynchronousTestCase
start_api(SynchronousTestCase(), listen="unix:{self.path}")
os.kill(os.getpid(), signal.SIGKILL)
"""
        self.assertEqual(run_python("-c", program).returncode, -signal.SIGKILL)
        self.assertTrue(self.path.is_socket())
        self.start()
        self.assertEqual(self.value(), 7)

    def test_failure_after_listening(self) -> None:
        """A start that fails when gRPC listens already lets go of the socket."""

        def forbid(*_: object, **__: object) -> None:
            raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

        self.patch(os, "chmod", forbid)
        error = self.assertRaises(StartError, self.start)
        self.assertIn(f"{self.path}: Operation not permitted", str(error))
        self.assertNotIn(self.path.name, Path("/proc/net/unix").read_text(encoding="utf-8"))
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_file_that_stays(self) -> None:
        """A file that can't be removed is reported in the log, and the service stops none the
        less.
        """
        api = self.start()

        def forbid(*_: object, **__: object) -> None:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

        self.patch(os, "rename", forbid)
        with capturedLogs() as events:
            stop_api(self, api)
        self.assertEqual(
            [formatEvent(event) for event in events],
            [f"unix:{self.path} can't be removed: Permission denied"],
        )
        self.assertFalse(accepts(self.path))

    def test_another_s_socket_at_stop(self) -> None:
        """A socket that another server has put there since outlives the stop."""
        first = self.start()
        self.path.unlink()
        self.start()
        stop_api(self, first)
        gc.collect()
        self.assertEqual(self.value(), 7)

    def come_back(self, api: StatsApi) -> list[str | None]:
        """What a reload asks of it, and what it logs then."""
        with capturedLogs() as events:
            reactor_thread(self).call(api.come_back)
        return [formatEvent(event) for event in events]

    def test_removed(self) -> None:
        """If its file was removed it makes that again, with its mode, and who is connected goes on;
        where it was not, nothing happens.
        """
        api = self.start(listen_mode=0o660)
        connected = Client(self, api, V2RAY_SERVICE)
        self.assertEqual(connected.call("GetStats", name="a").stat.value, 7)
        self.assertEqual(self.come_back(api), [])
        self.path.unlink()
        said = f"The StatsService listens on unix:{self.path} again: its file had been removed"
        self.assertEqual(self.come_back(api), [said])
        self.assertEqual(stat.S_IMODE(self.path.lstat().st_mode), 0o660)
        self.assertEqual((self.value(), connected.call("GetStats", name="a").stat.value), (7, 7))
        stop_api(self, api)
        self.assertEqual(self.come_back(api), [])
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_removed_and_taken(self) -> None:
        """If another has its place by then, that is said, and it can come back later."""
        api = self.start()
        self.path.unlink()
        self.path.mkdir()
        (said,) = self.come_back(api)
        self.assertIn(
            f"unix:{self.path}, where the StatsService listens, was removed, and can't be "
            "created again now: ",
            str(said),
        )
        self.assertIn("exists and is not a socket", str(said))
        self.path.rmdir()
        self.assertEqual(len(self.come_back(api)), 1)
        self.assertEqual(self.value(), 7)

    def test_full(self) -> None:
        """Of 150 connections 128 are admitted, which is logged at once; there is no bound of one
        address.
        """
        api = self.start()
        assert api.address is not None
        clients = []
        with capturedLogs() as events:
            for _ in range(150):
                client = socket.socket(socket.AF_UNIX)
                self.addCleanup(client.close)
                client.settimeout(RPC_SECONDS)
                client.connect(str(self.path))
                clients.append(client)
            for client in clients[128:]:
                self.assertEqual(client.recv(1), b"")
        self.assertEqual(
            [formatEvent(event) for event in events],
            ["experimental.v2ray_api: all 128 connections are in use: a new one was closed"],
        )
        clients[0].close()
        wait_until(self._answers, "room for another")

    def _answers(self) -> bool:
        try:
            return self.value() == 7
        except grpc.RpcError:
            return False

    def test_longest_path(self) -> None:
        """A path of 107 bytes, the longest that there is, is served."""
        folder = self.folder / ("d" * (107 - len(str(self.folder)) - 3))
        folder.mkdir()
        self.path = folder / "a"
        self.start()
        self.assertEqual(self.value(), 7)
