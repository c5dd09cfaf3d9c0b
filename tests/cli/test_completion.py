"""``pipetwist completion``: the scripts, and what a shell is offered."""

from __future__ import annotations

import os
import subprocess

from twisted.trial.unittest import SynchronousTestCase

from tests.support.command_line import PROGRAM, call
from tests.support.daemon import daemon_environment
from tests.support.foreign_servers import V2Ray5, serve


class ScriptsTest(SynchronousTestCase):
    """What is printed for each shell."""

    def test_scripts(self) -> None:
        """Each script asks the command in its shell's way."""
        for shell in ("bash", "zsh", "fish"):
            status, output, errors = call("completion", shell)
            self.assertEqual((status, errors), (0, ""))
            self.assertIn(f"_PIPETWIST_COMPLETE={shell}_complete", output)

    def test_unknown(self) -> None:
        """Another shell is a mistake of the call."""
        self.assertEqual(call("completion", "dash")[0], 2)


class OffersTest(SynchronousTestCase):
    """What the command offers, in bash's way."""

    def offers(self, line: str, **environment: str) -> list[str]:
        """What is offered at the end of a line."""
        words = line.split(" ")
        asked = {
            "_PIPETWIST_COMPLETE": "bash_complete",
            "COMP_WORDS": line,
            "COMP_CWORD": str(len(words) - 1),
        }
        said = subprocess.run(
            PROGRAM,
            env={**daemon_environment(), **asked, **environment},
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        self.assertEqual(said.stderr, "")
        return [offer.partition(",")[2] for offer in said.stdout.split()]

    def test_commands(self) -> None:
        """Commands, options and choices."""
        self.assertEqual(
            self.offers("pipetwist s"), ["schema", "stats", "status", "sys", "systemd"]
        )
        self.assertEqual(self.offers("pipetwist stats --re"), ["--regexp", "--reset"])
        self.assertEqual(self.offers("pipetwist init tls"), ["tls-server", "tls-client"])
        self.assertEqual(self.offers("pipetwist top --sort "), ["rate", "total", "name"])

    def test_patterns(self) -> None:
        """The tags and users that the server counts, but for those with characters that shells
        read, and those that stand there already.
        """
        servicer = V2Ray5()
        servicer.counters["user>>>a b;c>>>traffic>>>uplink"] = 1
        address = serve(self, servicer)
        self.assertEqual(
            self.offers(f"pipetwist stats -s {address} "), ["alice", "bob", "forget", "in"]
        )
        self.assertEqual(self.offers(f"pipetwist top -s {address} "), ["alice", "bob", "in"])
        self.assertEqual(self.offers("pipetwist stats al", PIPETWIST_SERVER=address), ["alice"])
        self.assertEqual(
            self.offers("pipetwist stats alice ", PIPETWIST_SERVER=address), ["bob", "in"]
        )

    def test_two_words(self) -> None:
        """A command of two words is completed word by word."""
        self.assertEqual(self.offers("pipetwist stat"), ["stats", "status"])
        self.assertEqual(
            self.offers("pipetwist stats f", PIPETWIST_SERVER="127.0.0.1:1"), ["forget"]
        )
        self.assertEqual(
            self.offers("pipetwist stats forget --"), ["--store", "--config", "--help"]
        )

    def test_no_server(self) -> None:
        """If no server answers, nothing is offered, and nothing is said."""
        self.assertEqual(self.offers("pipetwist stats -s 127.0.0.1:1 "), ["forget"])
        self.assertEqual(self.offers(f"pipetwist stats -c {os.devnull} "), ["forget"])
