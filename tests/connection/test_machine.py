"""Each transition of a connection's machine."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from pipetwist.connection.cause import Cause
from pipetwist.connection.client_info import Timeouts
from pipetwist.connection.states import CLIENT, SERVER, Phase
from tests.connection.effects import Machine, RecordingEffects

_CLIENT, _SERVER = CLIENT, SERVER


class _MachineTestCase(SynchronousTestCase):
    """A machine with an idle time-out of 60 s and a half-close time-out of 7 s."""

    def setUp(self) -> None:
        """Make the machine and what writes its wishes down."""
        self.effects = RecordingEffects()
        self.machine = Machine(self.effects, Timeouts(idle=60, half_close=7))

    def begin_connecting(self) -> None:
        """Come to where the outbound is being connected."""
        self.machine.connecting()

    def open(self) -> None:
        """Come to where both directions are open."""
        self.machine.connecting()
        self.machine.connected()
        self.effects.new()


class ConnectingTest(_MachineTestCase):
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
        """Where the outbound can't be connected the client is cut off, with the reason."""
        self.begin_connecting()
        self.machine.connect_failed("no route")
        self.assertIs(self.machine.phase, Phase.CLOSING)
        self.assertEqual(self.effects.new(), ["watch 7", "close_with_error client"])
        self.machine.lost(_CLIENT, "")
        self.assertIs(self.machine.phase, Phase.CLOSED)
        self.assertEqual(self.effects.new(), ["watch None", "finished cannot connect: no route"])

    def test_client_does_not_wait(self) -> None:
        """A client that is lost meanwhile ends it all, and what becomes of the outbound afterwards
        changes nothing.
        """
        self.begin_connecting()
        self.machine.lost(_CLIENT, "")
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
        self.machine.read_ended(_CLIENT)
        self.assertIn("cancel_connecting", self.effects.asked)
        self.assertIn("close client", self.effects.asked)

    def test_cancelling_that_fails_loudly(self) -> None:
        """What connecting fails with since it is cancelled is no reason."""
        machine = Machine(self.effects, Timeouts())
        self.patch(self.effects, "cancel_connecting", lambda: machine.connect_failed("cancelled"))
        machine.connecting()
        machine.lost(_CLIENT, "")
        self.assertEqual(self.effects.asked[-1], "finished client closed")

    def test_stopped_while_connecting(self) -> None:
        """A stop gives up connecting and aborts the client, for the reason of the stop alone."""
        self.patch(
            self.effects, "cancel_connecting", lambda: self.machine.connect_failed("cancelled")
        )
        self.begin_connecting()
        self.machine.stop("enough")
        self.assertEqual(self.effects.new(), ["watch None", "abort client"])
        self.machine.lost(_CLIENT, "")
        self.assertEqual(self.effects.asked[-1], "finished enough")

    def test_lost_when_the_transfer_starts(self) -> None:
        """A side that is lost as soon as bytes move is not watched as an open one."""
        self.patch(self.effects, "start_transfer", lambda: self.machine.lost(_SERVER, "reset"))
        self.begin_connecting()
        self.machine.connected()
        self.assertEqual(self.effects.new(), ["watch 60", "watch 7", "close_with_error client"])


