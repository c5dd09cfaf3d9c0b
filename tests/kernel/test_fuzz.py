"""Whatever the ends of a connection do, in whatever order: what arrives is what was sent, the
counters say it, and nothing is left.
"""

from __future__ import annotations

from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.examples import examples
from tests.support.far_end import FarEnd
from tests.support.relaying import RelayCase, over_ends


class Step(NamedTuple):
    """One thing that happens.

    Attributes:
        what: a method of a far end, or ``turn``.
        server: whether it is the server's end that does it, where that is no command.
        size: of what is sent.
        turns: how often everybody gets a turn afterwards.
    """

    what: str
    server: bool
    size: int
    turns: int


_SIZES = st.one_of(
    st.integers(1, 200),
    st.integers(1, 300_000),
    st.sampled_from([65_535, 65_536, 65_537, 131_072, 262_144, 300_000]),
)
_WHAT = st.sampled_from(
    ["send"] * 10 + ["hold"] * 4 + ["let_go"] * 2 + ["finish", "finish", "close", "reset"]
)
_STEPS = st.lists(
    st.builds(Step, _WHAT, st.booleans(), _SIZES, st.sampled_from([0, 0, 1, 1, 1, 2, 5])),
    max_size=20,
)
# Without pipes everything between sockets is copied.
_PIPES = st.sampled_from([0, 1, 8])


@over_ends
class FuzzTest(RelayCase):
    """Ends that do anything."""

    def test_anything(self) -> None:
        """What arrives is what was sent, as it is counted, and nothing is left."""
        # Each has two handshakes; what is not TLS's own is tried over the others.
        count = 30 if "tls" in (self.clients, self.servers) else 300

        @settings(max_examples=examples(count), deadline=None, database=None)
        @given(_STEPS, _PIPES)
        def one(steps: list[Step], pipes: int) -> None:
            self.kernel.pool.close()
            self.kernel.pool.limit = pipes
            self.anything(steps)

        one()

    def anything(self, steps: list[Step]) -> None:
        """Try one example."""
        client, server = self.connect()
        ends = [client] if server is None else [client, server]
        for step in steps:
            end = ends[-1] if step.server else client
            if not end.gone:
                if step.what == "send":
                    end.send(step.size)
                else:
                    getattr(end, step.what)()
            for _ in range(step.turns):
                self.pump(ends)
        for end in ends:
            end.let_go()
            end.finish()
        self.pump_until(
            ends,
            lambda: self.nothing_is_open() and all(end.done for end in ends),
            "the end of everything",
        )
        for end in ends:
            end.close()
        self.check(client, client if server is None else server)
        self.nothing_is_left()

    def check(self, client: FarEnd, server: FarEnd) -> None:
        """Compare what the ends saw with what was counted and logged. A far end compares each byte
        that comes.
        """
        up, down = self.counted()
        line = self.lines.pop()
        self.assertEqual((line["uplink"], line["downlink"], self.lines), (up, down, []))
        if server is client:  # cat: what was sent comes back
            self.assertLessEqual(client.came, down)
            self.assertLessEqual(down, up)
            self.assertLessEqual(up, client.sent)
            if not client.was_rude:
                self.assertEqual(
                    (client.came, up, down, client.failure),
                    (client.sent, client.sent, client.sent, None),
                )
                self.assertEqual(line["reason"], "client closed")
            return
        self.assertLessEqual(server.came, up)
        self.assertLessEqual(up, client.sent)
        self.assertLessEqual(client.came, down)
        self.assertLessEqual(down, server.sent)
        if not client.was_rude and client.failure is None:
            self.assertEqual(client.came, down)
        if not client.was_rude and not server.was_rude:
            self.assertEqual((server.came, up, server.failure), (client.sent, client.sent, None))
            self.assertEqual((client.came, down, client.failure), (server.sent, server.sent, None))
            self.assertIn(line["reason"], ("client closed", "server closed"))
