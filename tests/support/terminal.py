"""A shell that types what a document shows, and compares what comes with what the document
shows.
"""

from __future__ import annotations

import os
import pwd
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.support.daemon import daemon_environment
from tests.support.markdown import Block
from tests.support.other_user import acting_as
from tests.support.peers import need
from tests.support.scratch import has_ended, scratch_folder, wait_until

__all__ = ["Terminal", "commands", "same_each_time"]

_FOLDER = "/srv/pipetwist"  # where the documents' files are, in messages with whole paths
_PEERS = {
    "dig",
    "/usr/sbin/dnsmasq",
    "/usr/sbin/nginx",
    "nc",
    "ncat",
    "openssl",
    "prometheus",
    "promtool",
    "socat",
    "ssh",
    "systemd-socket-activate",
    "v2ctl",
}
_END_OF_COMMAND = "--- next command ---"
_SECONDS = 60.0
_USUAL_PATH = "/usr/local/bin:/usr/bin:/bin"  # of who is not root, login.defs(5), ENV_PATH

# What is another each time, and what stands for it in the comparison.
_VARYING = (
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?\+\d\d:?\d\d", "TIME"),
    (r"pid:\d+ uid:\d+ gid:\d+", "PEER"),
    (r"127\.0\.0\.1:\d{5}", "PEER"),
    (r"\b\d+\.\d{3}s\b", "SECONDS"),
    (r'"seconds": [\d.e-]+', '"seconds": SECONDS'),
    (r"\b(\w+)\[\d+\]", r"\1[PID]"),
    (r'"pid": \d+', '"pid": PID'),
    (r"twistd [\d.]+ \(\S+ [\d.]+\)", "TWISTD"),
    (r"\bin \d+\.\d{3}s", "in SECONDS"),
    (r"\(/[^() ]*:[^() ]*\)", "(PATH)"),
)


def same_each_time(text: str) -> str:
    """A text with words in the place of times, process ids and the like, and without blanks at the
    ends of lines.
    """
    for pattern, word in _VARYING:
        text = re.sub(pattern, word, text)
    return "\n".join(line.rstrip() for line in text.strip().splitlines())


def commands(block: Block) -> list[tuple[str, str]]:
    """The commands that a block of the language console shows, each with the output that it
    shows.
    """
    found: list[tuple[str, str]] = []
    for line in block.text.splitlines():
        if line.startswith("$ "):
            found.append((line[2:], ""))
        else:
            command, output = found.pop()
            found.append((command, f"{output}{line}\n"))
    return found


class Terminal:
    """A shell in a scratch folder. Daemons whose pidfiles are left there end with the test.

    Args:
        case: the test.
        instead: texts of the document, each with what is typed and expected instead: ports and
            paths that are the test's.
        user: who types, and has the folder as home; None for this process's own user.
    """

    def __init__(
        self,
        case: SynchronousTestCase,
        instead: Mapping[str, str] | None = None,
        user: pwd.struct_passwd | None = None,
    ) -> None:
        self.folder = scratch_folder(case)
        self._user = user
        self._give(self.folder)
        self._case = case
        case.maxDiff = None
        self._instead = {_FOLDER: str(self.folder), **(instead or {})}
        case.addCleanup(self._end_daemons)

    def save(self, block: Block) -> None:
        """Save a block as the file that it names."""
        if block.name is None:
            message = f"{block.key_path}: the block does not say which file it is"
            raise ValueError(message)
        path = self.folder / block.name
        path.write_text(self.translated(block.text), encoding="utf-8")
        self._give(path)

    def translated(self, text: str) -> str:
        """A document's text with what is the test's own in the place of what the document has."""
        for theirs, ours in self._instead.items():
            text = text.replace(theirs, ours)
        return text

    def type(self, block: Block) -> None:
        """Type the commands of a block into one shell, and compare the outputs, standard error
        among them.

        Raises:
            SkipTest: a program is missing.
            AssertionError: an output differs, or does not end.
        """
        typed = commands(block)
        for command, _ in typed:
            for word in _PEERS.intersection(shlex.split(command, comments=True)):
                need(word)
        script = "\n".join(
            f"{self.translated(command)}\necho {shlex.quote(_END_OF_COMMAND)}"
            for command, _ in typed
        )
        outputs = self._said(script, block.key_path).split(f"{_END_OF_COMMAND}\n")
        self._case.assertEqual(len(outputs), len(typed) + 1, f"{block.key_path}: {outputs}")
        for (command, expected), output in zip(typed, outputs, strict=False):
            self._case.assertEqual(
                same_each_time(output),
                same_each_time(self.translated(expected)),
                f"{block.key_path}: {command}",
            )
        stopped = [
            command
            for command, _ in typed
            if command.startswith("kill ") and not command.startswith("kill -")
        ]
        for name in re.findall(r"\$\(cat (\S+?)\)", "\n".join(stopped)):
            # People are slower than a daemon that stops; the next block is not.
            wait_until(lambda name=name: not (self.folder / name).exists(), f"the end of {name}")  # type: ignore[misc]  # mypy can't infer it

    def _said(self, script: str, key_path: str) -> str:
        """Run a script to its end, and take what it says."""
        shell = subprocess.Popen(
            [*(() if self._user is None else acting_as(self._user)), "sh", "-c", script],
            cwd=self.folder,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            said, _ = shell.communicate(timeout=_SECONDS)
        except subprocess.TimeoutExpired as late:
            os.killpg(shell.pid, signal.SIGKILL)
            said, _ = shell.communicate()
            message = (
                f"{key_path}: the commands did not end within {_SECONDS:.0f} s; they "
                f"said:\n{said.decode('utf-8', 'backslashreplace')}"
            )
            raise AssertionError(message) from late
        return said.decode("utf-8", "backslashreplace")

    def _give(self, path: Path) -> None:
        if self._user is not None:
            os.chown(path, self._user.pw_uid, self._user.pw_gid)

    def _environment(self) -> dict[str, str]:
        """An environment in which the commands of this Python's environment come first, as where it
        is activated.
        """
        environment = daemon_environment()
        if self._user is not None:
            name = self._user.pw_name
            environment |= {"HOME": str(self.folder), "USER": name, "LOGNAME": name}
            environment |= {"PATH": _USUAL_PATH}
        return {
            **environment,
            "PATH": os.pathsep.join((str(Path(sys.executable).parent), environment["PATH"])),
            "LC_ALL": "C.UTF-8",
        }

    def _end_daemons(self) -> None:
        for path in self.folder.glob("*.pid"):
            pid = int(path.read_text(encoding="ascii"))
            if not has_ended(pid):
                os.kill(pid, signal.SIGTERM)
                wait_until(lambda pid=pid: has_ended(pid), "the daemon to end")  # type: ignore[misc]  # mypy can't infer a lambda with a default
