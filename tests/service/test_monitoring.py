"""The whole tree, looked at over HTTP while connections come and go."""

from __future__ import annotations

import json
import socket
import sys
from dataclasses import replace
from urllib.request import urlopen

from prometheus_client.parser import text_string_to_metric_families
from twisted.internet import reactor
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import SynchronousTestCase, TestCase

from pipetwist.api.options import ApiOptions, StatsOptions
from pipetwist.config.document import Document, ExperimentalOptions, RouteOptions
from pipetwist.errors import StartError
from pipetwist.inbounds.udp import UdpInboundOptions
from pipetwist.inbounds.unix import UnixInboundOptions
from pipetwist.kinds.user_options import UserOptions
from pipetwist.outbounds.fork import ForkOutboundOptions
from pipetwist.outbounds.tcp import TcpOutboundOptions
from pipetwist.routing.rules import RuleOptions
from pipetwist.service.tree import PipetwistService
from pipetwist.web.options import WebOptions
from tests.support.programs import output_of
from tests.support.scratch import free_port, scratch_folder
from tests.support.waiting import until

_Figures = dict[tuple[str, tuple[tuple[str, str], ...]], float]


class MonitoringTest(TestCase):
    """A tree whose figures are read."""

    timeout = 300

    def setUp(self) -> None:
        """Start it: one inbound for a command that answers, one for a server that is not there, and
        one for nobody.
        """
        folder = scratch_folder(self)
        self.paths = {tag: str(folder / tag) for tag in ("echo-in", "dead-in", "closed-in")}
        nobody = UserOptions(name="nobody", uid=65533)
        users = {"closed-in": (nobody,)}
        stats = StatsOptions(enabled=True, inbounds=("echo-in",), users=("nobody",))
        document = Document(
            inbounds=(
                *(
                    UnixInboundOptions(tag=tag, path=path, users=users.get(tag))
                    for tag, path in self.paths.items()
                ),
                UdpInboundOptions(tag="udp-in", listen_port=0),
            ),
            outbounds=(
                ForkOutboundOptions(tag="echo", command=("cat",), prefork=1),
                TcpOutboundOptions(tag="dead", server="127.0.0.1", server_port=free_port(self)),
            ),
            route=RouteOptions(rules=(RuleOptions(inbound=("dead-in",), outbound="dead"),)),
            experimental=ExperimentalOptions(v2ray_api=ApiOptions(stats=stats)),
            metrics=WebOptions(listen="127.0.0.1:0"),
        )
        self.service = PipetwistService(document, reactor)
        self.service.startService()
        self.addCleanup(self.service.stopService)

    async def figures(self) -> _Figures:
        """All samples, by their names and labels."""
        text = await deferToThread(_read, f"http://{self.service.web.address}/metrics")
        families = text_string_to_metric_families(text)
        return {
            (sample.name, tuple(sorted(sample.labels.items()))): sample.value
            for family in families
            for sample in family.samples
        }

    def connect(self, tag: str) -> socket.socket:
        """Connect a client; the test's clean-up closes it."""
        client = socket.socket(socket.AF_UNIX)
        self.addCleanup(client.close)
        client.settimeout(60)
        client.connect(self.paths[tag])
        return client

    async def test_connections(self) -> None:
        """What a connection carries and how it ends shows, and what is open and runs while it
        is.
        """
        client = self.connect("echo-in")
        self.assertEqual(await deferToThread(_talk, client), b"hello")
        figures = await self.figures()
        way = {"inbound": "echo-in", "outbound": "echo"}
        self.assertEqual(_pick(figures, "pipetwist_open_connections", **way), 1)
        self.assertEqual(
            _pick(
                figures,
                "pipetwist_traffic_bytes_total",
                entity="inbound",
                tag="echo-in",
                direction="uplink",
            ),
            5,
        )
        self.assertEqual(
            _pick(
                figures,
                "pipetwist_traffic_bytes_total",
                entity="user",
                tag="nobody",
                direction="uplink",
            ),
            0,
        )
        self.assertGreaterEqual(_pick(figures, "pipetwist_commands_running", outbound="echo"), 1)
        self.assertGreaterEqual(
            _pick(figures, "pipetwist_commands_started_total", outbound="echo"), 1
        )
        if sys.platform == "linux":
            self.assertGreaterEqual(_pick(figures, "pipetwist_pipes_limit"), 1)
        client.close()
        await until(lambda: not self.service.relay.open_connections, "the connection to be over")
        figures = await self.figures()
        self.assertEqual(
            (
                _pick(figures, "pipetwist_open_connections", **way),
                _pick(figures, "pipetwist_connections_total", **way),
            ),
            (0, 1),
        )
        self.assertEqual(_pick(figures, "pipetwist_connection_duration_seconds_count", **way), 1)
        self.assertEqual(
            sum(
                value
                for (name, _), value in figures.items()
                if name == "pipetwist_connection_failures_total"
            ),
            0,
        )

    async def test_failures(self) -> None:
        """The causes of failed connections are distinguished."""
        for tag in ("dead-in", "closed-in"):
            self.assertEqual(await deferToThread(self.connect(tag).recv, 9), b"")
        figures = await self.figures()
        failures = {
            labels: value
            for (name, labels), value in figures.items()
            if name == "pipetwist_connection_failures_total" and value
        }
        self.assertEqual(
            failures,
            {
                (("cause", "connect"), ("inbound", "dead-in"), ("outbound", "dead")): 1,
                (("cause", "refused"), ("inbound", "closed-in"), ("outbound", "")): 1,
            },
        )

    async def test_page(self) -> None:
        """The page is there, and its figures are the connection's, the counters' and the sum of
        all.
        """
        client = self.connect("echo-in")
        self.assertEqual(await deferToThread(_talk, client), b"hello")
        self.assertIn(
            "<title>pipetwist</title>",
            await deferToThread(_read, f"http://{self.service.web.address}/"),
        )
        snapshot = json.loads(
            await deferToThread(_read, f"http://{self.service.web.address}/api/snapshot")
        )
        (row,) = snapshot["connections"]["rows"]
        self.assertEqual(
            (row["inbound"], row["outbound"], row["user"], row["uplink"], row["downlink"]),
            ("echo-in", "echo", None, 5, 5),
        )
        (inbound,) = snapshot["traffic"]["inbound"]["names"].items()
        self.assertEqual(
            inbound,
            ("echo-in", {"uplink": 5, "downlink": 5, "uplink_rate": None, "downlink_rate": None}),
        )
        self.assertEqual((snapshot["totals"]["open"], snapshot["totals"]["uplink"]), (1, 5))

    async def test_state(self) -> None:
        """What went wrong is told to the page, and how many connections each name has; of limits
        and plug-ins, of which there are none, nothing is.
        """
        client = self.connect("echo-in")
        self.assertEqual(await deferToThread(_talk, client), b"hello")
        for tag in ("dead-in", "dead-in", "closed-in"):
            self.assertEqual(await deferToThread(self.connect(tag).recv, 9), b"")
        address = f"http://{self.service.web.address}/api"
        state = json.loads(await deferToThread(_read, f"{address}/state"))
        self.assertEqual(state.keys(), {"listed", "problems"})
        self.assertEqual(state["listed"], {"inbound": True, "outbound": False, "user": True})
        problems = state["problems"]
        (failure,) = problems["failures"]
        self.assertEqual(
            [failure[key] for key in ("inbound", "outbound", "cause", "count", "id")],
            ["dead-in", "dead", "connect", 2, 3],
        )
        self.assertIn("Connection refused", failure["reason"])
        self.assertEqual((problems["failed"], problems["rejected"]), (2, 1))
        self.assertEqual((problems["not_listening"], problems["reload"]), ([], None))
        names = json.loads(await deferToThread(_read, f"{address}/names"))
        self.assertEqual(
            names,
            {
                "inbound": {
                    "echo-in": {"open": 1, "failed": 0, "refused": 0},
                    "dead-in": {"open": 0, "failed": 2, "refused": 0},
                    "closed-in": {"open": 0, "failed": 0, "refused": 1},
                },
                "outbound": {
                    "echo": {"open": 1, "failed": 0, "refused": 0},
                    "dead": {"open": 0, "failed": 2, "refused": 0},
                },
                "user": {},
            },
        )
        limits = json.loads(await deferToThread(_read, f"{address}/limits"))
        self.assertEqual(limits, {"limited": 0, "matching": 0, "rows": []})

    async def test_health(self) -> None:
        """Load balancers are told that it runs, and no more once it is told to stop."""
        address = f"http://{self.service.web.address}/healthz"
        self.assertEqual(await deferToThread(_read, address), "ok\n")
        client = self.connect("echo-in")
        self.assertEqual(await deferToThread(_talk, client), b"hello")
        stopped = self.service.stopService()
        with self.assertRaises(OSError):  # refused, or reset if it was in the queue already
            await deferToThread(_read, address)
        client.close()
        await stopped

    async def test_stop(self) -> None:
        """The stop ends a stream of events in order, and no timer of it is left."""
        events = await deferToThread(
            urlopen, f"http://{self.service.web.address}/api/events", timeout=60
        )
        self.addCleanup(events.close)
        lines = [await deferToThread(events.readline) for _ in range(3)]
        self.assertEqual(lines, [b"retry: 3000\n", b"\n", b"event: snapshot\n"])
        rest = deferToThread(events.read)
        await self.service.stopService()
        # A stream that is cut off makes reading fail.
        self.assertTrue((await rest).endswith(b"}\n\n"))

    async def test_reload(self) -> None:
        """What another configuration has shows at the next look, and what was counted before
        stays.
        """
        self.assertEqual(await deferToThread(self.connect("dead-in").recv, 9), b"")
        document = self.service.document
        other = UnixInboundOptions(tag="other-in", path=f"{self.paths['echo-in']}.other")
        await self.service.reload(replace(document, inbounds=(*document.inbounds[:1], other)))
        figures = await self.figures()
        self.assertEqual(
            _pick(figures, "pipetwist_connections_total", inbound="other-in", outbound="echo"), 0
        )
        self.assertEqual(
            _pick(figures, "pipetwist_connections_total", inbound="dead-in", outbound="dead"), 1
        )
        self.assertNotIn(
            ("pipetwist_connections_total", (("inbound", "closed-in"), ("outbound", "echo"))),
            figures,
        )

    async def test_before_anybody(self) -> None:
        """Every way that the route has is there before anybody comes, and none that it has not."""
        figures = await self.figures()
        ways = {
            tuple(value for _, value in labels)
            for name, labels in figures
            if name == "pipetwist_connections_total"
        }
        self.assertEqual(
            ways,
            {("echo-in", "echo"), ("dead-in", "dead"), ("closed-in", "echo"), ("udp-in", "echo")},
        )
        self.assertEqual(
            _pick(figures, "pipetwist_datagrams_dropped_total", inbound="udp-in", outbound=""), 0
        )


