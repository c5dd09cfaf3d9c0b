"""A daemon with an outbound to a name for which DNS has no answer: everything else goes on as if
that outbound were not there.
"""

from __future__ import annotations

import json
import signal
import socket
import sys
from typing import Any
from urllib.request import urlopen

from twisted.trial.unittest import SynchronousTestCase

from tests.interop.deaf_dns import ALIVE, ASKED, DEAD
from tests.support.daemon import Daemon, start_daemon
from tests.support.scratch import connected, free_port, scratch_folder, wait_until
from tests.support.shared_certificates import AUTHORITY

_SAID = f"{DEAD}: the name could not be resolved in time"
_CLIENTS = 30  # three times as many as the reactor has threads


class DeadNameTest(SynchronousTestCase):
    """Clients wait for the dead name for as long as a test takes, but for one that is impatient."""

    def setUp(self) -> None:
        """Listen as the server of the name that is alive."""
        self.folder = scratch_folder(self)
        self.server = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(self.server.close)
        self.server.settimeout(20)
        self.metrics = free_port(self)

    def start(self, dead: dict[str, Any], alive: dict[str, Any]) -> Daemon:
        """Start the daemon with an outbound to each name, beside which there is an impatient one to
        the dead one.
        """
        port = self.server.getsockname()[1]
        tags = ("dead", "alive", "impatient")
        servers = [
            {"server": DEAD, "server_port": port, "connect_timeout": "10m", **dead},
            {"server": ALIVE, "server_port": port, **alive},
            {"server": DEAD, "server_port": port, **dead, "connect_timeout": "10ms"},
        ]
        for one in servers:
            if one["type"] == "endpoint":
                one["endpoint"] = one["endpoint"].format(
                    host=one.pop("server"), port=one.pop("server_port")
                )
        return start_daemon(
            self,
            {
                "drain_timeout": "10ms",
                "inbounds": [
                    {
                        "type": "unix",
                        "tag": f"{tag}-in",
                        "path": f"{tag}.sock",
                        **({"framing": "rfc4571"} if one["type"] == "udp" else {}),
                    }
                    for tag, one in zip(tags, servers, strict=True)
                ],
                "outbounds": [
                    {"tag": tag, **server} for tag, server in zip(tags, servers, strict=True)
                ],
                "route": {"rules": [{"inbound": [f"{tag}-in"], "outbound": tag} for tag in tags]},
                "metrics": {"listen": f"127.0.0.1:{self.metrics}"},
            },
            folder=self.folder,
            command=(sys.executable, "-m", "tests.interop.deaf_dns", "-n", "--pidfile="),
        )

    def connect(self, tag: str) -> socket.socket:
        """A client of an inbound."""
        client = socket.socket(socket.AF_UNIX)
        self.addCleanup(client.close)
        client.settimeout(20)
        client.connect(str(self.folder / f"{tag}.sock"))
        return client

    def try_others(self, dead: dict[str, Any], alive: dict[str, Any] | None = None) -> None:
        """Use what has nothing to do with the dead name while many clients wait for that, and then
        stop.
        """
        daemon = self.start(dead, alive or dead)
        waiting = [self.connect("dead") for _ in range(_CLIENTS)]
        wait_until(
            lambda: connected(self.folder / "dead.sock") == len(waiting), "the clients to be let in"
        )
        client = self.connect("alive")
        client.sendall(b"there")
        peer = self.server.accept()[0]
        self.addCleanup(peer.close)
        peer.settimeout(20)
        self.assertEqual(peer.recv(5), b"there")
        with urlopen(f"http://127.0.0.1:{self.metrics}/metrics", timeout=20) as answer:
            self.assertIn(b"pipetwist", answer.read())
        daemon.process.send_signal(signal.SIGHUP)
        wait_until(lambda: "configuration reloaded" in daemon.log, "the reload")
        self.assertEqual(self.connect("impatient").recv(1), b"")
        wait_until(lambda: "impatient-in ->" in daemon.log, "the impatient client's line")
        self.assertIn(f"cannot connect: {_SAID}", daemon.log)
        daemon.stop()

    def test_kernel(self) -> None:
        """Clients of a dead name hold up nobody else, no page of metrics, no reload and no stop,
        and the log says that it was the name.
        """
        self.try_others({"type": "tcp"})

    def test_stream(self) -> None:
        """So do those whose bytes Twisted's transports would move."""
        self.try_others({"type": "tcp", "transfer": "stream"})

    def test_tls(self) -> None:
        """So do those over TLS."""
        self.try_others(
            {"type": "tcp", "tls": {"enabled": True, "certificate_path": AUTHORITY}},
            {"type": "tcp"},
        )

    def test_endpoint(self) -> None:
        """So do those of an endpoint string, for which Twisted asks its reactor for the name."""
        self.try_others({"type": "endpoint", "endpoint": "tcp:{host}:{port}"})

    def test_tls_endpoint(self) -> None:
        """So do those of a string with TLS, for which Twisted asks in another way."""
        self.try_others({"type": "endpoint", "endpoint": "tls:{host}:{port}"}, {"type": "tcp"})

    def test_datagrams(self) -> None:
        """So do those whose datagrams would go to a UDP server."""
        self.try_others({"type": "udp"}, {"type": "tcp"})

    def try_listening(self, place: str, **options: Any) -> None:
        """Have a reload listen at the dead name."""
        daemon = self.start({"type": "tcp"}, {"type": "tcp"})
        path = self.folder / "pipetwist.json"
        document = json.loads(path.read_text(encoding="utf-8"))
        document["inbounds"].append({"tag": "new", **options})
        path.write_text(json.dumps(document), encoding="utf-8")
        daemon.process.send_signal(signal.SIGHUP)
        wait_until(lambda: ASKED in daemon.log, "the look-up")
        client = self.connect("alive")
        client.sendall(b"there")
        peer = self.server.accept()[0]
        self.addCleanup(peer.close)
        self.assertEqual(peer.recv(5), b"there")
        daemon.stop()
        self.assertIn(
            f"inbound new: {place}: {DEAD} is not an address: the name could not be resolved in "
            "time",
            daemon.log,
        )

    def test_listening(self) -> None:
        """A reload that is to listen at the dead name holds up nobody either: connections come in
        meanwhile, and a stop gives it up.
        """
        self.try_listening("listen", type="tcp", listen=DEAD, listen_port=free_port(self))

    def test_listening_endpoint(self) -> None:
        """Nor does one whose endpoint string names it."""
        self.try_listening(
            "endpoint", type="endpoint", endpoint=f"tcp:{free_port(self)}:interface={DEAD}"
        )
