"""shadowsocks' own plug-ins, run at both ends."""

from __future__ import annotations

import os
import signal

from tests.interop.plugin_pair import SUM, PluginPair
from tests.support.peers import need
from tests.support.scratch import wait_until


class _Sip003Case(PluginPair):
    program = ("obfs-local", "obfs-server")
    options = ("obfs=http;obfs-host=example.com", "obfs=http")
    transfer = "auto"

    def start(self, *command: str) -> tuple[int, int]:
        """Start both ends; their plug-ins' processes."""
        for program in self.program:
            need(program)
        client, server = (
            {"type": "sip003", "plugin": program, "plugin_opts": options}
            for program, options in zip(self.program, self.options, strict=True)
        )
        self.pair(client, server, command or ("cat",), transfer=self.transfer)
        return self.plugin_of(self.client), self.plugin_of(self.server)


class HttpTest(_Sip003Case):
    """simple-obfs, as HTTP."""

    def test_carries(self) -> None:
        """Bytes come back as they were, both logs have the same figures, and nothing is left."""
        groups = self.start()
        self.assertCarries()
        self.assertBothSay("up=1048576 down=1048576")
        self.assertIn("user=- peer=", self.server.log)
        self.assertNothingLeft(*groups)

    def test_half_close(self) -> None:
        """A client that ends its input gets the answer."""
        self.start(*SUM)
        self.assertSums()
        wait_until(lambda: " up=100000 down=" in self.client.log, "the line")
        self.assertIn("client closed", self.client.log)


class KilledTest(_Sip003Case):
    """Plug-ins that are killed."""

    def test_killed(self) -> None:
        """When the client's is killed, what was open ends for that reason, and the next connection
        goes through another one.
        """
        client, server = self.start()
        with self.held() as held:
            os.kill(client, signal.SIGKILL)
            self.assertEqual(held.recv(1), b"")
        why = "server: the plug-in obfs-local failed: it was killed by SIGKILL"
        wait_until(lambda: why in self.client.log, "the reason")
        self.assertCarries(1000)
        again = self.another_of(self.client, client)
        self.assertNothingLeft(client, server, again)

    def test_killed_server(self) -> None:
        """The same of the server's, whose port is listened at again."""
        _, server = self.start()
        with self.held():
            os.kill(server, signal.SIGKILL)
            why = "client: the plug-in obfs-server failed: it was killed by SIGKILL"
            wait_until(lambda: why in self.server.log, "the reason")
        self.another_of(self.server, server)
        self.assertCarries(1000)


class KilledStreamTest(KilledTest):
    """The same over Twisted's transports."""

    transfer = "stream"


class StreamTest(HttpTest):
    """simple-obfs, over Twisted's transports."""

    transfer = "stream"


class TlsLookTest(HttpTest):
    """simple-obfs, as TLS."""

    options = ("obfs=tls;obfs-host=example.com", "obfs=tls")


class WebSocketTest(HttpTest):
    """v2ray-plugin, with several connections in one."""

    program = ("ss-v2ray-plugin", "ss-v2ray-plugin")
    options = ("", "server")


class PlainWebSocketTest(WebSocketTest):
    """v2ray-plugin, with a connection for each."""

    options = ("mux=0", "server;mux=0")
