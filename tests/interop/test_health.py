"""HAProxy, which asks /healthz whether to send clients here."""

from __future__ import annotations

import subprocess

from twisted.trial.unittest import SynchronousTestCase

from tests.support.daemon import start_daemon
from tests.support.markdown import blocks
from tests.support.peers import need, start_peer
from tests.support.scratch import accepts, free_port, scratch_folder, wait_until

_LISTEN, _METRICS, _INBOUND = "127.0.0.1:1080", "9100", "127.0.0.1:10001"  # as the document has


class HaproxyTest(SynchronousTestCase):
    """The document's configuration of HAProxy."""

    def test_states(self) -> None:
        """It sends clients while the daemon runs, and to another when that has stopped."""
        folder = scratch_folder(self)
        front, metrics, inbound = (free_port(self) for _ in range(3))
        (written,) = (one.text for one in blocks("docs/monitoring.md") if "/healthz" in one.text)
        for before, after in (
            (_LISTEN, f"127.0.0.1:{front}"),
            (_INBOUND, f"127.0.0.1:{inbound}"),
            (f"port {_METRICS}", f"port {metrics} inter 200ms"),
        ):
            self.assertIn(before, written)
            written = written.replace(before, after)
        socket = folder / "admin.sock"
        file = folder / "haproxy.cfg"
        file.write_text(f"global\n stats socket {socket}\n{written}\n", encoding="ascii")
        daemon = start_daemon(
            self,
            {
                "inbounds": [
                    {
                        "type": "tcp",
                        "tag": "in",
                        "listen": "127.0.0.1",
                        "listen_port": inbound,
                    }
                ],
                "outbounds": [{"type": "fork", "tag": "echo", "command": ["cat"]}],
                "metrics": {"listen": f"127.0.0.1:{metrics}"},
            },
        )
        start_peer(self, [need("haproxy"), "-W", "-f", str(file)], folder)
        wait_until(lambda: accepts(socket), "HAProxy to start")

        def state() -> str:
            return subprocess.run(
                [need("socat"), "-", f"unix-connect:{socket}"],
                input="show stat\n",
                capture_output=True,
                text=True,
                timeout=60,
                check=True,
            ).stdout

        wait_until(lambda: ",L7OK,200," in state(), "HAProxy to find it well")
        daemon.stop()
        wait_until(lambda: ",DOWN," in state(), "HAProxy to find it gone")
        self.assertNotIn(",L7OK,", state())
