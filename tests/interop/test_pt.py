"""obfs4proxy, a pluggable transport of Tor's, run at both ends."""

from __future__ import annotations

import json
import os
import re
import signal
import socket

from tests.interop.plugin_pair import SUM, PluginPair, exchange, members_of
from tests.support.command_line import call
from tests.support.daemon import Daemon, start_daemon
from tests.support.peers import need
from tests.support.scratch import free_port, scratch_folder, wait_until

_NEEDED = re.compile(r"clients need an outbound with (\{.*\})")


class Obfs4Test(PluginPair):
    """Its transport obfs4, whose clients need a certificate."""

    transfer = "auto"

    def start(self, *command: str) -> tuple[int, int]:
        """Start both ends; their processes. What the client needs is what the server's log says."""
        need("obfs4proxy")
        self.folder = scratch_folder(self)
        self.port = free_port(self)
        self.server = self.start_server(command or ("cat",))
        self.client = self.start_client(
            {**self.needed(), "command": ["obfs4proxy"], "state_path": "client"},
            transfer=self.transfer,
        )
        return self.plugin_of(self.client), self.plugin_of(self.server)

    def start_server(self, command: tuple[str, ...]) -> Daemon:
        """Start the server's end."""
        inbound = {
            "type": "pt",
            "tag": "in",
            "transport": "obfs4",
            "command": ["obfs4proxy"],
            "listen_port": self.port,
            "state_path": str(self.folder / "state"),
        }
        return start_daemon(
            self,
            {
                "inbounds": [inbound],
                "outbounds": [{"type": "fork", "tag": "tool", "command": list(command)}],
                "transfer": self.transfer,
            },
        )

    def needed(self) -> dict[str, object]:
        """What the server's log says that clients need."""
        wait_until(lambda: bool(_NEEDED.search(self.server.log)), "what clients need")
        found: dict[str, object] = json.loads(_NEEDED.findall(self.server.log)[-1])
        return found

    def test_carries(self) -> None:
        """Bytes come back as they were, and the server knows its client's address."""
        groups = self.start()
        self.assertCarries()
        self.assertBothSay("up=1048576 down=1048576")
        self.assertRegex(self.server.log, r"1 in -> tool\[\d+\] user=- peer=127\.0\.0\.1:\d+ ")
        self.assertNothingLeft(*groups)
        said = call("plugins", str(self.server.folder / "pipetwist.json"))
        self.assertEqual(said, (0, f"inbound in: obfs4proxy\n  {json.dumps(self.needed())}\n", ""))

    def test_half_close(self) -> None:
        """A client that ends its input gets the answer."""
        self.start(*SUM)
        self.assertSums()

    def test_killed(self) -> None:
        """When the client's is killed, what was open ends for that reason, and the next connection
        goes through another one.
        """
        client, _ = self.start()
        with self.held() as held:
            os.kill(client, signal.SIGKILL)
            self.assertEqual(held.recv(1), b"")
        why = "server: the plug-in obfs4proxy failed: it was killed by SIGKILL"
        wait_until(lambda: why in self.client.log, "the reason")
        self.assertCarries(1000)

    def test_shared(self) -> None:
        """Outbounds with the same process share it."""
        self.start()
        common = {
            **self.needed(),
            "command": ["obfs4proxy"],
            "state_path": "shared",
            "server": "127.0.0.1",
        }
        sockets = [self.folder / f"{tag}.sock" for tag in "ab"]
        daemon = start_daemon(
            self,
            {
                "inbounds": [
                    {"type": "unix", "tag": path.stem, "path": str(path)} for path in sockets
                ],
                "outbounds": [{**common, "tag": "one"}, {**common, "tag": "other"}],
                "route": {"rules": [{"inbound": ["a"], "outbound": "one"}], "final": "other"},
            },
        )
        group = self.plugin_of(daemon)
        for path in sockets:
            self.assertEqual(exchange(path, b"hello"), b"hello")
        self.assertEqual(daemon.log.count("is ready"), 1)
        wait_until(lambda: "a -> one" in daemon.log and "b -> other" in daemon.log, "the lines")
        daemon.stop()
        self.assertEqual(members_of(group), [])

    def test_nobody(self) -> None:
        """Where no server listens the reason is a sentence."""
        self.start()
        needed = self.needed()
        self.client.stop()
        with socket.socket() as nobody:
            nobody.bind(("127.0.0.1", 0))
            self.port = nobody.getsockname()[1]
            needed["server_port"] = self.port
            lost = self.start_client({**needed, "command": ["obfs4proxy"], "state_path": "lost"})
            self.assertEqual(exchange(self.path, b"hello"), b"")
            why = (
                f"cannot connect: the plug-in obfs4proxy: the SOCKS proxy can't connect "
                f"127.0.0.1:{self.port}: "
            )
            wait_until(lambda: why in lost.log, "the line")


class StreamObfs4Test(Obfs4Test):
    """The same over Twisted's transports."""

    transfer = "stream"
