"""How commands end: at Ctrl-C, at a pipe that is closed, and when the server goes."""

from __future__ import annotations

import json
import signal
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import IO

from twisted.trial.unittest import SynchronousTestCase

from pipetwist.api.options import ApiTlsOptions
from tests.support.api_server import counted, start_api, target_of
from tests.support.certificates import Authority
from tests.support.command_line import PROGRAM, TerminalCall, call, plain
from tests.support.daemon import daemon_environment
from tests.support.foreign_servers import V2Ray5, serve


class EndingTest(SynchronousTestCase):
    """The exit status, and nothing of Python's on standard error."""

    def start(self, *arguments: str) -> tuple[subprocess.Popen[str], IO[str]]:
        """Start the command with pipes; it, and its standard output."""
        process = subprocess.Popen(
            [*PROGRAM, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=_default_environment(),
        )
        self.addCleanup(process.wait, 20)
        self.addCleanup(process.kill)
        assert process.stdout is not None
        assert process.stderr is not None
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.stderr.close)
        return process, process.stdout

    def said(self, process: subprocess.Popen[str]) -> str:
        """Standard error, to its end."""
        assert process.stderr is not None
        return process.stderr.read()

    def test_interrupt(self) -> None:
        """SIGINT ends a command that waits, with status 130 and without a word."""
        process, output = self.start(
            "stats",
            "--watch",
            "--interval",
            "1h",
            "-s",
            target_of(start_api(self, counted({"a": 1}))),
        )
        self.assertEqual(output.readline(), "a\t1\n")
        process.send_signal(signal.SIGINT)
        self.assertEqual((process.wait(60), self.said(process)), (130, ""))

    def test_broken_pipe(self) -> None:
        """A reader that has enough ends the command without a traceback, be it in the middle of an
        answer or between two.
        """
        store = counted({f"counter {number}": number for number in range(20000)})
        for arguments in ((), ("--watch", "--interval", "10ms")):
            process, output = self.start(
                "stats", *arguments, "-s", target_of(start_api(self, store))
            )
            self.assertTrue(output.readline())
            output.close()
            self.assertEqual((process.wait(60), self.said(process)), (1, ""))

    def test_closed_output(self) -> None:
        """Without a standard output a command does what it does, as with one that nobody reads."""
        address = target_of(start_api(self, counted({"a": 1})))
        for arguments, status, said in (
            (("stats", "-s", address), 0, ""),
            (("stats", "-s", address, "b"), 1, 'pipetwist: no counter matches "b"\n'),
            (("run", "-c", "none"), 1, "none: the file can't be read: No such file or directory\n"),
        ):
            ended = subprocess.run(
                ["sh", "-c", 'exec "$@" >&-', "sh", *PROGRAM, *arguments],
                stdin=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
                env=_default_environment(),
                timeout=60,
                check=False,
            )
            self.assertEqual((ended.returncode, ended.stderr), (status, said), arguments)

    def test_words_of_grpc(self) -> None:
        """GRPC writes nothing of its own to standard error where TLS fails."""
        folder = Path(self.mktemp()).absolute()
        folder.mkdir(parents=True)
        authority = Authority(folder, "ca")
        certificate, key = authority.issue("server")
        tls = ApiTlsOptions(certificate_path=str(certificate), key_path=str(key))
        address = target_of(start_api(self, tls=tls))
        process, _ = self.start(
            "stats", "--ca", str(authority.path), "--server-name", "example.org", "-s", address
        )
        self.assertEqual(process.wait(60), 1)
        (line,) = self.said(process).splitlines()
        self.assertTrue(
            line.startswith(f"pipetwist: the certificate of {address} can't be trusted"), line
        )
        address = target_of(
            start_api(self, tls=replace(tls, client_certificate_path=str(authority.path)))
        )
        process, _ = self.start(
            "stats", "--ca", str(authority.path), "--server-name", "server", "-s", address
        )
        self.assertEqual(process.wait(60), 1)
        (line,) = self.said(process).splitlines()
        self.assertTrue(
            line.startswith(f"pipetwist: {address} accepts only clients with a certificate"), line
        )
        address = target_of(start_api(self))
        process, _ = self.start("stats", "--tls", "-s", address)
        self.assertEqual(process.wait(60), 1)
        self.assertEqual(
            self.said(process),
            f"pipetwist: {address} speaks no TLS; leave out --tls and the options that go "
            "with it\n",
        )

    def test_full_disk(self) -> None:
        """If the output can't be written, that is reported in one line, and the status is 1."""
        address = target_of(start_api(self, counted({"a": 1})))
        for command in (
            ("stats", "-s", address),
            ("stats", "--json", "-s", address),
            ("schema",),
            ("--help",),
        ):
            with Path("/dev/full").open("wb") as full:
                done = subprocess.run(
                    [*PROGRAM, *command],
                    stdout=full,
                    stderr=subprocess.PIPE,
                    text=True,
                    env=_default_environment(),
                    timeout=60,
                    check=False,
                )
            said = (1, "pipetwist: the output can't be written: No space left on device\n")
            self.assertEqual((done.returncode, done.stderr), said, command)


