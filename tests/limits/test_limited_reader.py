"""What a limited side costs while it waits: one that always has more asks the poller nothing."""

from __future__ import annotations

from typing import Any

from pipetwist.kernel.limited_reader import LimitedReader
from pipetwist.kernel.socket_side import SocketSide
from pipetwist.kinds.limit_options import LimitOptions
from pipetwist.limits.limits import Limits
from tests.support.relaying import RelayCase

_STEP = 0.01


class LimitedReaderTest(RelayCase):
    """A client that sends more than it may."""

    def setUp(self) -> None:
        """Note who asks the poller, and who has a turn."""
        super().setUp()
        self.asked: list[SocketSide] = []
        self.turns: list[LimitedReader] = []
        watch: Any = SocketSide.watch
        turn: Any = LimitedReader.turn

        def asking(side: SocketSide) -> None:
            self.asked.append(side)
            watch(side)

        def having(reader: LimitedReader, granted: int) -> None:
            self.turns.append(reader)
            turn(reader, granted)

        self.patch(SocketSide, "watch", asking)
        self.patch(LimitedReader, "turn", having)

    def test_waits_again(self) -> None:
        """Whoever has moved all that its turn allowed waits for the next one at once: the poller is
        not asked to tell of what is known, which is two system calls for each turn, and no event
        comes of it. One that has caught up asks.
        """
        client, server = self.connect()
        assert server is not None
        ends = [client, server]
        self.service.relay.limit(Limits(inbound={"in": LimitOptions(up_mbps=4)}))
        (connection,) = self.service.relay.connection_table.connections()
        side: Any = connection.client
        client.send(1_000_000)
        self.pump_until(ends, lambda: len(self.turns) > 3, "its first turns")
        self.asked.clear()
        self.turns.clear()
        before = server.came
        for _ in range(50):
            self.loop.advance(_STEP)
            while self.pump(ends):
                pass
        self.assertGreater(server.came - before, 100_000)
        self.assertGreater(len(self.turns), 20)
        self.assertEqual(self.asked.count(side), 0)
        self.pump_until(ends, lambda: server.came == 1_000_000, "the rest")
        self.pump_until(ends, lambda: not side.reader.held_back, "it to have caught up")
        self.assertGreater(self.asked.count(side), 0)
