"""Snowflake's client, which would need the world for more than its start and its end."""

from __future__ import annotations

from tests.interop.plugin_pair import PluginPair, members_of
from tests.support.daemon import start_daemon
from tests.support.peers import need
from tests.support.scratch import scratch_folder


class SnowflakeTest(PluginPair):
    """An outbound with it, which nobody uses."""

    def test_starts(self) -> None:
        """It is ready, and nothing of it is left after a stop."""
        folder = scratch_folder(self)
        daemon = start_daemon(
            self,
            {
                "inbounds": [{"type": "unix", "tag": "in", "path": str(folder / "in.sock")}],
                "outbounds": [
                    {
                        "type": "pt",
                        "tag": "out",
                        "transport": "snowflake",
                        "command": [need("snowflake-client")],
                        "arguments": {"url": "https://broker.invalid/"},
                        "server": "192.0.2.3",  # Tor's too: it is not used
                        "server_port": 80,
                        "state_path": "state",
                    }
                ],
            },
            folder=folder,
        )
        group = self.plugin_of(daemon)
        daemon.stop()
        self.assertEqual(members_of(group), [])
