"""Each end of a plug-in hosted, and the other one started by hand, as the contracts say."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from tests.interop.plugin_pair import PluginPair
from tests.support.daemon import Daemon, start_daemon
from tests.support.peers import need, start_peer
from tests.support.scratch import free_port, listens, scratch_folder, wait_until

_SIZE = 16 << 20


class _Case(PluginPair):
    """A client's end, whose socket is ``in.sock``, and a server's, which sends everything back."""

    def setUp(self) -> None:
        """Have a folder and ports."""
        self.folder = scratch_folder(self)
        self.path = self.folder / "in.sock"
        self.port, self.near, self.far = (free_port(self) for _ in range(3))

    def start_near(self, **outbound: Any) -> Daemon:
        """Start the client's end."""
        unix = {"type": "unix", "tag": "pipe", "path": str(self.path)}
        return start_daemon(self, {"inbounds": [unix], "outbounds": [{"tag": "out", **outbound}]})

    def start_echo(self, **inbound: Any) -> Daemon:
        """Start the server's end."""
        return start_daemon(
            self,
            {
                "inbounds": [{"tag": "in", **inbound}],
                "outbounds": [{"type": "fork", "tag": "echo", "command": ["cat"]}],
            },
        )

    def start_by_hand(self, program: str, **variables: str) -> Path:
        """Start a program with these variables; the file with what it says."""
        written = [f"{name}={value}" for name, value in variables.items()]
        start_peer(self, ["env", *written, need(program)], self.folder)
        return self.folder / "env.log"

    def assertCounted(self, *daemons: Daemon) -> None:
        """All that is sent comes back, and each daemon has counted it."""
        self.assertCarries(_SIZE)
        line = f"up={_SIZE} down={_SIZE}"
        wait_until(lambda: all(line in daemon.log for daemon in daemons), "the lines")


class Obfs4Test(_Case):
    """obfs4proxy."""

    def said(self, log: Path, pattern: str) -> re.Match[str]:
        """Wait until a program started by hand has said something."""
        wait_until(lambda: re.search(pattern, log.read_text("utf-8")) is not None, pattern)
        found = re.search(pattern, log.read_text("utf-8"))
        assert found is not None
        return found

    def start_transport(self, **variables: str) -> Path:
        """Start a transport by hand."""
        return self.start_by_hand(
            "obfs4proxy",
            TOR_PT_MANAGED_TRANSPORT_VER="1",
            TOR_PT_STATE_LOCATION=str(self.folder / "by-hand"),
            **variables,
        )

    def test_server(self) -> None:
        """The server's by hand, with a plain ORPort, which is our service."""
        echo = self.start_echo(type="tcp", listen_port=self.far)
        log = self.start_transport(
            TOR_PT_SERVER_TRANSPORTS="obfs4",
            TOR_PT_SERVER_BINDADDR=f"obfs4-127.0.0.1:{self.port}",
            TOR_PT_ORPORT=f"127.0.0.1:{self.far}",
        )
        certificate = self.said(log, r"SMETHOD obfs4 \S+ ARGS:cert=([^,]+),iat-mode=0\n")[1]
        client = self.start_near(
            type="pt",
            transport="obfs4",
            command=[need("obfs4proxy")],
            arguments={"cert": certificate, "iat-mode": "0"},
            server="127.0.0.1",
            server_port=self.port,
            state_path=str(self.folder / "hosted"),
        )
        self.assertCounted(client, echo)

    def test_client(self) -> None:
        """The client's by hand, which is a SOCKS proxy with arguments for a password."""
        echo = self.start_echo(
            type="pt",
            transport="obfs4",
            command=[need("obfs4proxy")],
            listen_port=self.port,
            state_path=str(self.folder / "hosted"),
        )
        needed = r'"arguments": \{"cert": "([^"]+)", "iat-mode": "0"\}'
        wait_until(lambda: re.search(needed, echo.log) is not None, "what clients need")
        (certificate,) = re.findall(needed, echo.log)
        log = self.start_transport(TOR_PT_CLIENT_TRANSPORTS="obfs4")
        proxy = self.said(log, r"CMETHOD obfs4 socks5 127\.0\.0\.1:(\d+)\n")[1]
        arguments = f"cert={certificate};iat-mode=0"
        client = self.start_near(
            type="tcp",
            server="127.0.0.1",
            server_port=self.port,
            via={
                "type": "socks",
                "server": "127.0.0.1",
                "server_port": int(proxy),
                "username": arguments[:-1],
                "password": arguments[-1],
            },
        )
        self.assertCounted(client, echo)


class V2RayPluginTest(_Case):
    """v2ray-plugin, with several connections in one."""

    programs = ("ss-v2ray-plugin", "ss-v2ray-plugin")
    options = ("", "server")

    def start_plugin(self, end: int, local: int, listens_at: int) -> None:
        """Start the client's or the server's by hand."""
        self.start_by_hand(
            self.programs[end],
            SS_REMOTE_HOST="127.0.0.1",
            SS_REMOTE_PORT=str(self.port),
            SS_LOCAL_HOST="127.0.0.1",
            SS_LOCAL_PORT=str(local),
            SS_PLUGIN_OPTIONS=self.options[end],
        )
        wait_until(lambda: listens(listens_at), "the plug-in")

    def test_server(self) -> None:
        """The server's by hand."""
        echo = self.start_echo(type="tcp", listen_port=self.far)
        self.start_plugin(1, self.far, self.port)
        client = self.start_near(
            type="sip003",
            plugin=need(self.programs[0]),
            plugin_opts=self.options[0],
            server="127.0.0.1",
            server_port=self.port,
        )
        self.assertCounted(client, echo)

    def test_client(self) -> None:
        """The client's by hand."""
        echo = self.start_echo(
            type="sip003",
            plugin=need(self.programs[1]),
            plugin_opts=self.options[1],
            listen_port=self.port,
        )
        wait_until(lambda: "is ready" in echo.log, "our plug-in")
        self.start_plugin(0, self.near, self.near)
        client = self.start_near(type="tcp", server="127.0.0.1", server_port=self.near)
        self.assertCounted(client, echo)


class PlainV2RayPluginTest(V2RayPluginTest):
    """With a connection for each."""

    options = ("mux=0", "server;mux=0")


class ObfsTest(V2RayPluginTest):
    """simple-obfs."""

    programs = ("obfs-local", "obfs-server")
    options = ("obfs=http;obfs-host=example.com", "obfs=http")