class LoadingTest(SynchronousTestCase):
    """What it needs."""

    def test_missing(self) -> None:
        """Where prometheus_client is missing the error is one line that says so, and what to
        install.
        """
        said = output_of("-c", _WITHOUT)
        self.assertEqual(said.count("\n"), 1)
        self.assertTrue(
            said.startswith("metrics needs prometheus_client, which can't be imported here"), said
        )
        self.assertIn("pip install prometheus_client", said)

    def test_refused(self) -> None:
        """Where it may not listen the tree can't be made."""
        outbounds = (ForkOutboundOptions(tag="echo", command=("cat",)),)
        document = Document(
            inbounds=(UnixInboundOptions(tag="in", path="/nowhere/in"),),
            outbounds=outbounds,
            metrics=WebOptions(listen="0.0.0.0:1"),
        )
        self.assertRaises(StartError, PipetwistService, document, reactor)


_WITHOUT = """
import sys
sys.modules["prometheus_client"] = None
from twisted.internet import reactor
from pipetwist.config.document import Document
from pipetwist.errors import StartError
from pipetwist.inbounds.unix import UnixInboundOptions
from pipetwist.outbounds.unix import UnixOutboundOptions
from pipetwist.service.tree import PipetwistService
from pipetwist.web.options import WebOptions
inbounds, outbounds = (UnixInboundOptions(tag="a", path="/a"),), (UnixOutboundOptions(tag="b", path="/b"),)
try:
    PipetwistService(Document(inbounds=inbounds, outbounds=outbounds, metrics=WebOptions(listen="127.0.0.1:0")), reactor)
except StartError as error:
    print(error)
"""  # noqa: E501  # another language's text


def _read(address: str) -> str:
    with urlopen(address, timeout=60) as response:
        text: bytes = response.read()
    return text.decode()


def _talk(client: socket.socket) -> bytes:
    client.sendall(b"hello")
    return client.recv(9)


def _pick(figures: _Figures, metric: str, **labels: str) -> float:
    return figures[metric, tuple(sorted(labels.items()))]
