"""What a command is told of its client."""

from __future__ import annotations

import os
from types import SimpleNamespace
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from pipetwist.connection.client_info import ClientInfo
from pipetwist.interfaces import IClientOutbound
from pipetwist.outbounds.context import OutboundContext
from pipetwist.outbounds.fork import ForkOutbound, ForkOutboundOptions
from pipetwist.outbounds.peer_environment import PEER_VARIABLES
from pipetwist.testing import FakeSide, FakeSpawner
from tests.support.documents import problems, small

_NAMES = sorted(PEER_VARIABLES)
_OTHERS = dict.fromkeys(_NAMES, "somebody else's")


class PeerEnvironmentTest(SynchronousTestCase):
    """An outbound whose commands are the test's, of a daemon that is a command itself."""

    def setUp(self) -> None:
        """Give this process what it could have from a program that has started it."""
        self.patch(os, "environ", {**os.environ, **_OTHERS, "OURS": "x"})
        self.spawner = FakeSpawner()

    def make(self, **options: Any) -> ForkOutbound:
        """Make the outbound."""
        outbound = ForkOutbound(
            ForkOutboundOptions(tag="tool", command=("cat",), **options),
            OutboundContext(Clock(), self.spawner),
        )
        self.addCleanup(outbound.stopService)
        return outbound

    def told(self, **client_info: Any) -> dict[str, str]:
        """What a command is told, the daemon's environment and one of its own in its way."""
        outbound = self.make(
            peer_environment=True, inherit_env=True, env={**_OTHERS, "KEY": "value"}
        )
        verifyObject(IClientOutbound, outbound)
        known = {"inbound": "in", "peer": "peer", "source": "source", **client_info}
        client = SimpleNamespace(number=7, client_info=ClientInfo(**known), side=FakeSide())
        assert outbound.connect_as is not None
        self.connected(outbound.connect_as(client))  # type: ignore[arg-type]  # it has what an IClient has
        env = self.env()
        self.assertEqual((env["OURS"], env["KEY"]), ("x", "value"))
        return {name: value for name, value in env.items() if name in PEER_VARIABLES}

    def connected(self, connecting: Any) -> None:
        """What connects has connected."""
        if isinstance(connecting, Deferred):
            self.successResultOf(connecting)

    def env(self) -> dict[str, str]:
        """The environment of the latest command."""
        return dict(self.spawner.processes[-1].env)

    def test_address(self) -> None:
        """Of a client by TCP it is its address and port, by systemd's names and by ncat's."""
        self.assertEqual(
            self.told(address=("2001:db8::1", 4711), user="alice"),
            {
                "PIPETWIST_ID": "7",
                "PIPETWIST_INBOUND": "in",
                "PIPETWIST_USER": "alice",
                "REMOTE_ADDR": "2001:db8::1",
                "REMOTE_PORT": "4711",
                "NCAT_REMOTE_ADDR": "2001:db8::1",
            },
        )

    def test_process(self) -> None:
        """Of a client by a unix socket it is its process and its uid."""
        self.assertEqual(
            self.told(credentials=(99, 1000, 50)),
            {
                "PIPETWIST_ID": "7",
                "PIPETWIST_INBOUND": "in",
                "REMOTE_PID": "99",
                "REMOTE_UID": "1000",
            },
        )
        self.assertNotIn("REMOTE_PID", self.told(credentials=(0, 1000, 50)))

    def test_named(self) -> None:
        """Where a proxy names an address, it is that, and not the proxy's process."""
        told = self.told(address=("192.0.2.1", 1), credentials=(99, 0, 0))
        self.assertEqual(told["REMOTE_ADDR"], "192.0.2.1")
        self.assertNotIn("REMOTE_PID", told)

    def test_unknown(self) -> None:
        """What is not known is not set, whatever others have set."""
        self.assertEqual(self.told(), {"PIPETWIST_ID": "7", "PIPETWIST_INBOUND": "in"})

    def test_off(self) -> None:
        """By default nobody is asked for the client, and variables pass as they are."""
        outbound = self.make(env={"REMOTE_ADDR": "x"})
        self.assertIsNone(outbound.connect_as)
        self.connected(outbound.connect())
        env = self.env()
        self.assertEqual({name: env[name] for name in _NAMES if name in env}, {"REMOTE_ADDR": "x"})

    def test_prefork(self) -> None:
        """Commands that start before there is a client can't be told of it."""
        document = small()
        document["outbounds"][0] |= {"prefork": 1, "peer_environment": True}
        self.assertEqual(
            problems(document),
            [
                (
                    "outbounds[0]: peer_environment can't be used with prefork: those commands "
                    "start before there is a client; leave one of the two out"
                )
            ],
        )
