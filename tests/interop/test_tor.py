"""Tor itself at one end of obfs4, and pipetwist with a transport of its own at the other.

Neither Tor knows of an address that is not this machine's: the only directory authority is a port
of the test's where nobody listens, there are no others to fall back to, and the client knows one
bridge. How far it comes is told by what it says: that it has the bridge's descriptor, which it has
then fetched over TLS.
"""

from __future__ import annotations

import re
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.support.daemon import Daemon, start_daemon
from tests.support.peers import need, start_peer
from tests.support.scratch import free_port, listens, scratch_folder, wait_until

_NEEDED = re.compile(r'"arguments": \{"cert": "([^"]+)", "iat-mode": "0"\}')


class TorTest(SynchronousTestCase):
    """A bridge, and a client that knows it."""

    def setUp(self) -> None:
        """Have ports, and the lines that both need."""
        self.tor, self.obfs4proxy = need("tor"), need("obfs4proxy")
        self.folder = scratch_folder(self)
        self.orport, self.tunnel, self.door, nobody = (free_port(self) for _ in range(4))
        self.alone = [
            "TestingTorNetwork 1",
            f"DirAuthority nobody orport={nobody} v3ident={1:040} 127.0.0.1:{nobody} {2:040}",
            "UseDefaultFallbackDirs 0",
            "Log notice stdout",
        ]

    def start_tor(self, name: str, *lines: str) -> Path:
        """Start one; the file with what it says."""
        folder = self.folder / name
        folder.mkdir()
        data = folder / "data"
        torrc = folder / "torrc"
        torrc.write_text("\n".join([*self.alone, f"DataDirectory {data}", *lines, ""]), "utf-8")
        start_peer(self, [self.tor, "-f", str(torrc), "--defaults-torrc", "/dev/null"], folder)
        return folder / "tor.log"

    def start_bridge(self, *lines: str) -> Path:
        """Start the bridge; the file with what it says."""
        log = self.start_tor(
            "bridge",
            "Address 127.0.0.1",
            f"ORPort 127.0.0.1:{self.orport}",
            "AssumeReachable 1",
            "BridgeRelay 1",
            "BridgeDistribution none",
            "PublishServerDescriptor 0",
            "Nickname bridge",
            "SocksPort 0",
            *lines,
        )
        wait_until(lambda: listens(self.orport), "the bridge")
        return log

    def assertReaches(self, daemon: Daemon, *lines: str) -> None:
        """A client with these lines reaches the bridge, and the daemon has seen its bytes."""
        log = self.start_tor("client", "SocksPort 0", "UseBridges 1", *lines)

        def has_come() -> bool:
            return "new bridge descriptor 'bridge' (fresh)" in log.read_text("utf-8")

        try:
            wait_until(has_come, "the bridge's descriptor")
        except TimeoutError as late:
            message = f"{late}; the client said:\n{log.read_text('utf-8')}\n{daemon.log}"
            raise AssertionError(message) from late
        daemon.stop()
        moved = re.findall(r" user=- peer=127\.0\.0\.1:\d+ .* up=(\d+) down=(\d+): ", daemon.log)
        self.assertTrue(any(int(up) > 1000 and int(down) > 1000 for up, down in moved), moved)

    def test_client(self) -> None:
        """Tor's client, with the transport that it has started, and our server's."""
        self.start_bridge()
        inbound = {
            "type": "pt",
            "tag": "in",
            "transport": "obfs4",
            "command": [self.obfs4proxy],
            "listen_port": self.tunnel,
            "state_path": "state",
        }
        bridge = {
            "type": "tcp",
            "tag": "bridge",
            "server": "127.0.0.1",
            "server_port": self.orport,
        }
        daemon = self.start([inbound], [bridge])
        wait_until(lambda: bool(_NEEDED.search(daemon.log)), "what clients need")
        (certificate,) = _NEEDED.findall(daemon.log)
        self.assertReaches(
            daemon,
            f"ClientTransportPlugin obfs4 exec {self.obfs4proxy}",
            f"Bridge obfs4 127.0.0.1:{self.tunnel} cert={certificate} iat-mode=0",
        )

    def test_server(self) -> None:
        """Tor's bridge, with the transport that it has started, and our client's."""
        self.start_bridge(
            f"ServerTransportPlugin obfs4 exec {self.obfs4proxy}",
            f"ServerTransportListenAddr obfs4 127.0.0.1:{self.tunnel}",
            "ExtORPort auto",
        )
        line = self.folder / "bridge" / "data" / "pt_state" / "obfs4_bridgeline.txt"
        wait_until(lambda: line.exists() and "cert=" in line.read_text("utf-8"), "its certificate")
        wait_until(lambda: listens(self.tunnel), "its transport")
        found = re.search(r"cert=(\S+) iat-mode=0", line.read_text("utf-8"))
        assert found is not None
        outbound = {
            "type": "pt",
            "tag": "out",
            "transport": "obfs4",
            "command": [self.obfs4proxy],
            "arguments": {"cert": found[1], "iat-mode": "0"},
            "server": "127.0.0.1",
            "server_port": self.tunnel,
            "state_path": "state",
        }
        door = {"type": "tcp", "tag": "door", "listen_port": self.door}
        self.assertReaches(self.start([door], [outbound]), f"Bridge 127.0.0.1:{self.door}")

    def start(
        self, inbounds: list[dict[str, object]], outbounds: list[dict[str, object]]
    ) -> Daemon:
        """Start pipetwist."""
        return start_daemon(
            self,
            {"inbounds": inbounds, "outbounds": outbounds, "drain_timeout": "100ms"},
            folder=scratch_folder(self),
        )