class HalfCloseTest(_MachineTestCase):
    """An end of file on one end, then on the other."""

    def test_one_direction(self) -> None:
        """An end of file travels to the other end, the opposite direction goes on, and inactivity
        is bounded from then on.
        """
        for end, expected in (
            (_CLIENT, "write_eof server"),
            (_SERVER, "write_eof client"),
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
        self.machine.read_ended(_CLIENT)
        self.effects.new()
        self.machine.read_ended(_SERVER)
        self.assertIs(self.machine.phase, Phase.CLOSING)
        self.assertEqual(self.effects.new(), ["watch 7", "close client", "close server"])
        self.machine.lost(_SERVER, "")
        self.machine.lost(_CLIENT, "")
        self.assertEqual(self.effects.new(), ["watch None", "finished client closed"])

    def test_together(self) -> None:
        """Where neither side can end one direction alone both directions end with the first."""
        self.machine.connecting()
        self.machine.connected(half_closes=False)
        self.effects.new()
        self.machine.read_ended(_SERVER)
        self.assertIs(self.machine.phase, Phase.CLOSING)
        self.assertEqual(
            self.effects.new(), ["watch 7", "write_eof client", "close server", "close client"]
        )

    def test_told_twice(self) -> None:
        """An end of file that is told again changes nothing."""
        self.open()
        self.machine.read_ended(_CLIENT)
        self.effects.new()
        self.machine.read_ended(_CLIENT)
        self.assertEqual(self.effects.new(), [])

    def test_while_closing(self) -> None:
        """An end of file from an end that is being closed changes nothing."""
        self.open()
        self.machine.lost(_SERVER, "")
        self.effects.new()
        self.machine.read_ended(_CLIENT)
        self.assertEqual(self.effects.new(), [])


class SilenceTest(_MachineTestCase):
    """How long one direction may be silent after the other has ended."""

    def begin_with(self, half_close: float | None, *, losses_are_noticed: bool) -> None:
        """Come to where both directions are open."""
        self.machine = Machine(self.effects, Timeouts(idle=60, half_close=half_close))
        self.machine.connecting()
        self.machine.connected(losses_are_noticed=losses_are_noticed)
        self.effects.new()

    def test_nobody_dies_unnoticed(self) -> None:
        """Who works in silence has all the time that it takes, where the inbound says nothing and
        each peer's death is noticed.
        """
        self.begin_with(None, losses_are_noticed=True)
        self.machine.read_ended(_CLIENT)
        self.assertEqual(self.effects.new(), ["watch None", "write_eof server"])

    def test_somebody_may(self) -> None:
        """Elsewhere it is five minutes."""
        self.begin_with(None, losses_are_noticed=False)
        self.machine.read_ended(_CLIENT)
        self.assertEqual(self.effects.new(), ["watch 300.0", "write_eof server"])

    def test_figure(self) -> None:
        """What the inbound says counts, whatever is noticed."""
        self.begin_with(7, losses_are_noticed=True)
        self.machine.read_ended(_CLIENT)
        self.assertEqual(self.effects.new(), ["watch 7", "write_eof server"])

    def test_what_ends_by_itself(self) -> None:
        """What a peer that has gone has left unread, and what an end is still to get before it is
        closed, have five minutes in any case.
        """
        self.begin_with(None, losses_are_noticed=True)
        self.machine.peer_closed(_CLIENT)
        self.assertEqual(self.effects.new(), ["watch 300.0"])
        self.machine.read_ended(_SERVER)
        self.assertEqual(self.effects.new(), ["watch 300.0", "write_eof client"])
        self.machine.lost(_SERVER, "")
        self.assertEqual(self.effects.new(), ["watch 300.0", "close client"])


class ClosingTest(_MachineTestCase):
    """Ends that are lost."""

    def test_server_lost(self) -> None:
        """When the outbound's end is lost the client gets everything, then is closed."""
        self.open()
        self.machine.lost(_SERVER, "")
        self.assertIs(self.machine.phase, Phase.CLOSING)
        self.assertEqual(self.effects.new(), ["watch 7", "close client"])
        self.machine.lost(_CLIENT, "")
        self.assertIs(self.machine.phase, Phase.CLOSED)
        self.assertEqual(self.effects.new(), ["watch None", "finished server closed"])

    def test_client_lost(self) -> None:
        """When the client is lost the outbound's end gets everything, then nobody waits for what it
        would still say.
        """
        self.open()
        self.machine.lost(_CLIENT, "")
        self.assertEqual(self.effects.new(), ["watch 7", "disconnect server"])

    def test_lost_after_half_close(self) -> None:
        """An end that is lost after the other has ended takes the other with it."""
        self.open()
        self.machine.read_ended(_CLIENT)
        self.effects.new()
        self.machine.lost(_SERVER, "")
        self.assertEqual(self.effects.new(), ["watch 7", "close client"])

    def test_after_the_end(self) -> None:
        """Once it is over nothing that is still told changes anything."""
        self.open()
        self.machine.lost(_SERVER, "")
        self.machine.lost(_CLIENT, "")
        self.effects.new()
        for end in (_CLIENT, _SERVER):
            self.machine.lost(end, "late")
            self.machine.read_ended(end)
            self.machine.peer_closed(end)
        self.machine.connected()
        self.machine.connect_failed("late")
        self.assertEqual(
            (self.effects.new(), self.machine.reason, self.machine.phase),
            ([], "server closed", Phase.CLOSED),
        )

    def test_nothing_asked_of_the_lost(self) -> None:
        """An end that was lost while the other one is closed is not closed any more."""
        self.open()
        self.machine.read_ended(_CLIENT)
        self.patch(
            self.effects,
            "close",
            lambda end: (
                self.machine.lost(_CLIENT + _SERVER - end, "")
                if end is _CLIENT
                else self.fail(f"closed {end}")
            ),
        )
        self.machine.read_ended(_SERVER)
        self.machine.lost(_CLIENT, "")
        self.assertIs(self.machine.phase, Phase.CLOSED)


class CutOffTest(_MachineTestCase):
    """Ends that were cut off."""

    def test_passed_on(self) -> None:
        """Who is connected with an end that was cut off gets everything that was read, and is cut
        off as well.
        """
        for end, expected in (
            (_CLIENT, "close_with_error server"),
            (_SERVER, "close_with_error client"),
        ):
            self.setUp()
            self.open()
            self.machine.lost(end, "the connection was reset")
            self.assertIs(self.machine.phase, Phase.CLOSING)
            self.assertEqual(self.effects.new(), ["watch 7", expected])

    def test_after_half_close(self) -> None:
        """So is who has had the end of file of an end that is then cut off, and whoever has sent
        its own before.
        """
        for ended in (_CLIENT, _SERVER):
            self.setUp()
            self.open()
            self.machine.read_ended(ended)
            self.effects.new()
            self.machine.lost(_SERVER, "the connection was reset")
            self.assertEqual(self.effects.new(), ["watch 7", "close_with_error client"])

    def test_whole(self) -> None:
        """An end that was lost after everything that it had to send, as a command with a bad exit
        status, ends the other in order.
        """
        for end, expected in ((_CLIENT, "disconnect server"), (_SERVER, "close client")):
            self.setUp()
            self.open()
            self.machine.lost(end, "the command exited with status 3", whole=True)
            self.assertEqual(self.effects.new(), ["watch 7", expected])

    def test_while_closing(self) -> None:
        """An end that is cut off while both are closed changes nothing: each has said that it was
        at its end.
        """
        self.open()
        self.machine.read_ended(_CLIENT)
        self.machine.read_ended(_SERVER)
        self.effects.new()
        self.machine.lost(_SERVER, "the connection was reset")
        self.assertEqual(self.effects.new(), [])


class HangUpTest(_MachineTestCase):
    """Peers that have gone entirely."""

    def test_unread(self) -> None:
        """What a peer sent before it went is still read, within the half-close time-out."""
        self.open()
        self.machine.peer_closed(_CLIENT)
        self.assertEqual(self.effects.new(), ["watch 7"])
        self.assertIs(self.machine.phase, Phase.OPEN)

    def test_end_of_file_after_it(self) -> None:
        """Once a peer's end of file is read after it went, its end is aborted, for it can take
        nothing.
        """
        self.open()
        self.machine.peer_closed(_CLIENT)
        self.effects.new()
        self.machine.read_ended(_CLIENT)
        self.assertEqual(self.effects.new(), ["watch 7", "write_eof server", "abort client"])
        self.machine.lost(_CLIENT, "")
        self.assertEqual(self.effects.new(), ["watch 7", "disconnect server"])

    def test_after_end_of_file(self) -> None:
        """A peer that goes after its end of file was read is aborted at once."""
        self.open()
        self.machine.read_ended(_SERVER)
        self.effects.new()
        self.machine.peer_closed(_SERVER)
        self.assertEqual(self.effects.new(), ["abort server"])

    def test_while_connecting(self) -> None:
        """A client that goes while the outbound is connected is still carried, within the
        half-close time-out from then on.
        """
        self.begin_connecting()
        self.machine.peer_closed(_CLIENT)
        self.machine.connected()
        self.assertEqual(self.effects.new(), ["watch 7", "watch 7", "start_transfer"])

    def test_while_closing(self) -> None:
        """A peer that goes while its end is closed changes nothing, and one that was lost can't
        go.
        """
        self.open()
        self.machine.lost(_SERVER, "")
        self.effects.new()
        self.machine.peer_closed(_CLIENT)
        self.machine.peer_closed(_SERVER)
        self.assertEqual(self.effects.new(), [])


class StopTest(_MachineTestCase):
    """Ends that are not waited for."""

    def test_stop(self) -> None:
        """A stop aborts both ends, and nothing is watched any more."""
        self.open()
        self.machine.stop("enough")
        self.assertEqual(self.effects.new(), ["watch None", "abort client", "abort server"])
        self.machine.lost(_CLIENT, "")
        self.machine.lost(_SERVER, "")
        self.assertEqual(self.effects.new(), ["watch None", "finished enough"])

    def test_inactive(self) -> None:
        """Inactivity ends a connection, with the seconds in its reason."""
        self.open()
        self.machine.inactive(2.5)
        self.assertEqual(self.machine.reason, "no byte moved for 2.5 s")
        self.assertEqual(self.effects.new(), ["watch None", "abort client", "abort server"])

    def test_one_end_left(self) -> None:
        """A stop asks nothing of an end that is lost."""
        self.open()
        self.machine.lost(_SERVER, "")
        self.effects.new()
        self.machine.stop("enough")
        self.assertEqual(self.effects.new(), ["watch None", "abort client"])

    def test_after_the_end(self) -> None:
        """A stop after the end changes nothing."""
        self.open()
        self.machine.lost(_SERVER, "")
        self.machine.lost(_CLIENT, "")
        self.effects.new()
        self.machine.stop("enough")
        self.assertEqual(self.effects.new(), [])
        self.assertEqual(self.machine.reason, "server closed")


class CauseTest(_MachineTestCase):
    """What came in the way, as it is counted."""

    def cause(self, *steps: tuple[object, ...]) -> Cause | None:
        """What did, where an open connection meets this and then ends."""
        self.setUp()
        self.open()
        for name, *arguments in steps:
            getattr(self.machine, str(name))(*arguments)
        for end in (_CLIENT, _SERVER):
            self.machine.lost(end, "")
        self.assertIs(self.machine.phase, Phase.CLOSED)
        return self.machine.cause

    def test_nothing(self) -> None:
        """Ends that close in an orderly way come in the way of nothing."""
        self.assertIsNone(self.cause())
        self.assertIsNone(self.cause(("read_ended", _SERVER), ("read_ended", _CLIENT)))

    def test_each(self) -> None:
        """Whatever else ends a connection has its own."""
        self.assertIs(self.cause(("lost", _CLIENT, "the connection was reset")), Cause.CLIENT)
        self.assertIs(
            self.cause(("lost", _SERVER, "the command exited with status 3")), Cause.SERVER
        )
        self.assertIs(self.cause(("inactive", 5)), Cause.INACTIVITY)
        self.assertIs(self.cause(("stop", "pipetwist is stopping")), Cause.STOPPED)
        self.assertIs(
            self.cause(("stop", "internal error: a mistake", Cause.INTERNAL)), Cause.INTERNAL
        )

    def test_connecting(self) -> None:
        """So has an outbound that can't be connected."""
        self.begin_connecting()
        self.machine.connect_failed("Connection refused")
        self.assertIs(self.machine.cause, Cause.CONNECT)

    def test_first(self) -> None:
        """Of several what came first counts, though an end may have closed in order before."""
        self.assertIs(
            self.cause(("read_ended", _CLIENT), ("lost", _SERVER, "reset"), ("stop", "enough")),
            Cause.SERVER,
        )
        self.assertIs(self.cause(("inactive", 5), ("lost", _CLIENT, "reset")), Cause.INACTIVITY)


class ReasonTest(_MachineTestCase):
    """What is said of the end."""

    def test_first(self) -> None:
        """The end that closed first is named, whatever closes after it."""
        self.open()
        self.machine.read_ended(_SERVER)
        self.machine.read_ended(_CLIENT)
        self.machine.lost(_CLIENT, "")
        self.machine.lost(_SERVER, "")
        self.assertEqual(self.machine.reason, "server closed")

    def test_trouble(self) -> None:
        """Trouble is named with its end, and trouble that follows an orderly end is added."""
        self.open()
        self.machine.read_ended(_CLIENT)
        self.machine.lost(_SERVER, "the command exited with status 3")
        self.assertEqual(
            self.machine.reason, "client closed; server: the command exited with status 3"
        )
