"""Routes that lead datagrams to streams, or streams to datagrams."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from pipetwist.config.compatibility import incompatible_routes

_UDP_IN = {"type": "udp", "tag": "u", "listen_port": 1}
_GRAM_IN = {"type": "unixgram", "tag": "g", "path": "g", "users": [{"name": "alice", "uid": 1}]}
_UNIX_IN = {"type": "unix", "tag": "s", "path": "s"}
_FRAMED_IN = {**_UNIX_IN, "tag": "f", "framing": "rfc4571"}
_UDP = {"type": "udp", "tag": "udp", "server": "::1", "server_port": 1}
_GRAM = {"type": "unixgram", "tag": "gram", "path": "x"}
_TCP = {"type": "tcp", "tag": "tcp", "server": "::1", "server_port": 1}
_FORK = {"type": "fork", "tag": "fork", "command": ["cat"], "framing": "rfc4571"}


def _said(inbounds: list[object], outbounds: list[object], **route: object) -> list[str]:
    return [
        str(problem)
        for problem in incompatible_routes(
            {"inbounds": inbounds, "outbounds": outbounds, "route": route}
        )
    ]


class CarryingTest(SynchronousTestCase):
    """Each pair of kinds."""

    def test_good(self) -> None:
        """Datagrams go to datagram sockets and to framed streams, and streams to streams."""
        for inbound in (_UDP_IN, _GRAM_IN, _FRAMED_IN):
            for outbound in (_UDP, _GRAM, _FORK):
                self.assertEqual(_said([inbound], [outbound]), [])
        self.assertEqual(_said([_UNIX_IN], [_TCP]), [])

    def test_bad(self) -> None:
        """Any other pair is a problem at what leads there, which says which tags they are and what
        helps.
        """
        self.assertEqual(
            _said([_UDP_IN], [_TCP]),
            [
                (
                    'outbounds[0]: the inbound "u" takes datagrams, which the outbound "tcp", '
                    "a stream, would run together; "
                    'give the outbound "framing": "rfc4571", or route them elsewhere by a rule'
                )
            ],
        )
        self.assertEqual(
            _said([_UNIX_IN], [_UDP]),
            [
                (
                    'outbounds[0]: the inbound "s" takes streams, which the outbound "udp" '
                    "can't carry, since it sends datagrams; "
                    'give the inbound "framing": "rfc4571" if datagrams come by it, or '
                    "route it elsewhere by a rule"
                )
            ],
        )
        self.assertEqual(len(_said([_UNIX_IN], [_FORK])), 1)

    def test_both(self) -> None:
        """What carries both is looked at for each."""
        plugin = {"type": "sip003", "plugin": "cat", "listen_port": 2, "server": "::1"}
        both_in = {**plugin, "tag": "both", "plugin_mode": "tcp_and_udp"}
        both = {**plugin, "tag": "both", "server_port": 2, "plugin_mode": "tcp_and_udp"}
        for inbound in (_UDP_IN, _FRAMED_IN, _UNIX_IN, both_in):
            self.assertEqual(_said([inbound], [both]), [])
        rule = {"network": "udp", "outbound": "udp"}
        self.assertEqual(_said([both_in], [_TCP, _UDP], rules=[rule]), [])
        self.assertEqual(
            _said([both_in], [_TCP]),
            [
                (
                    'outbounds[0]: the inbound "both" takes datagrams, which the outbound "tcp", a '
                    'stream, would run together; give the outbound "framing": "rfc4571", or route '
                    'them elsewhere by a rule with "network": "udp"'
                )
            ],
        )
        self.assertEqual(
            _said([both_in], [_UDP]),
            [
                (
                    'outbounds[0]: the inbound "both" takes streams, which the outbound "udp" '
                    "can't carry, since it sends datagrams; route it elsewhere by a rule with "
                    '"network": "tcp"'
                )
            ],
        )
        self.assertEqual(
            _said([_UDP_IN], [{**both, "plugin_mode": "tcp_only"}]),
            [
                (
                    'outbounds[0]: the inbound "u" takes datagrams, which the outbound "both", a '
                    'stream, would run together; give the outbound "plugin_mode": "tcp_and_udp" or '
                    '"framing": "rfc4571", or route them elsewhere by a rule'
                )
            ],
        )
        self.assertIn(
            'give the outbound "plugin_mode": "tcp_and_udp", or route it elsewhere',
            "".join(_said([_UNIX_IN], [{**both, "plugin_mode": "udp_only"}])),
        )
        self.assertEqual(_said([_UNIX_IN], [{**both, "plugin_mode": ["udp_only"]}]), [])

    def test_places(self) -> None:
        """What leads there is a rule, the final outbound, or the first of them, and is reported
        once.
        """
        rule = {"inbound": ["u"], "outbound": "tcp"}
        for route, key_path in (
            ({"rules": [rule]}, "route.rules[0].outbound"),
            ({"final": "tcp"}, "route.final"),
        ):
            said = _said([_UDP_IN, _FRAMED_IN], [_UDP, _TCP], **route)
            self.assertEqual([text.split(": ")[0] for text in said], [key_path])

    def test_rules(self) -> None:
        """A rule that always holds for an inbound hides what follows; one for users concerns the
        inbounds that have them.
        """
        self.assertEqual(
            _said([_UDP_IN], [_TCP, _UDP], rules=[{"inbound": ["u"], "outbound": "udp"}]), []
        )
        self.assertEqual(
            _said([_UDP_IN], [_UDP, _TCP], rules=[{"auth_user": ["alice"], "outbound": "tcp"}]), []
        )
        self.assertEqual(
            len(
                _said([_GRAM_IN], [_UDP, _TCP], rules=[{"auth_user": ["alice"], "outbound": "tcp"}])
            ),
            1,
        )
        self.assertEqual(
            len(
                _said([_GRAM_IN], [_TCP, _UDP], rules=[{"auth_user": ["alice"], "outbound": "udp"}])
            ),
            1,
        )
