"""The ways to run the daemon: twistd in the foreground, twistd as a daemon, twist, and an endpoint
of systemd's.
"""

from __future__ import annotations

import os
import signal
import socket
import stat
import sys
from pathlib import Path

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from tests.support.daemon import (
    FOREGROUND,
    TWIST,
    TWISTD,
    run_to_end,
    start_daemon,
    write_configuration,
)
from tests.support.scratch import has_ended, listens, scratch_folder, wait_until

_HAND_OVER = """
import os, sys
os.dup2(int(os.environ["HANDED"]), 3)
os.environ["LISTEN_PID"] = str(os.getpid())
os.execv(sys.argv[1], sys.argv[1:])
"""
_ECHO = {
    "inbounds": [{"type": "unix", "tag": "in", "path": "in.sock", "mode": "0666"}],
    "outbounds": [{"type": "fork", "tag": "out", "command": ["cat"]}],
}


class RunningTest(SynchronousTestCase):
    """Each way starts the daemon on a configuration with relative paths, relays, and stops it by
    SIGTERM.
    """

    def setUp(self) -> None:
        """Choose the folder."""
        self.folder = scratch_folder(self)
        self.path = self.folder / "in.sock"

    def test_foreground(self) -> None:
        """``twistd -n pipetwist`` relays, and at SIGTERM ends and takes its socket away."""
        daemon = start_daemon(self, _ECHO, folder=self.folder, command=FOREGROUND)
        self.assertEqual(_echo(self.path), b"hello")
        daemon.stop()
        self.assertFalse(self.path.exists())

    def test_no_pidfile(self) -> None:
        """With ``--pidfile=`` it starts whatever a pidfile of before says, such as the number of a
        process that lives.
        """
        pidfile = self.folder / "twistd.pid"
        pidfile.write_text(str(os.getpid()), encoding="ascii")
        daemon = start_daemon(self, _ECHO, folder=self.folder, command=FOREGROUND)
        self.assertEqual(_echo(self.path), b"hello")
        daemon.stop()
        self.assertEqual(pidfile.read_text(encoding="ascii"), str(os.getpid()))

    def test_twist(self) -> None:
        """``twist pipetwist`` relays, and at SIGTERM ends and takes its socket away."""
        daemon = start_daemon(self, _ECHO, folder=self.folder, command=TWIST)
        self.assertEqual(_echo(self.path), b"hello")
        daemon.stop()
        self.assertFalse(self.path.exists())

    def test_daemon(self) -> None:
        """``twistd pipetwist`` goes to the background once it listens, with a pidfile and a log,
        and stops by the pidfile.
        """
        pidfile, log = self.folder / "pid", self.folder / "log"
        configuration = write_configuration(self.folder, _ECHO)
        command = [
            *TWISTD,
            f"--pidfile={pidfile}",
            f"--logfile={log}",
            "pipetwist",
            "--config",
            str(configuration),
        ]
        started = run_to_end(self.folder, command)
        self.assertEqual((started.returncode, started.stdout, started.stderr), (0, "", ""))
        self.assertTrue(listens(self.path))
        pid = int(pidfile.read_text(encoding="ascii"))
        self.addCleanup(_kill, pid)
        self.assertEqual(_echo(self.path), b"hello")
        os.kill(pid, signal.SIGTERM)
        wait_until(lambda: has_ended(pid), "the daemon to end")
        self.assertEqual([self.path.exists(), pidfile.exists()], [False, False])
        self.assertIn("in", log.read_text(encoding="utf-8"))

    def test_configuration_relative_to_the_folder(self) -> None:
        """The configuration's own path may be relative too, in daemon mode with another folder to
        run in.
        """
        write_configuration(self.folder, _ECHO)
        run = self.folder / "run"
        run.mkdir()
        pidfile = run / "pid"
        started = run_to_end(
            self.folder,
            [
                *TWISTD,
                f"--rundir={run}",
                f"--pidfile={pidfile}",
                "--logfile=log",
                "pipetwist",
                "--config",
                "pipetwist.json",
            ],
        )
        self.assertEqual((started.returncode, started.stderr), (0, ""))
        pid = int(pidfile.read_text(encoding="ascii"))
        self.addCleanup(_kill, pid)
        self.assertEqual(_echo(self.path), b"hello")

    def test_places_of_twistd(self) -> None:
        """Where twistd's own files, folders or users can't be had, one line says which and what to
        do, and the status is 1.
        """
        if os.geteuid() != 0:
            message = "others than root are told something else of some of these"
            raise SkipTest(message)
        configuration = write_configuration(self.folder, _ECHO)
        nowhere = self.folder / "nowhere"
        running, link = self.folder / "running.pid", self.folder / "link.pid"
        running.write_text(str(os.getpid()), encoding="ascii")
        link.symlink_to("victim")
        os.chown(link, 65534, 65534, follow_symlinks=False)
        missing = f"pipetwist: {{}}: there is no folder {nowhere}; make it first\n"
        for options, says in (
            ([f"--logfile={nowhere}/log"], missing.format(f"--logfile={nowhere}/log")),
            (
                ["-n", "--pidfile=", "--logfile=nowhere/log"],
                missing.format("--logfile=nowhere/log"),
            ),
            (["--logfile=log", "--pidfile=nowhere/pid"], missing.format("--pidfile=nowhere/pid")),
            (["-n", "--pidfile=", f"--rundir={nowhere}"], missing.format(f"--rundir={nowhere}")),
            (["-n", "--pidfile=", f"--chroot={nowhere}"], missing.format(f"--chroot={nowhere}")),
            (
                ["-n", "--pidfile=", "--uid=4242424"],
                "pipetwist: --uid=4242424: there is no user with this number\n",
            ),
            (
                ["--logfile=.", "--pidfile="],
                "pipetwist: --logfile=.: this is a folder; give the name of a file\n",
            ),
            (
                ["--logfile=log", "--pidfile=running.pid"],
                (
                    f"pipetwist: --pidfile={running}: process {os.getpid()}, whose ID it "
                    "contains, is running; stop it, remove the file if it is another program, or "
                    "name another file\n"
                ),
            ),
            (
                ["--logfile=log", "--pidfile=link.pid"],
                (
                    f"pipetwist: --pidfile={link}: {link} is a symbolic link of user 65534, who "
                    "could have it lead to any file; name the file itself\n"
                ),
            ),
        ):
            failed = run_to_end(
                self.folder, [*TWISTD, *options, "pipetwist", "--config", str(configuration)]
            )
            self.assertEqual((failed.returncode, failed.stdout, failed.stderr), (1, "", says))
        self.assertFalse(listens(self.path))
        self.assertFalse((self.folder / "victim").exists())

    def test_other_user(self) -> None:
        """With ``--uid`` and ``--gid`` the daemon, and what it starts, run as that user, and the
        stop takes the socket away.
        """
        if os.geteuid() != 0:
            message = "only root can change users"
            raise SkipTest(message)
        self.folder.chmod(0o777)
        configuration = {
            **_ECHO,
            "outbounds": [{"type": "fork", "tag": "out", "command": ["id", "-u"]}],
        }
        command = (*TWISTD, "-n", "--pidfile=", "--uid=65534", "--gid=65534")
        daemon = start_daemon(self, configuration, folder=self.folder, command=command)
        self.assertEqual(_echo(self.path), b"65534\n")
        daemon.stop()
        self.assertFalse(self.path.exists())


