"""Starts that must fail: one clear line for each reason on standard error, exit status 1, and
nothing left running or listening.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.support.daemon import (
    TWIST,
    TWISTD,
    Configuration,
    run_to_end,
    start_daemon,
    write_configuration,
)
from tests.support.scratch import free_port, listens, scratch_folder


class FailuresTest(SynchronousTestCase):
    """Each reason in the foreground; one of each stage of the start as a daemon and with twist
    too.
    """

    def setUp(self) -> None:
        """Choose the folder and the ways to start."""
        self.folder = scratch_folder(self)
        self.pidfile = self.folder / "pid"
        self.foreground = [*TWISTD, "-n", "--pidfile="]
        self.every_way = (
            self.foreground,
            [*TWISTD, f"--pidfile={self.pidfile}", f"--logfile={self.folder}/log"],
            [*TWIST],
        )

    def test_bad_configuration(self) -> None:
        """Every problem of the configuration has its line, with the file and the place."""
        configuration = _configuration(self.folder / "in.sock", mode="rw", colour="red")
        configuration["route"] = {"final": "nowhere"}
        path = self.folder / "pipetwist.json"
        for lines in self._refused_every_way(configuration):
            self.assertEqual(len(lines), 3, lines)
            for place in ("inbounds[0].colour", "inbounds[0].mode", "route.final"):
                (line,) = (line for line in lines if f": {place}" in line)
                self.assertRegex(line, rf"{re.escape(str(path))}:\d+:\d+: {re.escape(place)}")
        self.assertFalse((self.folder / "in.sock").exists())

    def test_no_configuration_file(self) -> None:
        """A configuration that is not there is named."""
        for way in self.every_way:
            said = run_to_end(self.folder, [*way, "pipetwist", "--config", "missing.json"])
            self.assertEqual(said.returncode, 1)
            self.assertIn("missing.json", self._one(said.stderr.splitlines()))

    def test_taken_path(self) -> None:
        """A path on which another program listens is named, and stays that program's."""
        path = self.folder / "in.sock"
        with socket.socket(socket.AF_UNIX) as other:
            other.bind(str(path))
            other.listen()
            for lines in self._refused_every_way(_configuration(path)):
                self.assertIn(str(path), self._one(lines))
            self.assertTrue(listens(path))

    def test_taken_by_pipetwist(self) -> None:
        """A second daemon on the same configuration does not start, and the first goes on."""
        configuration = _configuration(self.folder / "in.sock")
        daemon = start_daemon(self, configuration, folder=self.folder)
        line = self._refused(configuration)
        self.assertIn(str(self.folder / "in.sock"), line)
        self.assertTrue(listens(self.folder / "in.sock"))
        daemon.stop()

    def test_no_socket_at_path(self) -> None:
        """A file that is not a socket is named, and never replaced."""
        path = self.folder / "in.sock"
        path.write_text("precious", encoding="utf-8")
        line = self._refused(_configuration(path))
        self.assertIn(str(path), line)
        self.assertEqual(path.read_text(encoding="utf-8"), "precious")

    def test_no_folder(self) -> None:
        """A folder that is not there is named."""
        path = self.folder / "missing" / "in.sock"
        line = self._refused(_configuration(path))
        self.assertIn(str(path.parent), line)

    def test_taken_port(self) -> None:
        """A port on which another program listens is named; the unix inbound that came first is
        taken away again.
        """
        with socket.create_server(("127.0.0.1", 0)) as other:
            port = other.getsockname()[1]
            configuration = _configuration(self.folder / "in.sock")
            configuration["inbounds"].append({"type": "tcp", "tag": "tcp-in", "listen_port": port})
            line = self._refused(configuration)
            self.assertIn(str(port), line)
            self.assertFalse((self.folder / "in.sock").exists())

    def test_taken_api_port(self) -> None:
        """The API's port, taken by another program, is named; nothing listens then."""
        with socket.create_server(("127.0.0.1", 0)) as other:
            port = other.getsockname()[1]
            for lines in self._refused_every_way(
                _with_api(_configuration(self.folder / "in.sock"), f"127.0.0.1:{port}")
            ):
                self.assertIn(str(port), self._one(lines))
                self.assertFalse((self.folder / "in.sock").exists())

    def test_taken_api_path(self) -> None:
        """The API never takes over the path of a live server."""
        path = self.folder / "api.sock"
        with socket.socket(socket.AF_UNIX) as other:
            other.bind(str(path))
            other.listen()
            line = self._refused(_with_api(_configuration(self.folder / "in.sock"), f"unix:{path}"))
            self.assertIn(str(path), line)
            self.assertTrue(listens(path))

    def test_shared_api_port(self) -> None:
        """Two daemons never share a port for the API."""
        port = free_port(self)
        first = start_daemon(
            self,
            _with_api(_configuration(self.folder / "in.sock"), f"127.0.0.1:{port}"),
            folder=self.folder,
        )
        line = self._refused(
            _with_api(_configuration(self.folder / "in2.sock"), f"127.0.0.1:{port}")
        )
        self.assertIn(str(port), line)
        first.stop()

    def test_missing_command(self) -> None:
        """A command that does not exist is named with its outbound."""
        configuration = _configuration(self.folder / "in.sock")
        configuration["outbounds"] = [
            {"type": "fork", "tag": "tool", "command": ["no-such-command"]}
        ]
        for lines in self._refused_every_way(configuration):
            line = self._one(lines)
            self.assertIn("no-such-command", line)
            self.assertIn("tool", line)

    def _refused(self, configuration: Configuration) -> str:
        """Start the daemon in the foreground, to fail; the one line that it said on standard
        error.
        """
        return self._one(self._refusal(self.foreground, configuration))

    def _refused_every_way(self, configuration: Configuration) -> list[list[str]]:
        """Start the daemon in each way, each to fail; the lines that each said on standard
        error.
        """
        return [self._refusal(way, configuration) for way in self.every_way]

    def _refusal(self, way: Sequence[str], configuration: Configuration) -> list[str]:
        path = write_configuration(self.folder, configuration)
        outcome = run_to_end(self.folder, [*way, "pipetwist", "--config", str(path)])
        self.assertEqual(outcome.returncode, 1, outcome)
        self.assertFalse(self.pidfile.exists(), outcome)
        return outcome.stderr.splitlines()

    def _one(self, lines: Sequence[str]) -> str:
        self.assertEqual(len(lines), 1, "\n".join(lines))
        return lines[0]


def _configuration(path: Path, **keys: str) -> dict[str, Any]:
    return {
        "inbounds": [{"type": "unix", "tag": "in", "path": str(path), **keys}],
        "outbounds": [{"type": "unix", "tag": "out", "path": "out.sock"}],
    }


def _with_api(configuration: dict[str, Any], listen: str) -> dict[str, Any]:
    return {
        **configuration,
        "experimental": {
            "v2ray_api": {"listen": listen, "stats": {"enabled": True, "inbounds": ["in"]}}
        },
    }
