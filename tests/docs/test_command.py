"""docs/command.md: its commands say what it shows, and its tables have every command and option."""

from __future__ import annotations

import os
import re
import socket
from pathlib import Path

import click
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.cli.init import SHAPES
from pipetwist.cli.main import main
from pipetwist.config.syntax import parse_json
from pipetwist.stats.names import traffic_name
from tests.support.command_line import TerminalCall, plain
from tests.support.counter_files import close, open_store
from tests.support.daemon import start_daemon
from tests.support.markdown import ROOT, blocks
from tests.support.scratch import free_port, wait_until
from tests.support.terminal import Terminal

_DOCUMENT = "docs/command.md"
_USUAL = "127.0.0.1:10085"
_PAGE = "9105"
_OF_CONTROL = {"status", "connections", "close", "quota reset"}
_SERVER = {"server", "config", "tls", "ca", "cert", "key", "server_name", "timeout"}


class CommandsTest(SynchronousTestCase):
    """The blocks, typed beside the daemon that `make run` starts, when it has carried six bytes
    there and six back.
    """

    def test_commands(self) -> None:
        """Each command says what the document shows, and the table is what a terminal shows."""
        server = f"127.0.0.1:{free_port(self)}"
        terminal = Terminal(self, {_USUAL: server, _PAGE: str(free_port(self))})
        self.patch(os, "environ", {**os.environ, "PIPETWIST_SERVER": server})
        example = terminal.translated((ROOT / "etc" / "pipetwist.json").read_text(encoding="utf-8"))
        document = parse_json(example)
        assert isinstance(document, dict)
        daemon = start_daemon(self, document, folder=terminal.folder)
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(60)
            client.connect(str(terminal.folder / "pipetwist.sock"))
            client.sendall(b"hello\n")
            client.shutdown(socket.SHUT_WR)
            try:
                while client.recv(100):
                    pass
            except ConnectionResetError:
                self.fail(f"the daemon has left its client, and said:\n{daemon.log}")
        wait_until(lambda: "pipe-in -> echo" in daemon.log, "the end of the connection")
        self.keep_counters(terminal.folder / "counters.db")
        for block in blocks(_DOCUMENT):
            if block.language == "console":
                terminal.type(block)
        (table,) = [
            block.text
            for block in blocks(_DOCUMENT)
            if block.language == "text" and block.heading == "stats"
        ]
        call = TerminalCall(self, ["stats"])
        self.assertEqual(call.status(), 0, call.text)
        self.assertEqual(
            [line.rstrip() for line in plain(call.text).splitlines()], table.splitlines()
        )

    def keep_counters(self, path: Path) -> None:
        """Leave a file of counters, as a stopped daemon does."""
        store = open_store(path)
        for user, uplink, downlink in (("alice", 20, 10), ("bob", 40, 30)):
            store.counter(traffic_name("user", user, "uplink")).add(uplink)
            store.counter(traffic_name("user", user, "downlink")).add(downlink)
        close(store)


class TablesTest(SynchronousTestCase):
    """What the tables say."""

    def setUp(self) -> None:
        """Read the tables under each heading."""
        self.tables: dict[str, dict[str, str]] = {}
        heading = ""
        for line in (ROOT / _DOCUMENT).read_text(encoding="utf-8").splitlines():
            if line.startswith(("# ", "## ")):
                heading = line.lstrip("# ")
            row = re.fullmatch(r"\| (.+?) \| (.+) \|", line)
            if row and not row[1].startswith(
                ("-", "option", "command", "status", "shape", "shell")
            ):
                self.tables.setdefault(heading, {})[row[1]] = row[2]

    def test_commands(self) -> None:
        """The first table names every command, and each has a section."""
        self.assertEqual(
            set(self.tables["The command pipetwist"]),
            {f"[{name}](#{name.replace(' ', '-')})" for name in main.commands},
        )

    def test_shapes(self) -> None:
        """Each shape stands in a table, with the words of the command's own help."""
        shapes = {
            key: text for key, text in self.tables["init"].items() if not key.startswith("`-")
        }
        self.assertEqual(shapes, {f"`{shape}`": what for shape, what in SHAPES.items()})

    def test_options(self) -> None:
        """Each option stands in the table of its command, with the words of the command's own
        help.
        """
        for name, command in main.commands.items():
            options = [option for option in command.params if isinstance(option, click.Option)]
            asks = "server" in {option.name for option in options}
            own = {
                _written(option): _described(option)
                for option in options
                if not asks or option.name not in _SERVER
            }
            self.assertEqual(
                {
                    key: text
                    for key, text in self.tables.get(name, {}).items()
                    if key.startswith("`-")
                },
                own,
                name,
            )
            of_server = {
                _written(option): _described(option) for option in options if option.name in _SERVER
            }
            if asks:
                heading = "Which daemon" if name in _OF_CONTROL else "Which server"
                self.assertEqual(self.tables[heading], of_server, name)


def _written(option: click.Option) -> str:
    names = ", ".join(sorted(option.opts, key=len))
    return f"`{names}`" if option.is_flag else f"`{names} {option.metavar}`"


def _described(option: click.Option) -> str:
    return f"{option.help} Default: {option.default}." if option.show_default else f"{option.help}"
