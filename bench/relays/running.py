"""A relay that runs in a scratch folder, between the places that the load generator uses."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from bench.listening import listens
from bench.places import Kind, Route, TlsPlace, route_of
from bench.processes import Program
from bench.relays.relay import Relay

__all__ = ["Running", "start"]


class Running:
    """A relay that accepts connections.

    Args:
        relay: which it is.
        route: what it connects.
        program: its process; None where there is no relay.
    """

    def __init__(self, relay: Relay, route: Route, program: Program | None) -> None:
        self.relay = relay
        self.program = program
        # Without a relay the server speaks TLS itself, where the clients do.
        tls = isinstance(route.listen, TlsPlace)
        self.client = str(route.listen if program or tls else route.target)
        self.server = self.client if tls and not program else str(route.target)

    def cpu_seconds(self) -> float:
        """CPU time that it has used so far; 0 where there is no relay."""
        return self.program.cpu_seconds() if self.program else 0.0


def start(relay: Relay, kind: Kind, folder: Path, until: ExitStack) -> Running:
    """Start a relay and wait until it listens.

    Args:
        relay: which.
        kind: what it is to connect.
        folder: its scratch folder, which is made.
        until: ends it.

    Raises:
        MeasureError: it ended, or does not listen.
    """
    folder.mkdir()
    route = route_of(kind, folder, until)
    command = relay.command(route, folder)
    if not command:
        return Running(relay, route, None)
    program = Program(command, folder)
    until.callback(program.stop)
    program.wait_until(lambda: listens(route.listen), "listen")
    return Running(relay, route, program)
