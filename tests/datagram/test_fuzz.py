"""Whatever datagrams are sent, over whatever carries them: what comes is what was sent, one by one,
in order, and the counters say it.
"""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from pipetwist.datagram.framing import MAX_FRAMED_BYTES
from pipetwist.datagram.sockets import MAX_UDP_BYTES
from tests.support.datagram_case import DatagramCase
from tests.support.datagram_ends import End
from tests.support.examples import examples

# So many that wait nowhere for want of room: what is dropped then is tested elsewhere.
_MAX_AT_ONCE = 5


def _sizes(max_bytes: int) -> st.SearchStrategy[list[int]]:
    some = st.one_of(
        st.integers(0, 3),
        st.integers(0, 2000),
        st.integers(0, max_bytes),
        st.sampled_from([0, 1, 65_535, max_bytes]),
    )
    return st.lists(some.map(lambda size: min(size, max_bytes)), max_size=_MAX_AT_ONCE)


def _made(sizes: list[int], first: int) -> list[bytes]:
    """Datagrams of these sizes, no two alike where there is room for that."""
    return [bytes([(first + index) % 256]) * size for index, size in enumerate(sizes)]


class UdpToUdpTest(DatagramCase):
    """UDP to UDP."""

    max_bytes = MAX_UDP_BYTES

    def test_anything(self) -> None:
        """Sizes, order and boundaries are kept both ways, and the counters and the log say the
        sums.
        """

        @settings(max_examples=examples(40), deadline=None, database=None)
        @given(
            st.lists(
                st.tuples(_sizes(self.max_bytes), _sizes(self.max_bytes)), min_size=1, max_size=3
            )
        )
        def one(rounds: list[tuple[list[int], list[int]]]) -> None:
            self.anything(rounds)

        one()

    def anything(self, rounds: list[tuple[list[int], list[int]]]) -> None:
        """Try one example: in each round some datagrams up, then some down."""
        number, before = len(self.lines()), self.counted() if self.lines() else (0, 0)
        client = self.client()
        client.send(b"first")
        server = self.accepted() if self.servers != "fork" else client
        if server is not client:
            self.came(server, b"first", others=(client,))
        up = down = len(b"first")
        if server is not client:
            down = 0
        else:
            self.came(client, b"first")
        for upwards, downwards in rounds:
            up += self._pass(client, server, _made(upwards, 0))
            if server is not client:
                down += self._pass(server, client, _made(downwards, 100))
            else:
                down += sum(upwards)
        self.loop.until(
            lambda: self.counted() == (before[0] + up, before[1] + down), "the counters"
        )
        (connection,) = self.service.relay.connection_table.connections()
        connection.stop("enough")
        self.loop.until(lambda: not self.open, "the end")
        client.socket.close()
        if server is not self.server:
            server.socket.close()
        (line,) = self.lines()[number:]
        self.assertEqual((line["uplink"], line["downlink"], line["reason"]), (up, down, "enough"))
        self.assertEqual(self.counted("outbound", "out"), self.counted())

    def _pass(self, sender: End, receiver: End, datagrams: list[bytes]) -> int:
        for datagram in datagrams:
            sender.send(datagram)
        self.came(receiver, *datagrams, others=(sender,))
        return sum(map(len, datagrams))


class UdpToUdpPlainTest(UdpToUdpTest):
    """The same, on what every system has."""

    plain = True


class UnixgramToUdpPlainTest(UdpToUdpTest):
    """A unix datagram socket to UDP, on what every system has."""

    clients = "unixgram"
    plain = True


class UdpToUnixgramTest(UdpToUdpTest):
    """UDP to a unix datagram socket."""

    servers = "unixgram"


class UdpToFramedTest(UdpToUdpTest):
    """UDP to a framed unix socket."""

    servers = "framed"


class UdpToFramedByReactorTest(UdpToUdpTest):
    """UDP to a framed unix socket on Twisted's transport."""

    servers = "framed"
    transfer = "stream"


class UdpToForkTest(UdpToUdpTest):
    """UDP to a command, and back."""

    servers = "fork"


class UnixgramToUdpTest(UdpToUdpTest):
    """A unix datagram socket to UDP."""

    clients = "unixgram"


class UnixgramToUnixgramTest(UdpToUdpTest):
    """A unix datagram socket to another."""

    clients = "unixgram"
    servers = "unixgram"
    max_bytes = 200_000


class UnixgramToFramedTest(UdpToUdpTest):
    """A unix datagram socket to a framed unix socket."""

    clients = "unixgram"
    servers = "framed"
    max_bytes = MAX_FRAMED_BYTES


class FramedToUdpTest(UdpToUdpTest):
    """A framed unix socket to UDP."""

    clients = "framed"


class FramedToUnixgramTest(UdpToUdpTest):
    """A framed unix socket to a unix datagram socket."""

    clients = "framed"
    servers = "unixgram"
    max_bytes = MAX_FRAMED_BYTES


class FramedToFramedTest(UdpToUdpTest):
    """A framed unix socket to another."""

    clients = "framed"
    servers = "framed"
    max_bytes = MAX_FRAMED_BYTES
