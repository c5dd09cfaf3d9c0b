"""socat, ncat and nc send datagrams and answer them, by UDP and on unix sockets, each with each."""

from __future__ import annotations

import os
import re
import socket
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from tests.interop.talk import Talk
from tests.interop.v2ray_pair import query_traffic
from tests.support.daemon import Daemon, start_daemon
from tests.support.peers import need, start_peer
from tests.support.scratch import free_datagram_port, receives, scratch_folder, wait_until

_SAID = b"question\n"
_HEARD = b"QUESTION\n"
_SHOUT = "tr a-z A-Z"
_NOBODY = 65534


class _DatagramCase(SynchronousTestCase):
    """A daemon with an inbound of each kind, and one outbound."""

    def setUp(self) -> None:
        """Find the programs and choose the addresses."""
        for program in ("ncat", "socat", "nc", "v2ctl"):
            need(program)
        self.folder = scratch_folder(self)
        self.folder.chmod(0o711)  # other users send as well
        self.port, self.server_port = free_datagram_port(self), free_datagram_port(self)
        self.path, self.server_path = self.folder / "in.sock", self.folder / "out.sock"

    def start(self, outbound: dict[str, Any], **unixgram: Any) -> Daemon:
        """Start the daemon."""
        users = [user["name"] for user in unixgram.get("users", [])]
        stats = {
            "enabled": True,
            "inbounds": ["udp-in", "unix-in"],
            "outbounds": ["out"],
            "users": users,
        }
        return start_daemon(
            self,
            {
                "drain_timeout": "10ms",
                "inbounds": [
                    {"type": "udp", "tag": "udp-in", "listen_port": self.port},
                    {"type": "unixgram", "tag": "unix-in", "path": "in.sock", **unixgram},
                ],
                "outbounds": [{"tag": "out", **outbound}],
                "experimental": {
                    "v2ray_api": {"listen": f"unix:{self.folder}/api.sock", "stats": stats}
                },
            },
            folder=self.folder,
        )

    def to_udp(self) -> dict[str, Any]:
        """An outbound to the server's port."""
        return {"type": "udp", "server": "127.0.0.1", "server_port": self.server_port}

    def to_unix(self) -> dict[str, Any]:
        """An outbound to the server's path."""
        return {"type": "unixgram", "path": "out.sock"}

    def serve(self, address: Path | int, *command: str) -> None:
        """Start a server."""
        start_peer(self, command, self.folder)
        wait_until(lambda: receives(address), f"{command[0]} to listen")

    def is_answered(self, *command: str, heard: bytes = _HEARD) -> Talk:
        """Start a client, say something, and hear the answer."""
        client = Talk(self, command)
        client.say(_SAID)
        self.assertEqual(client.hear(len(heard)), heard, command)
        return client

    def expect_counted(self, expected: dict[tuple[str, str], tuple[int, int]]) -> None:
        """Wait until just this is counted: an answer is a moment after the client has it."""
        counted: list[object] = []

        def are_counted() -> bool:
            counted.append(query_traffic(f"unix:{self.folder}/api.sock"))
            return counted[-1] == expected

        try:
            wait_until(are_counted, "the counters")
        except TimeoutError:
            self.assertEqual(counted[-1], expected)


