"""The command pipetwist, as people call it."""

from __future__ import annotations

import json
import subprocess

from twisted.trial.unittest import SynchronousTestCase

import pipetwist
from pipetwist.cli.main import main
from pipetwist.config.schema import document_schema
from tests.support.command_line import PROGRAM, call
from tests.support.daemon import daemon_environment
from tests.support.scratch import scratch_folder


class SchemaTest(SynchronousTestCase):
    """``pipetwist schema``."""

    def test_schema(self) -> None:
        """The JSON Schema of a configuration is printed."""
        status, output, errors = call("schema")
        self.assertEqual((status, json.loads(output), errors), (0, document_schema(), ""))


class CommandTest(SynchronousTestCase):
    """The command as a whole."""

    def test_version(self) -> None:
        """The version is printed."""
        self.assertEqual(call("--version"), (0, f"pipetwist {pipetwist.__version__}\n", ""))

    def test_help(self) -> None:
        """The help names every command."""
        _, output, _ = call("--help")
        self.assertEqual([name for name in main.commands if f"  {name}  " not in output], [])
        self.assertLessEqual(
            {"init", "check", "schema", "stats", "sys", "online", "top", "completion"},
            set(main.commands),
        )

    def test_unknown(self) -> None:
        """An unknown command is told with status 2."""
        status, _, errors = call("chek")
        self.assertEqual(status, 2)
        self.assertIn("No such command", errors)

    def test_no_folder(self) -> None:
        """Where the current folder was removed meanwhile, a line says so. A program of ``-c`` looks
        there for modules, as the installed command does not; Python 3.13.0 fails with that.
        """
        environment = {**daemon_environment(), "PYTHONSAFEPATH": "1"}
        for arguments in (("systemd", "-c", "x.json"), ("run", "-c", "/x.json")):
            folder = scratch_folder(self)
            ended = subprocess.run(
                ["sh", "-c", 'rmdir "$PWD" && exec "$@"', "sh", *PROGRAM, *arguments],
                cwd=folder,
                env=environment,
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
            self.assertEqual((ended.returncode, ended.stdout), (1, ""), arguments)
            self.assertEqual(
                ended.stderr,
                "pipetwist: the current folder was removed; go to another\n",
            )

    def test_process(self) -> None:
        """In a process of its own a bad file ends with status 1, without a traceback."""
        ended = subprocess.run(
            [*PROGRAM, "check", "none.json"],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        self.assertEqual((ended.returncode, ended.stdout), (1, ""))
        self.assertEqual(
            ended.stderr, "none.json: the file can't be read: No such file or directory\n"
        )
