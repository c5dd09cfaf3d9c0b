"""The control service on a unix socket, with gRPC's real behaviour."""

from __future__ import annotations

import socket
import stat
import time
from dataclasses import replace

import grpc
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)
from twisted.internet.threads import deferToThread

from pipetwist.client.control import ControlCalls
from pipetwist.client.server import Server
from pipetwist.control.ids import start_of
from pipetwist.control.options import ControlOptions
from pipetwist.control.wire.control_pb2 import CloseConnectionsResponse
from pipetwist.errors import ServerError
from pipetwist.kinds.limit_options import UserLimitOptions
from tests.control.case import SERVICE, ControlCase
from tests.support.api_server import RPC_SECONDS, open_channel


class ServiceTest(ControlCase):
    """A tree with open connections."""

    async def test_list(self) -> None:
        """Each open connection is told with what the log would have, and its command's process."""
        self.start()
        await self.connect()
        await self.connect("known")
        first, second = await self.client().list()
        self.assertEqual(
            [(one.inbound, one.outbound, one.user) for one in (first, second)],
            [("in", "echo", ""), ("known", "echo", "alice")],
        )
        for number, one in enumerate((first, second), 1):
            self.assertEqual(one.id.partition("@")[0], str(number))
            self.assertEqual((one.uplink, one.downlink), (5, 5))
            self.assertRegex(one.peer, r"^pid:\d+ uid:\d+ gid:\d+$")
            self.assertGreater(one.pid, 1)
            self.assertTrue(0 <= one.age < 300, one.age)

    async def test_selected(self) -> None:
        """Only what is selected is told."""
        self.start()
        await self.connect()
        await self.connect("known")
        client = self.client()
        for selection, numbers in (
            ({"users": ["alice"]}, ["2"]),
            ({"inbounds": ["in"]}, ["1"]),
            ({"outbounds": ["echo"]}, ["1", "2"]),
            ({"older_than": 3600.0}, []),
        ):
            found = await client.list(**selection)
            self.assertEqual([one.id.partition("@")[0] for one in found], numbers, selection)

    async def test_entities(self) -> None:
        """Inbounds, outbounds and users are told with what is open and their limits, all of them or
        those that are asked for.
        """
        tree = self.start()
        await self.connect("known")
        limits = UserLimitOptions(up_mbps=20, max_connections=1)
        await tree.reload(replace(tree.document, default_limits=limits))
        calls = ControlCalls(Server(address=tree.control.address, timeout=RPC_SECONDS))
        self.addCleanup(calls.close)
        found = await deferToThread(calls.list_entities)
        self.assertEqual(
            {(one.entity, one.name): one.open for one in found},
            {
                ("inbound", "packets"): 0,
                ("inbound", "in"): 0,
                ("inbound", "known"): 1,
                ("outbound", "echo"): 1,
                ("outbound", "framed"): 0,
                ("user", "alice"): 1,
            },
        )
        (alice,) = await deferToThread(calls.list_entities, "user", users=["alice"])
        self.assertEqual((alice.limits.up_mbps, alice.limits.down_mbps), (20, 0))
        self.assertEqual(alice.closed, "max_connections of user alice is 1")
        self.assertFalse(found[0].HasField("limits"))
        error = await self.error(deferToThread(calls.list_entities, "route"), ServerError)
        self.assertIn('"route" is no entity', str(error))

    async def test_close(self) -> None:
        """A connection is closed by its id; its own line and another say who did it. It is the
        log's number, with the start of the page's figures.
        """
        tree = self.start()
        closes, stays = await self.connect(), await self.connect()
        client = self.client()
        first, _ = await client.list()
        answer = await client.close(ids=[first.id, "9@9"])
        self.assertEqual(answer, CloseConnectionsResponse(closed=1, unknown_ids=["9@9"]))
        await self.assertClosed(closes)
        stays.sendall(b"still")
        self.assertEqual(await deferToThread(stays.recv, 9), b"still")
        (line,) = [line for line in self.lines if line.startswith("1 in -> echo")]
        self.assertRegex(line, r"up=5 down=5: closed by pid:\d+ uid:\d+ gid:\d+$")
        (said,) = [line for line in self.lines if line.startswith("control: ")]
        self.assertRegex(
            said, r"^control: pid:\d+ uid:\d+ gid:\d+ closed 1 connection: id 1@\d+ or 9@9$"
        )
        self.assertEqual(tree.relay.open_connections, 1)

    async def test_close_by_user(self) -> None:
        """All connections of a user are closed, and no others."""
        self.start()
        closes = [await self.connect("known") for _ in range(3)]
        await self.connect()
        answer = await self.client().close(users=["alice"])
        self.assertEqual(answer.closed, 3)
        for one in closes:
            await self.assertClosed(one)
        self.assertEqual([one.inbound for one in await self.client().list()], ["in"])

    async def test_association(self) -> None:
        """An association of datagrams is closed too; the next datagram begins another."""
        tree = self.start()
        sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(sender.close)
        sender.settimeout(60)
        sender.connect(("127.0.0.1", tree.inbounds["packets"].port))
        client = self.client()
        for number in ("1", "2"):
            sender.send(b"hello")
            self.assertEqual(await deferToThread(sender.recv, 9), b"hello")
            (one,) = await client.list(inbounds=["packets"])
            self.assertEqual((one.id.partition("@")[0], one.uplink), (number, 5))
            self.assertEqual((await client.close(ids=[one.id])).closed, 1)

    async def test_nothing_said(self) -> None:
        """A call that does not say which closes nothing, and is told so; so is one with wrong
        words.
        """
        self.start()
        await self.connect()
        client = self.client()
        for selection in ({}, {"ids": ["1"]}, {"older_than": -1.0}, {"older_than": float("nan")}):
            error = await self.error(client.close(**selection))
            self.assertEqual(error.code(), grpc.StatusCode.INVALID_ARGUMENT, selection)
        self.assertEqual(len(await client.list()), 1)

    async def test_socket(self) -> None:
        """The socket's file has the mode 0600, and goes at the stop."""
        tree = self.start()
        self.assertEqual(stat.S_IMODE(self.path.lstat().st_mode), 0o600)
        await tree.stopService()
        self.assertFalse(self.path.exists())

    async def test_comes_back(self) -> None:
        """A reload makes a socket again that was removed."""
        tree = self.start()
        self.path.unlink()
        await tree.reload(tree.document)
        self.assertEqual(await self.client().list(), [])

    async def test_reflection_and_health(self) -> None:
        """Reflection describes the service, and the health service says that it serves."""
        self.start()
        channel = open_channel(self, f"unix:{self.path}")

        def ask() -> tuple[list[str], int]:
            database = ProtoReflectionDescriptorDatabase(channel)
            calls = database.FindFileContainingSymbol(SERVICE).service[0].method
            check = channel.unary_unary(
                "/grpc.health.v1.Health/Check",
                request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
                response_deserializer=health_pb2.HealthCheckResponse.FromString,
            )
            health = check(health_pb2.HealthCheckRequest(service=SERVICE), timeout=RPC_SECONDS)
            self.assertIn(SERVICE, database.get_services())
            return [call.name for call in calls], health.status

        calls, status = await deferToThread(ask)
        reading = ["GetStatus", "ListEntities"]
        self.assertEqual(calls, ["ListConnections", "CloseConnections", "ResetQuotas", *reading])
        self.assertEqual(status, health_pb2.HealthCheckResponse.SERVING)

    async def test_start(self) -> None:
        """Ids have the time at which the tree was made."""
        self.start()
        await self.connect()
        (one,) = await self.client().list()
        start = int(one.id.partition("@")[2])
        self.assertLess(abs(start - start_of(time.time())), 300_000)

    async def test_reload(self) -> None:
        """A reload that changes where it listens says that this needs a restart; with it ids
        stay.
        """
        tree = self.start()
        await self.connect()
        (before,) = await self.client().list()
        moved = ControlOptions(listen=f"unix:{self.path}-2")
        await tree.reload(replace(tree.document, control=moved))
        self.assertIn("control.listen: a change of this key needs a restart", self.lines)
        (after,) = await self.client().list()
        self.assertEqual(before.id, after.id)
