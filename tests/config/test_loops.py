"""Outbounds that lead back to the inbound that they serve."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.support.documents import problems


def _tcp_in(tag: str, port: int, listen: str = "127.0.0.1") -> dict[str, Any]:
    return {"type": "tcp", "tag": tag, "listen": listen, "listen_port": port}


def _tcp_out(tag: str, port: int, server: str = "127.0.0.1") -> dict[str, Any]:
    return {"type": "tcp", "tag": tag, "server": server, "server_port": port}


def _loops(
    inbounds: list[dict[str, Any]], outbounds: list[dict[str, Any]], *rules: dict[str, Any]
) -> list[str]:
    """The places of the problems of a document that is good otherwise."""
    found = problems(
        {"inbounds": inbounds, "outbounds": outbounds, "route": {"rules": list(rules)}}
    )
    return [problem.partition(": ")[0] for problem in found]


class LoopsTest(SynchronousTestCase):
    """What is reported, and what is not."""

    def test_itself(self) -> None:
        """An inbound that is led to itself is reported, whatever its kind, with both names."""
        for inbound, outbound in (
            (_tcp_in("a", 80), _tcp_out("b", 80)),
            (
                {"type": "unix", "tag": "a", "path": "in.sock"},
                {"type": "unix", "tag": "b", "path": "/etc/pipetwist/in.sock"},
            ),
            (
                {"type": "unix", "tag": "a", "path": "@x"},
                {"type": "unix", "tag": "b", "path": "@x"},
            ),
            (
                {"type": "udp", "tag": "a", "listen_port": 80},
                {"type": "udp", "tag": "b", "server": "127.0.0.1", "server_port": 80},
            ),
            (
                {"type": "unixgram", "tag": "a", "path": "x"},
                {"type": "unixgram", "tag": "b", "path": "x"},
            ),
        ):
            self.assertEqual(
                problems({"inbounds": [inbound], "outbounds": [outbound]}),
                [
                    (
                        'outbounds[0]: this routes every connection of the inbound "a" back to '
                        "it, in a loop; route it elsewhere"
                    )
                ],
            )

    def test_addresses(self) -> None:
        """An address on which an inbound listens everywhere is its own, and localhost is what it
        says.
        """
        for listen, server, is_told in (
            ("0.0.0.0", "127.0.0.1", True),
            ("::", "localhost", True),
            ("::1", "LOCALHOST", True),
            ("localhost", "127.0.0.1", True),
            ("example.org", "Example.ORG", True),
            ("127.0.0.1", "192.0.2.1", False),
            ("0.0.0.0", "192.0.2.1", False),
            ("127.0.0.2", "127.0.0.1", False),
        ):
            self.assertEqual(
                _loops([_tcp_in("a", 80, listen)], [_tcp_out("b", 80, server)]),
                ["outbounds[0]"] * is_told,
                (listen, server),
            )

    def test_others(self) -> None:
        """Another port, another path and another kind are somewhere else."""
        self.assertEqual(_loops([_tcp_in("a", 80)], [_tcp_out("b", 81)]), [])
        self.assertEqual(
            _loops(
                [{"type": "unix", "tag": "a", "path": "x"}],
                [{"type": "unix", "tag": "b", "path": "y"}],
            ),
            [],
        )
        udp = {"type": "udp", "tag": "a", "listen_port": 80}
        self.assertEqual(
            _loops(
                [udp, _tcp_in("c", 81)],
                [_tcp_out("b", 80), {**_tcp_out("d", 81), "type": "udp"}],
                _rule("a", "d"),
            ),
            [],
        )

    def test_circle(self) -> None:
        """A circle through several inbounds is reported once, where it is closed."""
        inbounds = [_tcp_in("a", 80), _tcp_in("b", 81)]
        outbounds = [_tcp_out("to-b", 81), _tcp_out("to-a", 80)]
        self.assertEqual(
            _loops(inbounds, outbounds, _rule("a", "to-b"), _rule("b", "to-a")),
            ["outbounds[0]", "outbounds[1]"],
        )

    def test_through_another(self) -> None:
        """An inbound may be led through another one that goes elsewhere."""
        self.assertEqual(
            _loops(
                [_tcp_in("a", 80), _tcp_in("b", 81)],
                [_tcp_out("to-b", 81), _tcp_out("out", 82)],
                _rule("b", "out"),
            ),
            [],
        )

    def test_into_a_circle(self) -> None:
        """An inbound that leads into a circle of others is no circle itself; the others are
        reported.
        """
        inbounds = [_tcp_in("before", 79), _tcp_in("a", 80)]
        self.assertEqual(_loops(inbounds, [_tcp_out("to-a", 80)]), ["outbounds[0]"])

    def test_users(self) -> None:
        """If some users are led elsewhere, nothing is certain, and nothing is reported."""
        inbound = {"type": "unix", "tag": "a", "path": "x", "users": [{"name": "alice", "uid": 1}]}
        outbounds = [
            {"type": "unix", "tag": "b", "path": "x"},
            {"type": "unix", "tag": "c", "path": "y"},
        ]
        alice = {"auth_user": ["alice"]}
        self.assertEqual(_loops([inbound], outbounds, {**alice, "outbound": "c"}), [])
        self.assertEqual(_loops([inbound], outbounds[::-1], {**alice, "outbound": "b"}), [])

    def test_together_with_others(self) -> None:
        """A document that is wrong elsewhere is told of that first."""
        found = problems(
            {"inbounds": [_tcp_in("a", 80)], "outbounds": [_tcp_out("b", 80)], "transfer": "x"}
        )
        self.assertEqual([problem.partition(": ")[0] for problem in found], ["transfer"])

    def test_both(self) -> None:
        """An inbound for streams and datagrams may have a loop of one of them."""
        both = {
            "type": "sip003",
            "tag": "a",
            "plugin": "cat",
            "plugin_mode": "tcp_and_udp",
            "listen_port": 80,
        }
        outbounds = [
            _tcp_out("streams", 81),
            {"type": "udp", "tag": "datagrams", "server": "127.0.0.1", "server_port": 80},
        ]
        rule = {"network": "udp", "outbound": "datagrams"}
        self.assertEqual(_loops([both], outbounds, rule), ["outbounds[1]"])
        self.assertEqual(
            _loops([both], [_tcp_out("streams", 80), outbounds[1]], rule),
            [
                "outbounds[0]",
                "outbounds[1]",
            ],
        )
        outbounds[1]["server_port"] = 81
        self.assertEqual(_loops([both], outbounds, rule), [])


def _rule(inbound: str, outbound: str) -> dict[str, Any]:
    return {"inbound": [inbound], "outbound": outbound}
