"""Every socket that a daemon listens with is in one table, whoever listens."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path

from twisted.internet import reactor
from twisted.trial.unittest import TestCase

from pipetwist.api.options import ApiOptions
from pipetwist.config.document import Document, ExperimentalOptions, RouteOptions
from pipetwist.inbounds.tcp import TcpInboundOptions
from pipetwist.inbounds.udp import UdpInboundOptions
from pipetwist.inbounds.unix import UnixInboundOptions
from pipetwist.inbounds.unixgram import UnixgramInboundOptions
from pipetwist.kinds.inbound_options import TlsServerOptions
from pipetwist.outbounds.unix import UnixOutboundOptions
from pipetwist.outbounds.unixgram import UnixgramOutboundOptions
from pipetwist.routing.rules import RuleOptions
from pipetwist.service.tree import PipetwistService
from pipetwist.values.bind_address import BindAddress, bound_address
from pipetwist.web.options import WebOptions
from tests.support.certificates import Authority
from tests.support.scratch import scratch_folder


class ListenersTest(TestCase):
    """A tree with all that listens."""

    def setUp(self) -> None:
        """Write a configuration; the test's clean-up stops its tree."""
        folder = scratch_folder(self)
        certificate, key = map(str, Authority(folder, "authority").issue("server.example"))
        self.document = Document(
            inbounds=(
                UnixInboundOptions(tag="unix", path=str(folder / "unix")),
                TcpInboundOptions(tag="tcp", listen_port=0),
                TcpInboundOptions(
                    tag="tls",
                    listen_port=0,
                    tls=TlsServerOptions(certificate_path=certificate, key_path=key),
                ),
                UdpInboundOptions(tag="udp", listen_port=0),
                UnixgramInboundOptions(tag="unixgram", path=str(folder / "unixgram")),
            ),
            outbounds=(
                UnixOutboundOptions(tag="out", path=str(folder / "out")),
                UnixgramOutboundOptions(tag="datagrams", path=str(folder / "datagrams")),
            ),
            route=RouteOptions(
                rules=(RuleOptions(inbound=("udp", "unixgram"), outbound="datagrams"),)
            ),
            metrics=WebOptions(listen="127.0.0.1:0"),
            experimental=ExperimentalOptions(v2ray_api=ApiOptions(listen=f"unix:{folder}/api")),
        )
        self.before = set(_listening())
        self.tree = PipetwistService(self.document, reactor)
        self.addCleanup(self.tree.stopService)

    def new(self) -> set[BindAddress]:
        """Where this process listens since the test began, but for what gRPC has behind the
        gate.
        """
        return {
            address
            for address in set(_listening()) - self.before
            if not str(address).startswith("unix:/proc/self/fd/")
        }

    async def test_all(self) -> None:
        """All that listens is in the table, with whose it is, and nothing once it has stopped."""
        self.tree.privilegedStartService()
        self.tree.startService()
        table = {one.label: bound_address(one) for one in self.tree.listeners}
        inbounds = {f"inbound {tag}" for tag in self.tree.inbounds}
        self.assertEqual(set(table), {*inbounds, "metrics.listen", "experimental.v2ray_api.listen"})
        self.assertEqual(set(table.values()), self.new())
        await self.tree.stopService()
        self.assertEqual((len(self.tree.listeners), self.new()), (0, set()))


def _listening() -> Iterator[BindAddress]:
    """Where this process listens, as the system has it: for streams, or with a named socket for
    datagrams.
    """
    for number in [int(path.name) for path in Path("/proc/self/fd").iterdir()]:
        try:
            opened = socket.fromfd(number, socket.AF_UNIX, socket.SOCK_STREAM)
        except OSError:  # it has been closed since
            continue
        with opened:
            try:
                kind = opened.getsockopt(socket.SOL_SOCKET, socket.SO_TYPE)
                streams = opened.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
            except OSError:  # it is no socket, or one that is held by its name alone
                continue
            with socket.socket(fileno=os.dup(number)) as known:
                if streams or (kind == socket.SOCK_DGRAM and known.getsockname()):
                    with contextlib.suppress(ValueError):  # of another family
                        yield bound_address(known)
