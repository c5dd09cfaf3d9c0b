"""Many connections that end in different ways: everything that they had is given back."""

from __future__ import annotations

import gc
from collections.abc import Callable

from pipetwist.kernel.side import DescriptorSide
from pipetwist.relay.connection import Connection
from tests.support.far_end import FarEnd
from tests.support.relaying import RelayCase, over_ends

_MUCH = 2_000_000


def _connection_objects() -> list[object]:
    return [one for one in gc.get_objects() if isinstance(one, (DescriptorSide, Connection))]


@over_ends
class BalanceTest(RelayCase):
    """Connections that end in all sorts of ways."""

    def test_endings(self) -> None:
        """Connections that end in all sorts of ways, several at once, leave no descriptor, pipe,
        timer, child or object.
        """
        gc.collect()
        gc.disable()
        self.addCleanup(gc.enable)
        # What other tests have left is theirs, and is held here so that none of its numbers is
        # given to another.
        others = {id(one): one for one in _connection_objects()}
        for size in (0, 1, _MUCH):
            self._end_all(size)
            self.nothing_is_left()
            self.assertEqual([one for one in _connection_objects() if id(one) not in others], [])

    def _end_all(self, size: int) -> None:
        connections = []
        for number, ending in enumerate(self.endings()):
            client, server = self.connect()
            connections.append((ending, client, client if server is None else server))
            for end in connections[-1][1:]:
                end.send(size)
                # Some are full by the time when they end.
                if number % 3 == 0:
                    end.hold()
        everybody = [end for _, *ends in connections for end in ends]
        for _ in range(20):
            self.pump(everybody)
        for ending, client, server in connections:
            ending(client, server)
        for end in everybody:
            end.let_go()
            end.finish()
        self.pump_until(
            everybody,
            lambda: self.nothing_is_open() and all(end.done for end in everybody),
            "the end of everything",
        )
        self.assertEqual(len(self.lines), len(connections))
        self.lines.clear()
        for end in everybody:
            end.close()

    def endings(self) -> list[Callable[[FarEnd, FarEnd], None]]:
        """Ways for a connection to end."""
        return [
            lambda client, server: None,  # both finish
            lambda client, server: client.finish(),
            lambda client, server: server.finish(),
            lambda client, server: client.close(),
            lambda client, server: server.close(),
            lambda client, server: client.reset(),
            lambda client, server: server.reset(),
            self._both(FarEnd.close, FarEnd.close),
            self._both(FarEnd.reset, FarEnd.reset),
            self._both(FarEnd.finish, FarEnd.close),
            self._both(FarEnd.close, FarEnd.finish),
            self._both(FarEnd.finish, FarEnd.reset),
            self._both(FarEnd.reset, FarEnd.finish),
            self._stopped,
        ]

    def _both(
        self, of_client: Callable[[FarEnd], None], of_server: Callable[[FarEnd], None]
    ) -> Callable[[FarEnd, FarEnd], None]:
        def ending(client: FarEnd, server: FarEnd) -> None:
            of_client(client)
            self.loop.turn()
            of_server(server)

        return ending

    def _stopped(self, client: FarEnd, server: FarEnd) -> None:
        # Which of them this is makes no difference.
        for connection in self.service.relay.connection_table.connections()[:1]:
            connection.stop("a test stops it")
