"""Rules in a configuration: how they are written, and where they lead."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.support.documents import problems, read, small

_NO_NETWORK = (
    'is neither a network nor an address; write it as in "10.0.0.0/8", "2001:db8::/32" or '
    '"192.0.2.1"'
)


def _document(*rules: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {**small(), "route": {"rules": list(rules)}, **more}


class WrittenTest(SynchronousTestCase):
    """One rule."""

    def test_single(self) -> None:
        """A single text is a list of one, as in sing-box, and a list stays one."""
        several: dict[str, Any] = {
            "inbound": ["in"],
            "source_ip_cidr": ["10.1.0.0/8"],
            "network": ["tcp"],
        }
        single = {key: value[0] for key, value in several.items()}
        (rule,) = read(_document({**single, "outbound": "out"})).route.rules
        self.assertEqual(rule, read(_document({**several, "outbound": "out"})).route.rules[0])
        self.assertEqual(rule.inbound, ("in",))
        self.assertEqual(rule.source_ip_cidr, ("10.0.0.0/8",))
        users = [{"name": "alice", "uid": 1}]
        inbounds = [{**small()["inbounds"][0], "users": users}]
        document = _document({"auth_user": "alice", "outbound": "out"}, inbounds=inbounds)
        self.assertEqual(read(document).route.rules[0].auth_user, ("alice",))

    def test_single_of_tls(self) -> None:
        """So it is in TLS."""
        outbound = {
            "type": "tcp",
            "tag": "out",
            "server": "a",
            "server_port": 1,
            "tls": {"alpn": "h2", "cipher_suites": "TLS_RSA_WITH_AES_128_GCM_SHA256"},
        }
        tls: Any = read({**small(), "outbounds": [outbound]}).outbounds[0]
        self.assertEqual(tls.tls.alpn, ("h2",))
        self.assertEqual(len(tls.tls.cipher_suites), 1)

    def test_wrong(self) -> None:
        """What is wrong is told at its place, whether it is a list or a single text."""
        wrong: dict[str, Any]
        for wrong, said in (
            ({"inbound": "inn"}, 'inbound: no inbound has the tag "inn"; did you mean "in"?'),
            ({"inbound": ["inn"]}, 'inbound[0]: no inbound has the tag "inn"; did you mean "in"?'),
            ({"auth_user": "alice"}, 'auth_user: there is no user named "alice"'),
            ({"inbound": 7}, "inbound: 7 is not a list, which is written [...]"),
            (
                {"source_ip_cidr": "10.0.0.0/33"},
                f'source_ip_cidr: "10.0.0.0/33" {_NO_NETWORK}',
            ),
            (
                {"source_ip_cidr": ["10.0.0.0/8", 7]},
                f"source_ip_cidr[1]: 7 {_NO_NETWORK}",
            ),
            ({"network": "tpc"}, 'network: "tpc" is not known here; did you mean "tcp"?'),
            (
                {"network": ["icmp"]},
                'network[0]: "icmp" is not known here; use one of "tcp", "udp"',
            ),
            ({"action": "rejekt"}, 'action: "rejekt" is not known here; did you mean "reject"?'),
            ({"invert": "true"}, 'invert: "true" is neither true nor false'),
        ):
            self.assertEqual(
                problems(_document({"outbound": "out", **wrong})), [f"route.rules[0].{said}"]
            )
        for wrong, said in (
            ({}, 'a rule needs an outbound, unless it has "action": "reject"'),
            (
                {"outbound": "out", "action": "reject"},
                'a rule with "action": "reject" has no outbound; leave one of the two out',
            ),
            (
                {"outbound": "out", "invert": True},
                "a rule without conditions always holds, so invert would have it never hold",
            ),
        ):
            self.assertEqual(problems(_document(wrong)), [f"route.rules[0]: {said}"])


_UDP_IN = {"type": "udp", "tag": "u", "listen_port": 1}
_UDP = {"type": "udp", "tag": "udp", "server": "::1", "server_port": 1}


class LeadingTest(SynchronousTestCase):
    """Where rules lead, which is looked at before anything is started."""

    def _said(self, *rules: dict[str, Any]) -> list[str]:
        """The places of the problems where an inbound of streams goes to one of datagrams, if
        no rule leads it elsewhere, and the other way round.
        """
        small_ = small()
        document = {
            "inbounds": [*small_["inbounds"], _UDP_IN],
            "outbounds": [*small_["outbounds"], _UDP],
            "route": {"rules": list(rules)},
        }
        return [problem.partition(": ")[0] for problem in problems(document)]

    def test_network(self) -> None:
        """Datagrams are led away by their network."""
        self.assertEqual(self._said(), ["outbounds[0]"])
        self.assertEqual(self._said({"network": "udp", "outbound": "udp"}), [])
        self.assertEqual(self._said({"network": ["tcp"], "invert": True, "outbound": "udp"}), [])
        self.assertEqual(
            self._said({"network": "tcp", "outbound": "udp"}),
            ["outbounds[0]", "route.rules[0].outbound"],
        )

    def test_reject(self) -> None:
        """What is rejected leads nowhere."""
        self.assertEqual(self._said({"inbound": "u", "action": "reject"}), [])
        self.assertEqual(
            self._said({"inbound": "u", "source_ip_cidr": "::/0", "action": "reject"}),
            ["outbounds[0]"],
        )

    def test_sources(self) -> None:
        """A rule for some addresses does not keep the rest away from what comes after it."""
        for source in ({"source_ip_cidr": "::/0"}, {"source_ip_is_private": True}):
            rule = {"inbound": "u", **source, "outbound": "udp"}
            self.assertEqual(self._said(rule), ["outbounds[0]"])
            self.assertEqual(self._said(rule, {"inbound": "u", "outbound": "udp"}), [])
            astray = {**rule, "outbound": "out"}
            self.assertEqual(
                self._said(astray, {"inbound": "u", "outbound": "udp"}), ["route.rules[0].outbound"]
            )
        nothing = {"inbound": "u", "source_ip_is_private": False, "outbound": "udp"}
        self.assertEqual(self._said(nothing), [])

    def test_no_loop(self) -> None:
        """Connections that some rule may reject are in no loop."""
        document = {
            "inbounds": [{"type": "unix", "tag": "a", "path": "x"}],
            "outbounds": [{"type": "unix", "tag": "b", "path": "x"}],
        }
        self.assertEqual(len(problems(document)), 1)
        for rule in (
            {"action": "reject"},
            {"inbound": "a", "action": "reject"},
            {"source_ip_cidr": "::/0", "action": "reject"},
        ):
            self.assertEqual(problems({**document, "route": {"rules": [rule]}}), [])
