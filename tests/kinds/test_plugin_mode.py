"""The key ``plugin_mode``: what a plug-in carries, and which keys say something of that."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from pipetwist.inbounds.sip003 import Sip003InboundOptions
from pipetwist.interfaces import Medium
from pipetwist.kinds.inbound_options import TlsServerOptions
from pipetwist.kinds.limit_options import LimitOptions
from pipetwist.kinds.outbound_options import TlsClientOptions
from pipetwist.outbounds.sip003 import Sip003OutboundOptions
from pipetwist.values.bind_address import PortAddress

_STREAMS, _DATAGRAMS = Medium.STREAM, Medium.DATAGRAMS


def _in(**keys: Any) -> Sip003InboundOptions:
    return Sip003InboundOptions(tag="a", plugin="cat", listen_port=1, **keys)


def _out(**keys: Any) -> Sip003OutboundOptions:
    return Sip003OutboundOptions(tag="a", plugin="cat", server="::1", server_port=1, **keys)


class ModeTest(SynchronousTestCase):
    """Of inbounds and outbounds."""

    def test_carries(self) -> None:
        """Streams, datagrams or both; framed datagrams are the only ones by streams."""
        for mode, media in (
            ({}, (_STREAMS,)),
            ({"plugin_mode": "tcp_only"}, (_STREAMS,)),
            ({"plugin_mode": "udp_only"}, (_DATAGRAMS,)),
            ({"plugin_mode": "tcp_and_udp"}, (_STREAMS, _DATAGRAMS)),
            ({"framing": "rfc4571"}, (_DATAGRAMS,)),
        ):
            for made in (_in(**mode), _out(**mode)):
                self.assertEqual(tuple(made.carries), media)
                self.assertEqual(tuple(made.carried_by(mode)), media)
                # What has no end of input has no need to hold one back.
                self.assertIs(made.half_close, media == (_DATAGRAMS,))

    def test_addresses(self) -> None:
        """An inbound has a port for each."""
        tcp, udp = PortAddress("127.0.0.1", 1), PortAddress("127.0.0.1", 1, "udp")
        for mode, addresses in (
            ("tcp_only", [tcp]),
            ("udp_only", [udp]),
            ("tcp_and_udp", [tcp, udp]),
        ):
            made = _in(plugin_mode=mode)
            self.assertEqual((made.addresses, made.address), (addresses, addresses[0]))

    def refused(self, make: Any, key: str, mode: str, value: object) -> str:
        """What is wrong with one."""
        with self.assertRaises(ValueError) as raised:
            make(plugin_mode=mode, **{key: value})
        return str(raised.exception)

    def test_streams_alone(self) -> None:
        """A key of streams is an error where there are none."""
        for make, key, value in (
            (_in, "half_close", False),
            (_in, "half_close", True),
            (_out, "half_close", False),
            (_in, "idle_timeout", 1.0),
            (_in, "half_close_timeout", 1.0),
            (_out, "transfer", "auto"),
            (_in, "tls", TlsServerOptions(certificate_path="a.pem", key_path="a.key")),
            (_out, "tls", TlsClientOptions()),
            (_in, "proxy_protocol", True),
            (_out, "proxy_protocol", 1),
        ):
            made: Any = make
            self.assertEqual(
                self.refused(made, key, "udp_only", value),
                f'{key} is for streams, of which there are none with "plugin_mode": "udp_only"; '
                "leave one of the two out",
            )
            for mode in ("tcp_only", "tcp_and_udp"):
                self.assertEqual(getattr(made(plugin_mode=mode, **{key: value}), key), value)

    def test_datagrams_alone(self) -> None:
        """So is one of datagrams."""
        for key in ("udp_timeout", "max_associations"):
            self.assertEqual(
                self.refused(_in, key, "tcp_only", 1),
                f"{key} is for datagrams over UDP, of which there are none with "
                '"plugin_mode": "tcp_only"; leave one of the two out',
            )
            for mode in ("udp_only", "tcp_and_udp"):
                self.assertEqual(getattr(_in(plugin_mode=mode, **{key: 1}), key), 1)

    def test_framing(self) -> None:
        """Datagrams go over UDP or are framed on the streams, and not both."""
        for make in (_in, _out):
            for mode in ("udp_only", "tcp_and_udp"):
                self.assertEqual(
                    self.refused(make, "framing", mode, "rfc4571"),
                    f'framing can\'t be used with "plugin_mode": "{mode}", by which datagrams go '
                    "over UDP; leave one of the two out",
                )

    def test_bounds(self) -> None:
        """Bounds that have clients wait are not kept where there are datagrams."""
        bounds = LimitOptions(max_connections=1)
        for mode in ("udp_only", "tcp_and_udp"):
            self.assertIn("max_associations", self.refused(_in, "limits", mode, bounds))
        self.assertIs(_in(limits=bounds).limits, bounds)

    def test_users(self) -> None:
        """Nobody says of datagrams whose they are."""
        for mode in ("udp_only", "tcp_and_udp"):
            self.assertIn("over UDP nobody says who", self.refused(_in, "users", mode, ()))

    def test_reload(self) -> None:
        """Bounds of datagrams change while it listens, and what it carries does not."""
        made = _in(plugin_mode="udp_only")
        self.assertTrue(made.can_become(_in(plugin_mode="udp_only", udp_timeout=1.0)))
        self.assertTrue(made.can_become(_in(plugin_mode="udp_only", max_associations=1)))
        self.assertFalse(made.can_become(_in(plugin_mode="tcp_and_udp")))
