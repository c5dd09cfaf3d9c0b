"""Rules in a real daemon, beside the same rules in sing-box."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.interop.test_transports import need_sing_box
from tests.support.daemon import start_daemon
from tests.support.peers import need, start_peer
from tests.support.scratch import (
    free_datagram_port,
    free_port,
    listens,
    scratch_folder,
    wait_until,
)

_NEAR, _FAR = "127.0.0.1", "127.9.8.7"
_Conditions = tuple[dict[str, Any], bool, bool]
# The conditions, and whether a client from each of the two addresses matches them.
_CONDITIONS: tuple[_Conditions, ...] = (
    ({"source_ip_cidr": "127.0.0.0/16"}, True, False),
    ({"source_ip_cidr": ["127.0.0.1"]}, True, False),
    ({"source_ip_cidr": ["10.0.0.0/8", "127.9.255.255/16"]}, False, True),
    ({"source_ip_cidr": "::/0"}, False, False),
    ({"source_ip_is_private": True}, True, True),
    ({"source_ip_is_private": False}, True, True),
    ({"source_ip_is_private": True, "source_ip_cidr": "10.0.0.0/8"}, True, True),
    ({"network": "tcp"}, True, True),
    ({"network": ["udp"]}, False, False),
    ({"network": ["udp", "tcp"], "source_ip_cidr": "127.9.0.0/16"}, False, True),
)
# Inverted, each in a configuration of its own: it holds at all inbounds that it does not name.
_INVERTED: tuple[_Conditions, ...] = (
    ({"inbound": "in0", "source_ip_cidr": "127.9.8.0/24", "invert": True}, True, False),
    ({"source_ip_is_private": True, "invert": True}, False, False),
    ({"network": "udp", "invert": True}, True, True),
    ({"inbound": "in0", "invert": True}, False, False),
)


def _ask(port: int, source: str) -> str:
    """What a client from an address is answered; ``closed`` if it is closed instead."""
    try:
        with socket.create_connection(("127.0.0.1", port), 60, (source, 0)) as client:
            return client.recv(100).decode() or "closed"
    except ConnectionResetError:
        return "closed"


class SameRulesTest(SynchronousTestCase):
    """The conditions of sing-box."""

    def setUp(self) -> None:
        """Start two servers, which say which one they are."""
        self.sing_box = need_sing_box()
        self.folder = scratch_folder(self)
        self.ports = {name: free_port(self) for name in ("matched", "final")}
        for name, port in self.ports.items():
            start_peer(
                self,
                [
                    *(need("socat"), "-U", f"TCP-LISTEN:{port},bind=127.0.0.1,reuseaddr,fork"),
                    f"SYSTEM:printf {name}",
                ],
                self.folder,
            )
            wait_until(partial(listens, port), name)

    def test_same(self) -> None:
        """Each condition, and each action, does for a client what it does in sing-box."""
        self._compare(
            [
                ({"inbound": f"in{index}", **one[0]}, *one[1:])
                for index, one in enumerate(_CONDITIONS)
            ]
        )

    def test_inverted(self) -> None:
        """So does each that is inverted."""
        for one in _INVERTED:
            self._compare([one])

    def _compare(self, conditions: Sequence[_Conditions]) -> None:
        """Try conditions, each at an inbound, with both actions and both programs."""
        for action, value, answer in (
            ("outbound", "matched", "matched"),
            ("action", "reject", "closed"),
        ):
            rules = [{**written, action: value} for written, *_ in conditions]
            for start in (self._start_pipetwist, self._start_sing_box):
                doors = [free_port(self) for _ in conditions]
                stop = start(doors, rules)
                for door, (written, *matching) in zip(doors, conditions, strict=True):
                    self.assertEqual(
                        [_ask(door, source) for source in (_NEAR, _FAR)],
                        [answer if matches else "final" for matches in matching],
                        (written, value, start),
                    )
                stop()

    def _start_pipetwist(self, doors: Sequence[int], rules: Sequence[Any]) -> Callable[[], object]:
        return start_daemon(
            self,
            {
                "inbounds": [
                    {"type": "tcp", "tag": f"in{index}", "listen_port": door}
                    for index, door in enumerate(doors)
                ],
                "outbounds": [
                    {"type": "tcp", "tag": name, "server": "127.0.0.1", "server_port": port}
                    for name, port in self.ports.items()
                ],
                "route": {"rules": rules, "final": "final"},
            },
            folder=self.folder,
        ).stop

    def _start_sing_box(self, doors: Sequence[int], rules: Sequence[Any]) -> Callable[[], object]:
        document = {
            "log": {"level": "error"},
            "inbounds": [
                {
                    "type": "direct",
                    "tag": f"in{index}",
                    "listen": "127.0.0.1",
                    "listen_port": door,
                    "override_address": "127.0.0.1",
                    "override_port": self.ports["final"],
                }
                for index, door in enumerate(doors)
            ],
            "outbounds": [{"type": "direct", "tag": name} for name in self.ports],
            "route": {
                "rules": [
                    rule | ({} if "action" in rule else {"override_port": self.ports["matched"]})
                    for rule in rules
                ],
                "final": "final",
            },
        }
        (self.folder / "sing-box.json").write_text(json.dumps(document), encoding="utf-8")
        process = start_peer(self, [self.sing_box, "run", "-c", "sing-box.json"], self.folder)
        wait_until(lambda: listens(doors[-1]), "sing-box")
        return process.terminate


class RejectedTest(SynchronousTestCase):
    """Clients that a rule rejects."""

    def test_rejected(self) -> None:
        """Each is closed with a line that names it and the rule, and is counted as refused, with
        nothing connected for it; a source of datagrams is so once, however much it sends.
        """
        folder = scratch_folder(self)
        stream, datagrams, metrics = free_port(self), free_datagram_port(self), free_port(self)
        daemon = start_daemon(
            self,
            {
                "log": {"level": "warn"},
                "inbounds": [
                    {"type": "tcp", "tag": "tcp-in", "listen_port": stream},
                    {"type": "unix", "tag": "unix-in", "path": "in.sock"},
                    {"type": "udp", "tag": "udp-in", "listen_port": datagrams},
                ],
                "outbounds": [
                    {"type": "fork", "tag": "touch", "command": ["touch", "touched"]},
                    {"type": "udp", "tag": "udp", "server": "127.0.0.1", "server_port": 9},
                ],
                "route": {
                    "rules": [
                        {"network": "udp", "source_ip_cidr": "10.0.0.0/8", "outbound": "udp"},
                        {"action": "reject"},
                    ]
                },
                "metrics": {"listen": f"127.0.0.1:{metrics}"},
            },
            folder=folder,
        )
        with socket.create_connection(("127.0.0.1", stream), 60) as client:
            port = client.getsockname()[1]
            self.assertEqual(client.recv(100), b"")
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(60)
            client.connect(str(folder / "in.sock"))
            self.assertEqual(client.recv(100), b"")
        with socket.socket(type=socket.SOCK_DGRAM) as client:
            client.connect(("127.0.0.1", datagrams))
            for number in range(3):
                client.send(b"%d" % number)
            source = client.getsockname()[1]
            wait_until(lambda: "inbound udp-in" in daemon.log, "the datagrams")
        pipetwist = [line for line in daemon.log.splitlines() if "rejects" in line]
        peers = [line.partition("refused ")[2].partition(", which")[0] for line in pipetwist]
        self.assertEqual(peers[0], f"127.0.0.1:{port}")
        self.assertRegex(peers[1], r"^pid:\d+ uid:\d+ gid:\d+$")
        self.assertEqual(peers[2:], [f"127.0.0.1:{source}"])
        for line, tag in zip(pipetwist, ("tcp-in", "unix-in", "udp-in"), strict=True):
            self.assertIn(f"inbound {tag}: refused ", line)
            self.assertTrue(line.endswith(", which route.rules[1] rejects"), line)
        with socket.create_connection(("127.0.0.1", metrics), 60) as client:
            client.sendall(b"GET /metrics HTTP/1.0\r\nHost: localhost\r\n\r\n")
            shown = b"".join(iter(lambda: client.recv(1 << 16), b"")).decode()
        for tag in ("tcp-in", "unix-in", "udp-in"):
            self.assertIn(
                f'pipetwist_connection_failures_total{{cause="refused",inbound="{tag}",'
                'outbound=""} 1.0',
                shown,
            )
        daemon.stop()
        self.assertFalse((folder / "touched").exists())
