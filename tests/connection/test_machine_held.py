"""Each transition of a connection's machine that holds an end of file back."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from pipetwist.connection.cause import Cause
from pipetwist.connection.client_info import DEFAULT_HALF_CLOSE_SECONDS, Timeouts
from pipetwist.connection.states import CLIENT, SERVER, Phase
from tests.connection.effects import Machine, RecordingEffects


class _HeldCase(SynchronousTestCase):
    client_closes_whole = server_closes_whole = False

    def setUp(self) -> None:
        """Come to where both directions are open, without a time-out of anybody's."""
        self.begin(None)

    def begin(self, half_close: float | None, *, noticed: bool = True) -> None:
        """Open a connection with this time-out."""
        self.effects = RecordingEffects()
        timeouts = Timeouts(half_close=half_close, closes_whole=self.client_closes_whole)
        self.machine = Machine(self.effects, timeouts, closes_whole=self.server_closes_whole)
        self.machine.connecting()
        self.machine.connected(losses_are_noticed=noticed)
        self.effects.new()


class ServerTest(_HeldCase):
    """A server that can't take an end of input while it still answers."""

    server_closes_whole = True

    def test_held(self) -> None:
        """The client's end is held back, for five minutes where nothing is said, even if the death
        of either peer is noticed.
        """
        self.machine.read_ended(CLIENT)
        self.assertIs(self.machine.phase, Phase.HALF_CLOSED)
        self.assertEqual(self.effects.new(), [f"watch {DEFAULT_HALF_CLOSE_SECONDS}"])

    def test_bounded(self) -> None:
        """Or for as long as the inbound says; then both are cut off."""
        self.begin(7)
        self.machine.read_ended(CLIENT)
        self.assertEqual(self.effects.new(), ["watch 7"])
        self.machine.inactive(7)
        self.assertEqual(self.effects.new(), ["watch None", "abort client", "abort server"])
        self.assertEqual(
            (self.machine.reason, self.machine.cause),
            ("client closed; no byte moved for 7 s", Cause.INACTIVITY),
        )

    def test_ends(self) -> None:
        """When the server ends, the connection does."""
        self.machine.read_ended(CLIENT)
        self.effects.new()
        self.machine.read_ended(SERVER)
        self.assertEqual(
            self.effects.new(),
            [f"watch {DEFAULT_HALF_CLOSE_SECONDS}", "close client", "close server"],
        )
        self.assertEqual((self.machine.reason, self.machine.cause), ("client closed", None))

    def test_client_gone(self) -> None:
        """Nobody waits for a client that has gone, before or after its end was read."""
        for first, second in (("peer_closed", "read_ended"), ("read_ended", "peer_closed")):
            self.setUp()
            getattr(self.machine, first)(CLIENT)
            self.effects.new()
            getattr(self.machine, second)(CLIENT)
            self.assertEqual(self.effects.new()[-1], "abort client")
            self.machine.lost(CLIENT, "")
            self.assertEqual(self.effects.new()[-1], "disconnect server")

    def test_servers_end(self) -> None:
        """The server's own end is passed to a client that can take it."""
        self.machine.read_ended(SERVER)
        self.assertEqual(self.effects.new(), ["watch None", "write_eof client"])


class ClientTest(_HeldCase):
    """A client that can't take an end of input while it still sends."""

    client_closes_whole = True

    def test_held(self) -> None:
        """The server's end is held back for a moment in which no byte moves, or for as long as the
        inbound says.
        """
        for half_close, expected in ((None, 2.0), (7, 7)):
            self.begin(half_close)
            self.machine.read_ended(SERVER)
            self.assertEqual(self.effects.new(), [f"watch {expected}"])

    def test_told(self) -> None:
        """Then both are closed in order, and that is no failure."""
        self.begin(7)
        self.machine.read_ended(SERVER)
        self.effects.new()
        self.machine.inactive(7)
        self.assertEqual(self.effects.new(), ["watch 7", "close client", "close server"])
        self.assertEqual((self.machine.reason, self.machine.cause), ("server closed", None))
        self.machine.inactive(7)
        self.assertEqual(self.effects.new(), ["watch None", "abort client", "abort server"])
        self.assertEqual(self.machine.reason, "server closed; no byte moved for 7 s")

    def test_ends(self) -> None:
        """When the client ends, the connection does."""
        self.machine.read_ended(SERVER)
        self.effects.new()
        self.machine.read_ended(CLIENT)
        self.assertEqual(self.effects.new()[1:], ["close server", "close client"])

    def test_server_gone(self) -> None:
        """A server that has gone altogether is not waited for."""
        self.machine.read_ended(SERVER)
        self.effects.new()
        self.machine.peer_closed(SERVER)
        self.assertEqual(self.effects.new(), ["abort server"])
        self.machine.lost(SERVER, "")
        self.assertEqual(self.effects.new()[-1], "close client")

    def test_clients_end(self) -> None:
        """The client's own end is passed to a server that can take it."""
        self.machine.read_ended(CLIENT)
        self.assertEqual(self.effects.new(), ["watch None", "write_eof server"])


class BothTest(_HeldCase):
    """Where neither can take an end of input alone."""

    client_closes_whole = server_closes_whole = True

    def test_each(self) -> None:
        """Either end is held back as it is where only one of them closes whole."""
        self.machine.read_ended(CLIENT)
        self.assertEqual(self.effects.new(), [f"watch {DEFAULT_HALF_CLOSE_SECONDS}"])
        self.setUp()
        self.machine.read_ended(SERVER)
        self.assertEqual(self.effects.new(), ["watch 2.0"])
