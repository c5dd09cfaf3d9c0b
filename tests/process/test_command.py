"""What a command needs, and what is said where it can't be had."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from pathlib import Path
from unittest import skipIf, skipUnless

from twisted.trial.unittest import SynchronousTestCase

from pipetwist.errors import StartError
from pipetwist.process.command import PreparedCommand, prepare_command
from tests.support.scratch import scratch_folder

_OURS = {
    "PATH": os.environ["PATH"],
    "HOME": "/home/of/ours",
    "LANG": "C.UTF-8",
    "SECRET": "ours",
    "TZ": "UTC",
}


def _prepare(
    *command: str,
    env: dict[str, str] | None = None,
    inherit_env: bool = False,
    cwd: str | None = None,
    user: str | None = None,
    ours: dict[str, str] | None = None,
) -> PreparedCommand:
    return prepare_command(
        "outbound tool",
        command,
        env=env or {},
        inherit_env=inherit_env,
        cwd=cwd,
        user=user,
        ours=_OURS if ours is None else ours,
    )


def _run(prepared: PreparedCommand) -> str:
    """Start it as the spawner does, and give what it says."""
    said = subprocess.run(
        prepared.command, env=prepared.env, capture_output=True, text=True, timeout=60, check=True
    )
    return said.stdout


class ProgramTest(SynchronousTestCase):
    """Where the program is."""

    def setUp(self) -> None:
        """Make a folder with a program in it, a file that is none, and a folder."""
        self.folder = scratch_folder(self)
        self.program = self.folder / "program"
        self.program.write_text('#!/bin/sh\necho ran "$@"\n', encoding="utf-8")
        self.program.chmod(0o755)
        (self.folder / "file").write_text("nothing", encoding="utf-8")
        (self.folder / "folder").mkdir()

    def error(self, *command: str, **env: str) -> str:
        """What is said of a command that can't be had."""
        return str(self.assertRaises(StartError, _prepare, *command, env=env))

    def test_in_path(self) -> None:
        """A name without a slash is looked up in PATH, and its arguments stay as they are."""
        found = shutil.which("cat")
        self.assertEqual(_prepare("cat", "-", "$HOME", "").command, (found, "-", "$HOME", ""))

    def test_in_its_own_path(self) -> None:
        """If the command is given a PATH it is looked up there."""
        prepared = _prepare("program", "a b", env={"PATH": str(self.folder)})
        self.assertEqual(prepared.command, (str(self.program), "a b"))
        self.assertEqual(_run(prepared), "ran a b\n")

    def test_no_path(self) -> None:
        """Without any PATH the system's usual folders are searched."""
        self.assertTrue(Path(_prepare("sh", ours={}).command[0]).is_absolute())

    def test_absolute(self) -> None:
        """A path is taken as it is."""
        self.assertEqual(_prepare(str(self.program)).command, (str(self.program),))

    def test_link(self) -> None:
        """A link is not followed: some programs do what the link is called."""
        link = self.folder / "link"
        link.symlink_to(self.program)
        self.assertEqual(_prepare(str(link)).command, (str(link),))

    def test_not_in_path(self) -> None:
        """A name that PATH does not have is reported with the PATH."""
        self.assertEqual(
            self.error("nothing", PATH="/a:/b"),
            "outbound tool: there is no command 'nothing' in PATH (/a:/b)",
        )

    def test_missing(self) -> None:
        """A path without a file is reported."""
        path = str(self.folder / "nothing")
        self.assertEqual(self.error(path), f"outbound tool: there is no command {path}")

    def test_not_executable(self) -> None:
        """A file without the right to be executed, and a folder, are distinguished from a missing
        one.
        """
        for name in ("file", "folder"):
            path = str(self.folder / name)
            self.assertEqual(
                self.error(path), f"outbound tool: the command {path} is not executable"
            )


class EnvironmentTest(SynchronousTestCase):
    """What the command gets of the daemon's environment."""

    def test_usual(self) -> None:
        """It gets the usual variables that the daemon has, and no other."""
        self.assertEqual(
            _prepare("cat").env, {key: value for key, value in _OURS.items() if key != "SECRET"}
        )

    def test_inherited(self) -> None:
        """It gets every variable where it is to inherit them."""
        self.assertEqual(_prepare("cat", inherit_env=True).env, _OURS)

    def test_given(self) -> None:
        """What it is given goes over what it gets, and leaves ours alone."""
        ours = dict(_OURS)
        for inherit in (False, True):
            env = _prepare(
                "cat", env={"TZ": "CET", "KEY": "a=b"}, inherit_env=inherit, ours=ours
            ).env
            self.assertEqual((env["TZ"], env["KEY"], env["LANG"]), ("CET", "a=b", "C.UTF-8"))
        self.assertEqual(ours, _OURS)

    def test_run(self) -> None:
        """The command sees just that."""
        said = _run(
            _prepare("env", env={"KEY": "value"}, ours={"PATH": _OURS["PATH"], "SECRET": "ours"})
        )
        self.assertEqual(sorted(said.splitlines()), ["KEY=value", f"PATH={_OURS['PATH']}"])