class ActivationTest(SynchronousTestCase):
    """An inherited socket, as from systemd (sd_listen_fds(3))."""

    def test_activated(self) -> None:
        """The daemon accepts on the socket that it was handed, as often as it is started with it,
        and the file stays after each stop.
        """
        folder = scratch_folder(self)
        path = folder / "pipe.sock"
        listener = socket.socket(socket.AF_UNIX)
        self.addCleanup(listener.close)
        listener.bind(str(path))
        listener.listen()
        # LISTEN_PID must be the daemon's own process, which only a program that becomes the daemon
        # can know. Descriptors begin at 3.
        handing_over = (sys.executable, "-c", _HAND_OVER)
        for inbound in (
            {"type": "endpoint", "tag": "in", "endpoint": "systemd:domain=UNIX:name=pipe"},
            {"type": "unix", "tag": "in", "path": str(path)},
            {"type": "unix", "tag": "in", "path": str(path)},
        ):
            daemon = start_daemon(
                self,
                {**_ECHO, "inbounds": [inbound]},
                folder=folder,
                command=(*handing_over, *TWISTD, "-n", "--pidfile="),
                environment={
                    "LISTEN_FDS": "1",
                    "LISTEN_FDNAMES": "pipe",
                    "HANDED": str(listener.fileno()),
                },
                pass_fds=[listener.fileno()],
            )
            self.assertEqual(_echo(path), b"hello")
            daemon.stop()
            self.assertTrue(stat.S_ISSOCK(path.stat().st_mode))


def _echo(path: Path) -> bytes:
    """Send a greeting and an end of file, and read the whole answer."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(60)
        client.connect(str(path))
        client.sendall(b"hello")
        client.shutdown(socket.SHUT_WR)
        answer = b""
        while piece := client.recv(4096):
            answer += piece
        return answer


def _kill(pid: int) -> None:
    if not has_ended(pid):
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: has_ended(pid), "the daemon to end")