class ToolsTest(_DatagramCase):
    """Every client against one server at a time."""

    def test_socat_server(self) -> None:
        """All are answered by a socat on a UDP port."""
        self.serve(
            self.server_port,
            "socat",
            f"UDP-RECVFROM:{self.server_port},bind=127.0.0.1,fork",
            f"EXEC:{_SHOUT}",
        )
        self._try_clients(self.to_udp(), _HEARD)

    def test_socat_unix_server(self) -> None:
        """All are answered by a socat on a unix datagram socket."""
        self.serve(
            self.server_path, "socat", f"UNIX-RECVFROM:{self.server_path},fork", f"EXEC:{_SHOUT}"
        )
        self._try_clients(self.to_unix(), _HEARD)

    def test_ncat_server(self) -> None:
        """All are answered by ``ncat -lku``."""
        self.serve(
            self.server_port,
            "ncat",
            "-lku",
            "127.0.0.1",
            str(self.server_port),
            "--exec",
            "/bin/cat",
        )
        self._try_clients(self.to_udp(), _SAID)

    def test_nobody_there(self) -> None:
        """If nobody listens an association ends and the log says why, and the same client is
        answered as soon as somebody does.
        """
        daemon = self.start(self.to_udp())
        client = Talk(self, ["socat", "-", f"UDP:127.0.0.1:{self.port}"])
        client.say(_SAID)
        wait_until(
            lambda: f"up={len(_SAID)} down=0: server: Connection refused" in daemon.log,
            "the end of the association",
        )
        self.serve(
            self.server_port,
            "socat",
            f"UDP-RECVFROM:{self.server_port},bind=127.0.0.1,fork",
            f"EXEC:{_SHOUT}",
        )
        client.say(_SAID)
        self.assertEqual(client.hear(len(_HEARD)), _HEARD)
        both = (2 * len(_SAID), len(_HEARD))
        self.expect_counted({("inbound", "udp-in"): both, ("outbound", "out"): both})
        self.assertEqual(len(re.findall(r" udp-in -> out\b", daemon.log)), 1)
        daemon.stop()

    def test_nameless(self) -> None:
        """A socat that binds to no name can send and gets no answer, which the log tells as
        dropped.
        """
        server = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(server.close)
        server.settimeout(60)
        server.bind(str(self.server_path))
        daemon = self.start(self.to_unix(), udp_timeout="1s")
        client = Talk(self, ["socat", "-", f"UNIX-SENDTO:{self.path}"])
        client.say(_SAID)
        datagram, source = server.recvfrom(100)
        self.assertEqual(datagram, _SAID)
        server.sendto(_HEARD, source)
        wait_until(
            lambda: (
                f"up={len(_SAID)} down=0: no byte moved for 1 s; 1 datagrams dropped" in daemon.log
            ),
            "the log's line",
        )
        both = (len(_SAID), 0)
        self.expect_counted({("inbound", "unix-in"): both, ("outbound", "out"): both})

    def _try_clients(self, outbound: dict[str, Any], heard: bytes) -> None:
        daemon = self.start(outbound)
        by_udp = [
            ["socat", "-", f"UDP:127.0.0.1:{self.port}"],
            *([nc, "-u", "127.0.0.1", str(self.port)] for nc in ("ncat", "nc")),
        ]
        by_unix = [
            ["socat", "-", f"UNIX-SENDTO:{self.path},bind={self.folder}/socat.sock"],
            ["env", f"TMPDIR={self.folder}", "ncat", "-uU", str(self.path)],
            ["nc", "-uU", "-s", str(self.folder / "nc.sock"), str(self.path)],
        ]
        for command in by_udp + by_unix:
            self.is_answered(*command, heard=heard)
        up, down = 3 * len(_SAID), 3 * len(heard)
        self.expect_counted(
            {
                ("inbound", "udp-in"): (up, down),
                ("inbound", "unix-in"): (up, down),
                ("outbound", "out"): (2 * up, 2 * down),
            }
        )
        daemon.stop()
        self.assertEqual(
            len(
                re.findall(
                    rf"up={len(_SAID)} down={len(heard)}: client: the inbound has stopped "
                    r"listening$",
                    daemon.log,
                    re.MULTILINE,
                )
            ),
            6,
        )


class UsersTest(_DatagramCase):
    """Who sends to a unix datagram socket, by the kernel's word (SCM_CREDENTIALS, unix(7))."""

    def test_users(self) -> None:
        """Each user is known and counted, and whoever is none is refused, which the log says
        once.
        """
        users = [{"name": "alice", "uid": os.geteuid()}, {"name": "bob", "gid": _NOBODY}]
        self.serve(
            self.server_path, "socat", f"UNIX-RECVFROM:{self.server_path},fork", f"EXEC:{_SHOUT}"
        )
        daemon = self.start(self.to_unix(), users=users, mode="0666")
        send = ["socat", "-", f"UNIX-SENDTO:{self.path},bind={self.folder}/alice.sock"]
        self.is_answered(*send).say(_SAID)
        one = (2 * len(_SAID), 2 * len(_HEARD))
        self.expect_counted(
            {("inbound", "unix-in"): one, ("outbound", "out"): one, ("user", "alice"): one}
        )
        if os.geteuid():
            message = "only root can run a program as somebody else"
            raise SkipTest(message)
        theirs = self.folder / "theirs"
        theirs.mkdir()
        theirs.chmod(0o777)
        self.is_answered(
            *_as(_NOBODY), "socat", "-", f"UNIX-SENDTO:{self.path},bind={theirs}/bob.sock"
        )
        stranger = Talk(
            self,
            [
                *_as(_NOBODY - 1),
                "socat",
                "-",
                f"UNIX-SENDTO:{self.path},bind={theirs}/stranger.sock",
            ],
        )
        stranger.say(_SAID)
        wait_until(lambda: "which is not one of its users" in daemon.log, "the refusal")
        stranger.say(_SAID)
        both = (3 * len(_SAID), 3 * len(_HEARD))
        bob = (len(_SAID), len(_HEARD))
        self.expect_counted(
            {
                ("inbound", "unix-in"): both,
                ("outbound", "out"): both,
                ("user", "alice"): one,
                ("user", "bob"): bob,
            }
        )
        daemon.stop()
        refused = re.findall(
            rf"inbound unix-in: refused pid:\d+ uid:{_NOBODY - 1} gid:{_NOBODY - 1}, which is "
            r"not one of its users",
            daemon.log,
        )
        self.assertEqual(len(refused), 1)
        self.assertEqual(
            len(re.findall(rf"user=bob peer=pid:\d+ uid:{_NOBODY} gid:{_NOBODY} ", daemon.log)), 1
        )


def _as(number: int) -> list[str]:
    """What runs a command as this user and this group."""
    return ["setpriv", f"--reuid={number}", f"--regid={number}", "--clear-groups"]