class FolderTest(SynchronousTestCase):
    """Where the command starts."""

    def test_folder(self) -> None:
        """It starts in the folder that is asked for, whatever that is called, with its arguments as
        they are.
        """
        folder = scratch_folder(self) / "-a 'folder' $(of) ours"
        folder.mkdir()
        self.assertEqual(_run(_prepare("pwd", cwd=str(folder))), f"{folder}\n")
        self.assertEqual(
            _run(_prepare("printf", "%s|", "$0", "a b", "", cwd=str(folder))), "$0|a b||"
        )

    def test_missing(self) -> None:
        """A folder that is not there, or is a file, is reported."""
        for path in ("/nowhere/at/all", "/etc/passwd"):
            error = self.assertRaises(StartError, _prepare, "cat", cwd=path)
            self.assertEqual(str(error), f"outbound tool: cwd: there is no folder {path}")


_NOBODY = next((entry for entry in pwd.getpwall() if entry.pw_uid != 0), None)


class UserTest(SynchronousTestCase):
    """Who the command runs as."""

    @skipUnless(
        os.geteuid() == 0 and _NOBODY and shutil.which("setpriv"),
        "needs root, another user, and setpriv",
    )
    def test_user(self) -> None:
        """It runs as the user that is asked for, with that one's group, and is told whose home is
        where.
        """
        assert _NOBODY is not None
        prepared = _prepare(
            "sh",
            "-c",
            'id -u; id -g; echo "$HOME $USER $LOGNAME"',
            user=_NOBODY.pw_name,
            inherit_env=True,
        )
        uid, gid, variables = _run(prepared).splitlines()
        self.assertEqual((int(uid), int(gid)), (_NOBODY.pw_uid, _NOBODY.pw_gid))
        self.assertEqual(variables, f"{_NOBODY.pw_dir} {_NOBODY.pw_name} {_NOBODY.pw_name}")

    @skipUnless(
        os.geteuid() == 0 and _NOBODY and shutil.which("setpriv"),
        "needs root, another user, and setpriv",
    )
    def test_variables(self) -> None:
        """A variable that it is given goes over the user's."""
        assert _NOBODY is not None
        self.assertEqual(
            _prepare("cat", user=_NOBODY.pw_name, env={"HOME": "/elsewhere"}).env["HOME"],
            "/elsewhere",
        )

    @skipUnless(
        os.geteuid() == 0 and _NOBODY and shutil.which("setpriv"),
        "needs root, another user, and setpriv",
    )
    def test_user_in_folder(self) -> None:
        """A user and a folder go together."""
        assert _NOBODY is not None
        self.assertEqual(
            _run(_prepare("sh", "-c", "pwd; id -u", user=_NOBODY.pw_name, cwd="/")),
            f"/\n{_NOBODY.pw_uid}\n",
        )

    @skipUnless(os.geteuid() == 0, "needs root")
    def test_unknown(self) -> None:
        """A user that the system does not have is reported."""
        error = self.assertRaises(StartError, _prepare, "cat", user="nobody-of-this-name")
        self.assertEqual(
            str(error), "outbound tool: user: the system has no user 'nobody-of-this-name'"
        )

    def test_not_root(self) -> None:
        """Anybody but root is told that only root can do that."""
        self.patch(os, "geteuid", lambda: 1000)
        error = self.assertRaises(StartError, _prepare, "cat", user="root")
        self.assertEqual(str(error), "outbound tool: user: only root can start a command as 'root'")

    @skipIf(os.geteuid() != 0, "needs root")
    def test_no_setpriv(self) -> None:
        """If the system has no setpriv, that is reported."""
        self.patch(os, "defpath", "/nowhere")
        error = self.assertRaises(StartError, _prepare, "cat", user="root")
        self.assertEqual(
            str(error), "outbound tool: there is no command 'setpriv' in PATH (/nowhere)"
        )
