"""Quotas of a real daemon at full speed: what the ends have received, after kills and restarts."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
from threading import Thread

from twisted.trial.unittest import SynchronousTestCase

from tests.support.daemon import start_daemon
from tests.support.scratch import scratch_folder, wait_until
from tests.support.shared_certificates import SERVER, SERVER_NAME, client_context

_QUOTA = 20_000_000
_LARGE_QUOTA = 240_000_000
_MORE = 1 << 20
_CLIENTS = 200
_BLOCK = bytes(1 << 16)
_MARK = b"?"


class QuotaCase(SynchronousTestCase):
    """A server that takes everything, and clients that send it as much as they can."""

    def setUp(self) -> None:
        """Start the server."""
        self.folder = scratch_folder(self)
        self.counts: list[int] = []
        self.marks = 0
        self.server = socket.socket(socket.AF_UNIX)
        self.server.bind(str(self.folder / "out.sock"))
        self.server.listen(1024)
        self.addCleanup(self.server.close)
        self.addCleanup(self._shut)
        self.accepting = Thread(target=self._accept, daemon=True)
        self.accepting.start()
        self.taking: list[Thread] = []

    def _shut(self) -> None:
        self.server.shutdown(socket.SHUT_RDWR)
        for thread in (self.accepting, *self.taking):
            thread.join(60)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connected, _ = self.server.accept()
                thread = Thread(target=self._take, args=(connected,), daemon=True)
                thread.start()
                self.taking.append(thread)

    def _take(self, connected: socket.socket) -> None:
        with connected, contextlib.suppress(OSError):
            while data := connected.recv(1 << 16):
                self.counts.append(len(data))
                self.marks += data.count(_MARK)

    def configuration(
        self, transfer: str = "auto", quota: int = _QUOTA, *, tls: bool = False
    ) -> dict[str, object]:
        """One user with a quota of so many bytes, and an inbound, with TLS or without."""
        certificate, key = SERVER
        encrypted = {"tls": {"certificate_path": certificate, "key_path": key}} if tls else {}
        return {
            "transfer": transfer,
            "timezone": "UTC",
            "users": [
                {
                    "name": "me",
                    "uid": os.getuid(),
                    "limits": {"quota": [{"bytes": quota, "per": "month"}]},
                }
            ],
            "inbounds": [
                {"type": "unix", "tag": "in", "path": "in.sock", "users": ["me"], **encrypted}
            ],
            "outbounds": [{"type": "unix", "tag": "out", "path": "out.sock"}],
            "experimental": {"v2ray_api": {"stats": {"store": "counters.db"}}},
        }

    def flood(self, clients: int = _CLIENTS, *, tls: bool = False) -> Thread:
        """Send as much as can be sent, over so many connections; each is one thread's."""
        context = client_context(None)

        def send() -> None:
            with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as client:
                client.connect(str(self.folder / "in.sock"))
                client.settimeout(60)
                sending: socket.socket = client
                if tls:
                    sending = context.wrap_socket(client, server_hostname=SERVER_NAME)
                with sending:
                    while True:
                        sending.sendall(_BLOCK)

        def all_of_them() -> None:
            threads = [Thread(target=send, daemon=True) for _ in range(clients)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(120)

        thread = Thread(target=all_of_them, daemon=True)
        thread.start()
        return thread

    def quota(self, *words: str) -> tuple[int, str]:
        """Run the command; its status and what it prints."""
        done = subprocess.run(
            [sys.executable, "-m", "pipetwist", "quota", *words, "-c", "pipetwist.json"],
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    def refused(self) -> bool:
        """Whether a new connection is ended before anything comes through."""
        before = self.marks
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(self.folder / "in.sock"))
            with contextlib.suppress(BrokenPipeError):
                client.sendall(_MARK)
            client.setblocking(False)
            wait_until(lambda: self.marks > before or _has_ended(client), "the byte, or the end")
        return self.marks == before


def _has_ended(connected: socket.socket) -> bool:
    try:
        return connected.recv(1) == b""
    except BlockingIOError:
        return False
    except ConnectionResetError:
        return True


class QuotaTest(QuotaCase):
    """Its end."""

    def test_many(self) -> None:
        """Of 200 connections at full speed the server gets no more than there is, spliced and
        copied, and then none gets through; the command shows it; a restart opens nothing.
        """
        for transfer in ("kernel", "stream"):
            self.counts.clear()
            for file in self.folder.glob("counters.db*"):
                file.unlink()
            daemon = start_daemon(self, self.configuration(transfer), folder=self.folder)
            self.flood().join(300)
            self.assertTrue(self.refused(), daemon.log)
            received = sum(self.counts)
            self.assertLessEqual(received, _QUOTA, transfer)
            status, said = self.quota()
            shown = said.split("\t")
            self.assertEqual((status, shown[:3]), (0, ["me", "month-1-both", str(_QUOTA)]))
            used = int(shown[3])
            self.assertGreaterEqual(used, received)
            self.assertLessEqual(used, _QUOTA)
            wait_until(lambda: "user me has reached quota" in daemon.log, "the line")  # noqa: B023 - it is waited for here
            daemon.stop()
            daemon = start_daemon(self, self.configuration(transfer), folder=self.folder)
            self.assertTrue(self.refused(), daemon.log)
            daemon.stop()

    def test_many_tls(self) -> None:
        """With TLS it is the same, OpenSSL's and Twisted's."""
        for transfer in ("kernel", "stream"):
            self.counts.clear()
            for file in self.folder.glob("counters.db*"):
                file.unlink()
            configuration = self.configuration(transfer, tls=True)
            daemon = start_daemon(self, configuration, folder=self.folder)
            self.flood(tls=True).join(300)
            wait_until(lambda: "user me has reached quota" in daemon.log, "its line")  # noqa: B023 - called at once
            daemon.stop()
            received = sum(self.counts)
            self.assertLessEqual(received, _QUOTA, transfer)
            self.assertGreater(received, _QUOTA // 2, transfer)
            self.assertEqual(self.quota()[1].split("\t")[3], str(_QUOTA))

    def test_killed(self) -> None:
        """Killed in the middle, again and again, no more passes in all than a MiB beyond it, and
        what one call moved for each kill.
        """
        kills = 0
        for _ in range(20):
            configuration = self.configuration(quota=_LARGE_QUOTA)
            daemon = start_daemon(self, configuration, folder=self.folder)
            if self.refused():
                break
            target = sum(self.counts) + _LARGE_QUOTA // 12
            flood = self.flood(20)
            wait_until(
                lambda: sum(self.counts) > target or not flood.is_alive(),  # noqa: B023 - called at once
                "some of it to arrive",
            )
            daemon.kill()
            kills += 1
            flood.join(120)
        else:
            self.fail("there was no end")
        self.assertGreater(kills, 0)
        self.assertLessEqual(sum(self.counts), _LARGE_QUOTA + (kills + 1) * _MORE)
        daemon.stop()
        self.assertEqual(self.quota("reset", "nobody")[0], 1)
        self.assertEqual(self.quota("reset", "me"), (0, ""))
        daemon = start_daemon(self, self.configuration(quota=_LARGE_QUOTA), folder=self.folder)
        self.assertFalse(self.refused(), daemon.log)
        self.assertIn("control.listen is missing", self.quota("reset", "me")[1])
        daemon.stop()

    def test_reset_of_a_running_daemon(self) -> None:
        """The control service begins a quota anew, and who did it is logged."""
        configuration = {**self.configuration(), "control": {"listen": "unix:control.sock"}}
        daemon = start_daemon(self, configuration, folder=self.folder)
        self.flood(4).join(120)
        self.assertTrue(self.refused(), daemon.log)
        self.assertEqual(self.quota("reset", "me"), (0, ""))
        self.assertFalse(self.refused(), daemon.log)
        wait_until(lambda: 'began the quotas of "me" anew' in daemon.log, "the line")
        status, said = self.quota("reset", "nobody")
        self.assertEqual((status, said), (1, "pipetwist: the daemon has no quota of nobody\n"))
        # It counts on in a file that was removed, which both commands know.
        (self.folder / "counters.db.quotas").unlink()
        status, said = self.quota()
        self.assertEqual((status, said.count("\n")), (2, 1), said)
        self.assertIn("a daemon runs that uses", said)
        self.flood(4).join(120)
        self.assertTrue(self.refused(), daemon.log)
        self.assertEqual(self.quota("reset", "me"), (0, ""))
        self.assertFalse(self.refused(), daemon.log)
        daemon.stop()
        status, said = self.quota()
        self.assertEqual(status, 0)
        self.assertIn("there is no such file", said)
        self.assertIn(f"\t{_QUOTA}\t0\t{_QUOTA}\t", said)
        status, said = self.quota("reset", "me")
        self.assertEqual((status, said.count("there is no such file")), (1, 1), said)
