"""Listeners that are in each other's way."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from pipetwist.api.options import ApiOptions
from pipetwist.config.collisions import collisions
from pipetwist.config.document import Document, ExperimentalOptions
from pipetwist.inbounds.endpoint import EndpointInboundOptions
from pipetwist.inbounds.pt import PtInboundOptions
from pipetwist.inbounds.tcp import TcpInboundOptions
from pipetwist.inbounds.udp import UdpInboundOptions
from pipetwist.inbounds.unix import UnixInboundOptions
from pipetwist.inbounds.unixgram import UnixgramInboundOptions
from pipetwist.inbounds.vsock import VsockInboundOptions
from pipetwist.kinds.inbound_options import InboundOptions
from pipetwist.outbounds.unix import UnixOutboundOptions
from pipetwist.web.options import WebOptions


class CollisionsTest(SynchronousTestCase):
    """On one machine."""

    def found(
        self,
        *inbounds: InboundOptions,
        inherited: tuple[str, ...] = (),
        platform: str = "linux",
        **more: Any,
    ) -> list[str]:
        """The problems of a document with these."""
        document = Document(
            inbounds=inbounds, outbounds=(UnixOutboundOptions(tag="out", path="/run/out"),), **more
        )
        return [str(problem) for problem in collisions(document, inherited, platform=platform)]

    def collide(self, first: str, second: str, **more: Any) -> bool:
        """Whether a port at one is in the way of it at the other, whichever comes first."""
        told = {
            bool(
                self.found(
                    TcpInboundOptions(tag="a", listen=one, listen_port=80),
                    TcpInboundOptions(tag="b", listen=other, listen_port=80),
                    **more,
                )
            )
            for one, other in ((first, second), (second, first))
        }
        (same,) = told
        return same

    def test_folders(self) -> None:
        """Two inbounds whose programs keep their keys in the same folder."""
        one, other, third = (
            PtInboundOptions(
                tag=tag, transport="obfs4", command=("a",), listen_port=port, state_path=folder
            )
            for tag, port, folder in (("a", 1, "/x"), ("b", 2, "/x"), ("c", 3, "/y"))
        )
        (problem,) = self.found(one, other, third)
        self.assertEqual(
            problem,
            'inbounds[1].state_path: /x is that of the inbound "a", whose program keeps its keys '
            "there; each needs a folder of its own, unless both are other transports of the same "
            "process",
        )

    def test_shared_folders(self) -> None:
        """Other transports of the same process have the same folder, and those of another not."""

        def inbound(tag: str, transport: str, program: str = "a") -> PtInboundOptions:
            return PtInboundOptions(
                tag=tag,
                transport=transport,
                command=(program,),
                listen_port=ord(tag),
                state_path="/x",
            )

        one, other = inbound("a", "obfs3"), inbound("b", "obfs4")
        self.assertEqual(self.found(one, other), [])
        for third in (inbound("c", "obfs3"), inbound("c", "meek", "b")):
            (problem,) = self.found(one, other, third)
            self.assertIn('inbounds[2].state_path: /x is that of the inbound "a"', problem)

    def test_both_families(self) -> None:
        """Every address beside every address of IPv4 is reported, with which of the two would have
        to go.
        """
        told = self.found(
            TcpInboundOptions(tag="a", listen="::", listen_port=80),
            TcpInboundOptions(tag="b", listen="0.0.0.0", listen_port=80),
        )
        text = '0.0.0.0:80 is taken by the inbound "a", which listens on [::]:80 ("::" is IPv4 too)'
        self.assertEqual(
            told,
            [f"inbounds[1].listen_port: {text}; choose another port, or leave one of the two out"],
        )

    def test_addresses(self) -> None:
        """What overlaps for certain is reported, and nothing else."""
        for first, second, collides in (
            ("127.0.0.1", "127.0.0.1", True),
            ("::ffff:127.0.0.1", "127.0.0.1", True),
            ("relay.example", "Relay.example", True),
            ("::", "::1", True),
            ("::", "127.0.0.1", True),
            ("::", "relay.example", True),
            ("0.0.0.0", "127.0.0.1", True),
            ("0.0.0.0", "localhost", True),
            ("0.0.0.0", "::1", False),
            ("0.0.0.0", "relay.example", False),
            ("127.0.0.1", "127.0.0.2", False),
            ("127.0.0.1", "localhost", False),
        ):
            self.assertEqual(self.collide(first, second), collides, (first, second))

    def test_elsewhere(self) -> None:
        """On other systems than Linux who is more exact may have the port as well."""
        self.assertFalse(self.collide("0.0.0.0", "127.0.0.1", platform="darwin"))
        self.assertFalse(self.collide("::", "::1", platform="darwin"))
        self.assertTrue(self.collide("::", "0.0.0.0", platform="darwin"))

    def test_ports(self) -> None:
        """Ports of UDP are others than those of TCP, and a free one is in nobody's way."""
        tcp, udp = (
            TcpInboundOptions(tag="a", listen_port=80),
            UdpInboundOptions(tag="b", listen_port=80),
        )
        self.assertEqual(self.found(tcp, udp, UnixInboundOptions(tag="c", path="/run/in")), [])
        self.assertEqual(self.found(tcp, TcpInboundOptions(tag="b", listen_port=81)), [])
        self.assertEqual(
            self.found(*(TcpInboundOptions(tag=tag, listen_port=0) for tag in "ab")), []
        )
        self.assertEqual(len(self.found(udp, UdpInboundOptions(tag="d", listen_port=80))), 1)

    def test_each_once(self) -> None:
        """Each that could not start is reported once."""
        self.assertEqual(
            len(self.found(*(TcpInboundOptions(tag=tag, listen_port=80) for tag in "abc"))), 2
        )

    def test_other_listeners(self) -> None:
        """The API and the metrics are listeners as well."""
        inbound = TcpInboundOptions(tag="a", listen="::", listen_port=80)
        api = ExperimentalOptions(v2ray_api=ApiOptions(listen="127.0.0.1:80"))
        told = self.found(inbound, experimental=api, metrics=WebOptions(listen="[::1]:80"))
        self.assertEqual(
            [line.partition(":")[0] for line in told],
            ["experimental.v2ray_api.listen", "metrics.listen"],
        )
        same = ExperimentalOptions(v2ray_api=ApiOptions(listen="unix:/run/in"))
        (line,) = self.found(UnixInboundOptions(tag="a", path="/run/in"), experimental=same)
        self.assertEqual(
            line,
            'experimental.v2ray_api.listen: unix:/run/in is taken by the inbound "a", which '
            "listens on unix:/run/in; choose another path, or leave one of the two out",
        )
        unix = ExperimentalOptions(v2ray_api=ApiOptions(listen="unix:/run/api"))
        self.assertEqual(self.found(inbound, experimental=unix), [])
        both: dict[str, Any] = {"experimental": api, "metrics": WebOptions(listen="127.0.0.1:80")}
        self.assertIn(
            "is taken by the API, which listens on 127.0.0.1:80",
            self.found(TcpInboundOptions(tag="a", listen_port=1), **both)[0],
        )

    def test_paths(self) -> None:
        """Two at one path collide, of whatever kind they are, and names with and without padding
        are two.
        """
        one = UnixInboundOptions(tag="a", path="/run/in")
        for other in (
            UnixInboundOptions(tag="b", path="/run/in"),
            UnixgramInboundOptions(tag="b", path="/run/in"),
            EndpointInboundOptions(tag="b", endpoint="unix:/run/in"),
        ):
            (told,) = self.found(one, other)
            key = other.address_key
            self.assertTrue(
                told.startswith(f'inbounds[1].{key}: unix:/run/in is taken by the inbound "a"'),
                told,
            )
        self.assertEqual(self.found(one, UnixInboundOptions(tag="b", path="/run/in2")), [])
        self.assertEqual(
            self.found(*(UnixInboundOptions(tag=tag, path=f"{tag}a") for tag in ("@", "@@"))), []
        )
        self.assertEqual(self.found(one, one, inherited=("a",)), [])

    def test_endpoint(self) -> None:
        """An endpoint string of Twisted's is in the way of a port as well."""
        (told,) = self.found(
            TcpInboundOptions(tag="a", listen_port=80),
            EndpointInboundOptions(tag="b", endpoint="tcp:80"),
        )
        self.assertTrue(told.startswith("inbounds[1].endpoint: 0.0.0.0:80 is taken by"), told)

    def test_handed_in(self) -> None:
        """An inherited socket is as its opener has made it, for instance for IPv6 only."""
        pair = (
            TcpInboundOptions(tag="a", listen="::", listen_port=80),
            TcpInboundOptions(tag="b", listen="0.0.0.0", listen_port=80),
        )
        self.assertEqual(self.found(*pair, inherited=("a",)), [])

    def test_vsock(self) -> None:
        """Of vsock two at one port collide where one is at any cid, and not at two."""
        one = VsockInboundOptions(tag="a", cid=2, port=1024)
        self.assertEqual(
            self.found(one, VsockInboundOptions(tag="b", port=1024)),
            [
                (
                    'inbounds[1].port: vsock::1024 is taken by the inbound "a", which listens on '
                    "vsock:2:1024; choose another port, or leave one of the two out"
                )
            ],
        )
        self.assertEqual(self.found(one, VsockInboundOptions(tag="b", cid=1, port=1024)), [])
        self.assertEqual(self.found(one, TcpInboundOptions(tag="b", listen_port=1024)), [])
