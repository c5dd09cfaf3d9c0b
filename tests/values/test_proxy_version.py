"""Versions of the PROXY protocol, as an outbound has them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from pipetwist.inbounds.tcp import TcpInboundOptions
from tests.support.documents import problems

_TCP = {"type": "tcp", "tag": "out", "server": "::1", "server_port": 1}
_UDP = {"type": "udp", "tag": "out", "server": "::1", "server_port": 1}


def _problems(inbound: str, outbound: dict[str, object]) -> list[str]:
    return problems(
        {
            "inbounds": [{"type": inbound, "tag": "in", "listen_port": 2}],
            "outbounds": [outbound],
        }
    )


class ProxyVersionTest(SynchronousTestCase):
    """What is one."""

    def test_streams(self) -> None:
        """1 and 2 are; neither is a text, nor true, which would be 1 in Python."""
        for good in (1, 2, None):
            self.assertEqual(_problems("tcp", {**_TCP, "proxy_protocol": good}), [])
        for bad in (0, 3, True, "2", 1.0, [2]):
            (problem,) = _problems("tcp", {**_TCP, "proxy_protocol": bad})
            self.assertIn("is no version of the PROXY protocol; write 1 or 2", problem)

    def test_datagrams(self) -> None:
        """Datagrams have the second alone."""
        self.assertEqual(_problems("udp", {**_UDP, "proxy_protocol": 2}), [])
        for bad in (1, True, "2"):
            (problem,) = _problems("udp", {**_UDP, "proxy_protocol": bad})
            self.assertIn("is no version of the PROXY protocol that datagrams have", problem)

    def test_tlvs(self) -> None:
        """TLVs need it."""
        for version in (None, 1):
            outbound = {**_TCP, "proxy_protocol": version, "proxy_protocol_tlvs": True}
            (problem,) = _problems("tcp", outbound)
            self.assertIn('proxy_protocol_tlvs needs "proxy_protocol": 2', problem)

    def test_notes(self) -> None:
        """Keys of a header that is not read are told of."""
        found: tuple[tuple[str, Any], ...] = (
            ("trusted_proxies", ("10.0.0.0/8",)),
            ("proxy_protocol_accept_no_header", True),
        )
        for key, value in found:
            options = replace(TcpInboundOptions(tag="in", listen_port=1), **{key: value})
            self.assertEqual(
                list(options.notes()),
                [((key,), 'no header is read without "proxy_protocol": true')],
            )
        self.assertEqual(list(TcpInboundOptions(tag="in", listen_port=1).notes()), [])