class WatchTest(SynchronousTestCase):
    """``pipetwist stats --watch``."""

    def setUp(self) -> None:
        """A server whose counter grows with each question, and that fails at some."""
        self.servicer = V2Ray5()
        self.servicer.counters = {"user>>>a>>>traffic>>>uplink": 1}
        self.failing: set[int] = set()
        self.asked = 0
        query = self.servicer.QueryStats

        def answer(request: object, context: object) -> object:
            self.asked += 1
            self.servicer.counters["user>>>a>>>traffic>>>uplink"] = self.asked
            return 1 / 0 if self.asked in self.failing else query(request, context)  # type: ignore[arg-type] # as gRPC calls it

        self.servicer.QueryStats = answer  # type: ignore[method-assign,assignment] # see above
        self.address = serve(self, self.servicer)

    def rounds(self, *arguments: str, lines: int) -> tuple[list[str], str]:
        """The first lines of a watch, and what it has said on standard error when it was
        interrupted after them.
        """
        process = subprocess.Popen(
            [*PROGRAM, "stats", "--watch", "--interval", "10ms", "-s", self.address, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=daemon_environment(),
        )
        assert process.stdout is not None
        assert process.stderr is not None
        with process.stdout, process.stderr:
            self.addCleanup(process.wait, 20)
            self.addCleanup(process.kill)
            found = [process.stdout.readline() for _ in range(lines)]
            process.send_signal(signal.SIGINT)
            process.wait(60)
            return found, process.stderr.read()

    def test_lines(self) -> None:
        """Answer follows answer, with an empty line after each."""
        lines, errors = self.rounds(lines=4)
        self.assertEqual(
            (lines, errors),
            (
                [
                    "user>>>a>>>traffic>>>uplink\t1\n",
                    "\n",
                    "user>>>a>>>traffic>>>uplink\t2\n",
                    "\n",
                ],
                "",
            ),
        )

    def test_json(self) -> None:
        """With --json each answer is a line."""
        lines, _ = self.rounds("--json", lines=2)
        self.assertEqual([json.loads(line)["stat"][0]["value"] for line in lines], [1, 2])

    def test_reset(self) -> None:
        """With --reset each answer has what came since the one before."""
        store = counted({"a": 5})
        process = subprocess.Popen(
            [
                *PROGRAM,
                "stats",
                "--watch",
                "--interval",
                "10ms",
                "--json",
                "--reset",
                "-s",
                target_of(start_api(self, store)),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            env=daemon_environment(),
        )
        assert process.stdout is not None
        with process.stdout:
            self.addCleanup(process.wait, 20)
            self.addCleanup(process.kill)
            answers = (json.loads(line)["stat"][0]["value"] for line in process.stdout)
            self.assertEqual([next(answers), next(answers)], [5, 0])
            store.counter("a").add(7)
            self.assertEqual(next(value for value in answers if value), 7)
            process.send_signal(signal.SIGINT)
            self.assertEqual(process.wait(60), 130)

    def test_failure(self) -> None:
        """A question without an answer is reported on standard error, and the watch goes on."""
        self.failing = {2}
        lines, errors = self.rounds("--json", lines=2)
        self.assertEqual([json.loads(line)["stat"][0]["value"] for line in lines], [1, 3])
        self.assertEqual(len(errors.splitlines()), 1, errors)
        self.assertTrue(errors.startswith(f"pipetwist: {self.address} refuses QueryStats"), errors)

    def test_first_failure(self) -> None:
        """A server that does not answer the first question ends it."""
        self.failing = {1}
        self.assertEqual(call("stats", "--watch", "-s", self.address)[0], 1)

    def test_terminal(self) -> None:
        """On a terminal the table is written over, a failure stands below it, and Ctrl-C leaves
        with the cursor shown and status 130.
        """
        self.failing = {3}
        terminal = TerminalCall(
            self, ["stats", "--watch", "--interval", "200ms", "-s", self.address]
        )
        terminal.wait_for(lambda text: "refuses QueryStats" in text, "the failure")
        terminal.wait_for(lambda text: "4 B" in text, "the fourth answer")
        terminal.type("\x03")
        self.assertEqual(terminal.status(), 130)
        self.assertIn("2 B", terminal.text)
        self.assertTrue(terminal.text.rstrip("\r\n^C").endswith("\x1b[?25h"), terminal.text)
        self.assertNotIn("Traceback", plain(terminal.text))


def _default_environment() -> dict[str, str]:
    """The environment as people have it. This process has told gRPC what to say; unbuffered, Python
    does not see that a pipe is full.
    """
    return {
        name: value
        for name, value in daemon_environment().items()
        if name not in {"PYTHONUNBUFFERED", "GRPC_VERBOSITY"}
    }


class LoadingTest(SynchronousTestCase):
    """What is loaded: a command that needs little starts quickly."""

    heavy = ("grpc", "google.protobuf", "rich", "pydantic", "re2", "json5", "twisted.internet")

    def loaded(self, *arguments: str) -> set[str]:
        """Which of the heavy packages a call loads."""
        program = (
            "import sys\nfrom pipetwist.cli.main import main\n"
            "try: main(prog_name='pipetwist')\nexcept SystemExit: pass\nprint('loaded:', "
            "*sys.modules)"
        )
        command = [*PROGRAM[:2], program, *arguments]
        said = subprocess.run(
            command,
            env=daemon_environment(),
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        ).stdout
        modules = set(said.rpartition("loaded: ")[2].split())
        self.assertIn("pipetwist.cli.main", modules)
        return {name for name in self.heavy if name in modules}

    def test_help(self) -> None:
        """Help and the version load none of them, and neither does a mistake in a call."""
        for arguments in (["--help"], ["--version"], ["stats", "--help"], ["none"]):
            self.assertEqual(self.loaded(*arguments), set(), arguments)

    def test_asking(self) -> None:
        """A question to a server whose answer no terminal shows loads neither rich nor what reads
        configurations.
        """
        address = serve(self, V2Ray5())
        self.assertEqual(self.loaded("stats", "-s", address) & {"rich", "pydantic", "json5"}, set())
