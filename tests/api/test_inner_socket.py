"""The socket between the frontend and gRPC."""

from __future__ import annotations

import contextlib
import socket
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.api import inner_socket
from pipetwist.api.inner_socket import InnerSocket
from pipetwist.api.services import V2RAY_SERVICE
from pipetwist.errors import StartError
from pipetwist.safe_files.held import HeldFile
from tests.support.api_server import Client, counted, start_api, stop_api
from tests.support.scratch import scratch_folder


class InnerSocketTest(SynchronousTestCase):
    """Made in a folder of temporary files."""

    def setUp(self) -> None:
        """The folder is the test's."""
        self.folder = scratch_folder(self)
        self.patch(tempfile, "tempdir", str(self.folder))

    def bind(self, address: str) -> int:
        """What gRPC's server does with an address."""
        self.listening = socket.socket(socket.AF_UNIX)
        self.addCleanup(self.listening.close)
        self.listening.bind(unquote(address.removeprefix("unix:")))
        self.listening.listen()
        (room,) = self.folder.iterdir()
        self.assertEqual(room.stat().st_mode & 0o777, 0o700)
        return 1

    def reach(self, inner: InnerSocket) -> None:
        """Connect to it, as the frontend does."""
        path: Any = inner.endpoint(None)
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(60)
            client.connect(path._path)

    def test_nothing_to_remove(self) -> None:
        """While it serves there is no file that a crash would leave or that anybody could remove;
        and none after it.
        """
        api = start_api(self, counted({"a": 7}))
        self.assertEqual(list(self.folder.iterdir()), [])
        self.assertEqual(Client(self, api, V2RAY_SERVICE).call("GetStats", name="a").stat.value, 7)
        stop_api(self, api)
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_reached(self) -> None:
        """It is reached though its file is gone, until it is closed, which may be done twice."""
        before = _descriptors(self.folder)
        inner = InnerSocket("experimental.v2ray_api.listen")
        inner.listen(self.bind)
        self.reach(inner)
        inner.close()
        inner.close()
        self.listening.close()
        self.assertEqual(_descriptors(self.folder), before)

    def test_without_proc(self) -> None:
        """If a file can't be reached by its descriptor it stays until the end, in a folder for this
        user alone.
        """
        self.patch(HeldFile, "link", None)
        inner = InnerSocket("experimental.v2ray_api.listen")
        inner.listen(self.bind)
        (room,) = self.folder.iterdir()
        self.assertTrue((room / "api").is_socket())
        self.reach(inner)
        inner.close()
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_no_folder(self) -> None:
        """Without a folder for temporary files the start fails with one line that says what is
        needed.
        """
        self.patch(tempfile, "tempdir", str(self.folder / "none"))
        self.patch(inner_socket, "_SHARED_MEMORY", str(self.folder / "nor this"))
        error = self.assertRaises(StartError, start_api, self)
        said = (
            "experimental.v2ray_api.listen: a socket of its own is needed in the folder for "
            "temporary files (TMPDIR): "
        )
        self.assertEqual(str(error), f"{said}No such file or directory")

    def test_read_only(self) -> None:
        """If nobody may write temporary files, as in a container whose root is read-only, shared
        memory's folder takes it.
        """
        self.patch(tempfile, "tempdir", str(self.folder / "none"))
        self.patch(inner_socket, "_SHARED_MEMORY", str(self.folder))
        self.assertEqual(
            Client(self, start_api(self, counted({"a": 7})), V2RAY_SERVICE)
            .call("GetStats", name="a")
            .stat.value,
            7,
        )

    def test_failure_of_grpc(self) -> None:
        """If gRPC can't listen, its own error is reported, and nothing is left behind."""

        def refuse(address: str) -> int:
            message = "Failed to bind"
            raise RuntimeError(message)

        inner = InnerSocket("experimental.v2ray_api.listen")
        error = self.assertRaises(StartError, inner.listen, refuse)
        self.assertIn("(TMPDIR): Failed to bind", str(error))
        inner.close()
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_no_unix_sockets(self) -> None:
        """On a system without unix sockets it is a free port of the loopback address."""
        self.patch(socket, "AF_UNIX", None)
        delattr(socket, "AF_UNIX")
        asked: list[str] = []

        def add_port(address: str) -> int:
            asked.append(address)
            return 1234

        inner = InnerSocket("experimental.v2ray_api.listen")
        inner.listen(add_port)
        self.assertEqual((asked, repr(inner)), (["127.0.0.1:0"], "<InnerSocket 1234>"))
        self.assertIsInstance(inner.endpoint(None), TCP4ClientEndpoint)
        inner.close()


def _descriptors(folder: Path) -> list[str]:
    """What this process has open below a folder. gRPC closes others of its own whenever it has
    finished with them.
    """
    found = []
    for path in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):  # it was closed meanwhile
            found.append(str(path.readlink()))
    return sorted(link for link in found if link.startswith(f"{folder}/"))
