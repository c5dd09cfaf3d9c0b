"""Each transition of a connection's machine, until its ends are lost."""

from __future__ import annotations

from pipetwist.connection.client_info import Timeouts
from pipetwist.connection.states import CLIENT, SERVER, Phase
from tests.connection.effects import Machine
from tests.connection.machine_case import MachineTestCase


class ConnectingTest(MachineTestCase):
    """From accepted to open."""

    def test_accepted(self) -> None:
        """A connection begins with nothing done."""
        self.assertIs(self.machine.phase, Phase.CONNECTING)
        self.assertEqual(self.effects.new(), [])

    def test_connected(self) -> None:
        """Once the outbound is there, bytes move, and idleness is watched for as the inbound
        wishes.
        """
        self.begin_connecting()
        self.assertIs(self.machine.phase, Phase.CONNECTING)
        self.machine.connected()
        self.assertIs(self.machine.phase, Phase.OPEN)
        self.assertEqual(self.effects.new(), ["watch 60", "start_transfer"])

    def test_failed(self) -> None:
        """If the outbound can't be connected the client is cut off, with the reason."""
        self.begin_connecting()
        self.machine.connect_failed("no route")
        self.assertIs(self.machine.phase, Phase.CLOSING)
        self.assertEqual(self.effects.new(), ["watch 7", "close_with_error client"])
        self.machine.lost(CLIENT, "")
        self.assertIs(self.machine.phase, Phase.CLOSED)
        self.assertEqual(self.effects.new(), ["watch None", "finished cannot connect: no route"])

    def test_client_does_not_wait(self) -> None:
        """A client that is lost meanwhile ends it all, and what becomes of the outbound afterwards
        changes nothing.
        """
        self.begin_connecting()
        self.machine.lost(CLIENT, "")
        self.assertEqual(
            self.effects.new(), ["cancel_connecting", "watch None", "finished client closed"]
        )
        self.machine.connected()
        self.machine.connect_failed("no route")
        self.assertIs(self.machine.phase, Phase.CLOSED)
        self.assertEqual(self.effects.new(), [])

    def test_client_ends_meanwhile(self) -> None:
        """A client that has ended before the outbound is there gets nothing connected for it any
        more.
        """
        self.begin_connecting()
        self.machine.read_ended(CLIENT)
        self.assertIn("cancel_connecting", self.effects.asked)
        self.assertIn("close client", self.effects.asked)

    def test_cancelling_that_fails_loudly(self) -> None:
        """What connecting fails with since it is cancelled is no reason."""
        machine = Machine(self.effects, Timeouts())
        self.patch(self.effects, "cancel_connecting", lambda: machine.connect_failed("cancelled"))
        machine.connecting()
        machine.lost(CLIENT, "")
        self.assertEqual(self.effects.asked[-1], "finished client closed")

    def test_stopped_while_connecting(self) -> None:
        """A stop gives up connecting and aborts the client, for the reason of the stop alone."""
        self.patch(
            self.effects, "cancel_connecting", lambda: self.machine.connect_failed("cancelled")
        )
        self.begin_connecting()
        self.machine.stop("enough")
        self.assertEqual(self.effects.new(), ["watch None", "abort client"])
        self.machine.lost(CLIENT, "")
        self.assertEqual(self.effects.asked[-1], "finished enough")

    def test_lost_when_the_transfer_starts(self) -> None:
        """A side that is lost as soon as bytes move is not watched as an open one."""
        self.patch(self.effects, "start_transfer", lambda: self.machine.lost(SERVER, "reset"))
        self.begin_connecting()
        self.machine.connected()
        self.assertEqual(self.effects.new(), ["watch 60", "watch 7", "close_with_error client"])


class HalfCloseTest(MachineTestCase):
    """An end of file on one end, then on the other."""

    def test_one_direction(self) -> None:
        """An end of file travels to the other end, the opposite direction goes on, and inactivity
        is bounded from then on.
        """
        for end, expected in (
            (CLIENT, "write_eof server"),
            (SERVER, "write_eof client"),
        ):
            self.setUp()
            self.open()
            self.machine.read_ended(end)
            self.assertIs(self.machine.phase, Phase.HALF_CLOSED)
            self.assertEqual(self.effects.new(), ["watch 7", expected])

    def test_both_directions(self) -> None:
        """Once both ends have ended both are closed, the one first that has something to be
        delivered to it.
        """
        self.open()
        self.machine.read_ended(CLIENT)
        self.effects.new()
        self.machine.read_ended(SERVER)
        self.assertIs(self.machine.phase, Phase.CLOSING)
        self.assertEqual(self.effects.new(), ["watch 7", "close client", "close server"])
        self.machine.lost(SERVER, "")
        self.machine.lost(CLIENT, "")
        self.assertEqual(self.effects.new(), ["watch None", "finished client closed"])

    def test_together(self) -> None:
        """Where neither side can end one direction alone both directions end with the first."""
        self.machine.connecting()
        self.machine.connected(half_closes=False)
        self.effects.new()
        self.machine.read_ended(SERVER)
        self.assertIs(self.machine.phase, Phase.CLOSING)
        self.assertEqual(
            self.effects.new(), ["watch 7", "write_eof client", "close server", "close client"]
        )

    def test_told_twice(self) -> None:
        """An end of file that is reported again changes nothing."""
        self.open()
        self.machine.read_ended(CLIENT)
        self.effects.new()
        self.machine.read_ended(CLIENT)
        self.assertEqual(self.effects.new(), [])

    def test_while_closing(self) -> None:
        """An end of file from an end that is being closed changes nothing."""
        self.open()
        self.machine.lost(SERVER, "")
        self.effects.new()
        self.machine.read_ended(CLIENT)
        self.assertEqual(self.effects.new(), [])


class SilenceTest(MachineTestCase):
    """How long one direction may be silent after the other has ended."""

    def begin_with(self, half_close: float | None, *, losses_are_noticed: bool) -> None:
        """Come to where both directions are open."""
        self.machine = Machine(self.effects, Timeouts(idle=60, half_close=half_close))
        self.machine.connecting()
        self.machine.connected(losses_are_noticed=losses_are_noticed)
        self.effects.new()

    def test_nobody_dies_unnoticed(self) -> None:
        """A peer that works in silence has unlimited time, if the inbound has no time-out and the
        death of each peer is noticed.
        """
        self.begin_with(None, losses_are_noticed=True)
        self.machine.read_ended(CLIENT)
        self.assertEqual(self.effects.new(), ["watch None", "write_eof server"])

    def test_somebody_may(self) -> None:
        """Elsewhere it is five minutes."""
        self.begin_with(None, losses_are_noticed=False)
        self.machine.read_ended(CLIENT)
        self.assertEqual(self.effects.new(), ["watch 300.0", "write_eof server"])

    def test_figure(self) -> None:
        """What the inbound says counts, whatever is noticed."""
        self.begin_with(7, losses_are_noticed=True)
        self.machine.read_ended(CLIENT)
        self.assertEqual(self.effects.new(), ["watch 7", "write_eof server"])

    def test_what_ends_by_itself(self) -> None:
        """What a peer that has gone has left unread, and what an end is still to get before it is
        closed, have five minutes in any case.
        """
        self.begin_with(None, losses_are_noticed=True)
        self.machine.peer_closed(CLIENT)
        self.assertEqual(self.effects.new(), ["watch 300.0"])
        self.machine.read_ended(SERVER)
        self.assertEqual(self.effects.new(), ["watch 300.0", "write_eof client"])
        self.machine.lost(SERVER, "")
        self.assertEqual(self.effects.new(), ["watch 300.0", "close client"])
