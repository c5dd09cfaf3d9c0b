"""``pipetwist init``: what it writes, and what it never writes over."""

from __future__ import annotations

import socket
from pathlib import Path

from jsonschema import Draft202012Validator
from twisted.trial.unittest import SynchronousTestCase

import pipetwist.cli.init
from pipetwist.cli.init import SHAPES
from pipetwist.config.syntax import parse_json
from tests.support.command_line import call
from tests.support.daemon import start_daemon
from tests.support.schema_walk import SCHEMA
from tests.support.scratch import free_port, scratch_folder


class ShapesTest(SynchronousTestCase):
    """Each shape."""

    def setUp(self) -> None:
        """A folder to write to."""
        self.folder = scratch_folder(self)

    def test_files(self) -> None:
        """There is a file for each shape, and a shape for each file, and the help says what each
        is.
        """
        files = Path(pipetwist.cli.init.__file__).parent / "shapes"
        self.assertEqual({path.stem for path in files.iterdir()}, set(SHAPES))
        said = call("init", "--help")[1]
        for shape, what in SHAPES.items():
            self.assertIn(f"{shape:14}{what}", said)

    def test_check(self) -> None:
        """What is written passes ``pipetwist check`` and the JSON Schema, and begins with a comment
        that says what it is.
        """
        for shape in SHAPES:
            path = self.folder / f"{shape}.json"
            status, output, errors = call("init", shape, str(path))
            self.assertEqual((status, errors), (0, ""))
            self.assertIn(f"pipetwist check {path}\n", output)
            self.assertEqual(call("check", str(path))[0], 0, shape)
            text = path.read_text(encoding="utf-8")
            Draft202012Validator(SCHEMA).validate(parse_json(text))
            self.assertTrue(text.startswith("// "), shape)

    def test_counted(self) -> None:
        """Each counts all that it has, where ``pipetwist stats`` asks when it is told nothing."""
        for shape in SHAPES:
            document = parse_json(call("init", shape, "-")[1])
            assert isinstance(document, dict)
            api = document["experimental"]["v2ray_api"]
            self.assertEqual(api["listen"], "127.0.0.1:10085")
            for kind in ("inbounds", "outbounds"):
                self.assertEqual(
                    api["stats"][kind], [entry["tag"] for entry in document[kind]], shape
                )
            users = [
                user["name"]
                for inbound in document["inbounds"]
                for user in inbound.get("users", ())
            ]
            self.assertEqual(api["stats"].get("users", []), users, shape)

    def test_runs(self) -> None:
        """The one that needs nothing else runs as it is."""
        document = parse_json(call("init", "fork", "-")[1].replace("10085", str(free_port(self))))
        assert isinstance(document, dict)
        start_daemon(self, document, folder=self.folder)
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(60)
            client.connect(str(self.folder / "in.sock"))
            client.sendall(b"hello")
            client.shutdown(socket.SHUT_WR)
            self.assertEqual(client.recv(100), b"hello")


class FileTest(SynchronousTestCase):
    """The file."""

    def setUp(self) -> None:
        """A file that is there."""
        self.path = scratch_folder(self) / "pipetwist.json"
        self.path.write_text("mine", encoding="utf-8")

    def test_no_overwriting(self) -> None:
        """A file that is there is left as it is, which is said with what to do, and the status is
        1.
        """
        self.assertEqual(
            call("init", "unix", str(self.path)),
            (
                1,
                "",
                (
                    f"pipetwist: {self.path} exists already, and was not changed; choose another "
                    "name, or replace it with --force\n"
                ),
            ),
        )
        self.assertEqual(self.path.read_text(encoding="utf-8"), "mine")

    def test_force(self) -> None:
        """With --force it is replaced."""
        self.assertEqual(call("init", "--force", "unix", str(self.path))[0], 0)
        self.assertEqual(self.path.read_text(encoding="utf-8"), call("init", "unix", "-")[1])

    def test_folder(self) -> None:
        """A file that can't be written is reported."""
        path = self.path.parent / "none" / "pipetwist.json"
        self.assertEqual(
            call("init", "unix", str(path)),
            (1, "", f"pipetwist: {path} can't be written: No such file or directory\n"),
        )

    def test_shape(self) -> None:
        """A shape that there is not is a mistake of the call."""
        status, _, errors = call("init", "square")
        self.assertEqual((status, "v2ray-plugin" in errors), (2, True))
