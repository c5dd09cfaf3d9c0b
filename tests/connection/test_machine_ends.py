"""Each transition of a connection's machine that ends it."""

from __future__ import annotations

from pipetwist.connection.cause import Cause
from pipetwist.connection.states import CLIENT, SERVER, Phase
from tests.connection.machine_case import MachineTestCase


class ClosingTest(MachineTestCase):
    """Ends that are lost."""

    def test_server_lost(self) -> None:
        """When the outbound's end is lost the client gets everything, then is closed."""
        self.open()
        self.machine.lost(SERVER, "")
        self.assertIs(self.machine.phase, Phase.CLOSING)
        self.assertEqual(self.effects.new(), ["watch 7", "close client"])
        self.machine.lost(CLIENT, "")
        self.assertIs(self.machine.phase, Phase.CLOSED)
        self.assertEqual(self.effects.new(), ["watch None", "finished server closed"])

    def test_client_lost(self) -> None:
        """When the client is lost the outbound's end gets everything, then nobody waits for what it
        would still say.
        """
        self.open()
        self.machine.lost(CLIENT, "")
        self.assertEqual(self.effects.new(), ["watch 7", "disconnect server"])

    def test_lost_after_half_close(self) -> None:
        """An end that is lost after the other has ended takes the other with it."""
        self.open()
        self.machine.read_ended(CLIENT)
        self.effects.new()
        self.machine.lost(SERVER, "")
        self.assertEqual(self.effects.new(), ["watch 7", "close client"])

    def test_after_the_end(self) -> None:
        """Once it is over nothing that is still told changes anything."""
        self.open()
        self.machine.lost(SERVER, "")
        self.machine.lost(CLIENT, "")
        self.effects.new()
        for end in (CLIENT, SERVER):
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
        self.machine.read_ended(CLIENT)
        self.patch(
            self.effects,
            "close",
            lambda end: (
                self.machine.lost(CLIENT + SERVER - end, "")
                if end is CLIENT
                else self.fail(f"closed {end}")
            ),
        )
        self.machine.read_ended(SERVER)
        self.machine.lost(CLIENT, "")
        self.assertIs(self.machine.phase, Phase.CLOSED)


class CutOffTest(MachineTestCase):
    """Ends that were cut off."""

    def test_passed_on(self) -> None:
        """If one end was cut off, the other gets everything that was read, and is cut off as
        well.
        """
        for end, expected in (
            (CLIENT, "close_with_error server"),
            (SERVER, "close_with_error client"),
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
        for ended in (CLIENT, SERVER):
            self.setUp()
            self.open()
            self.machine.read_ended(ended)
            self.effects.new()
            self.machine.lost(SERVER, "the connection was reset")
            self.assertEqual(self.effects.new(), ["watch 7", "close_with_error client"])

    def test_whole(self) -> None:
        """An end that was lost after everything that it had to send, as a command with a bad exit
        status, ends the other in order.
        """
        for end, expected in ((CLIENT, "disconnect server"), (SERVER, "close client")):
            self.setUp()
            self.open()
            self.machine.lost(end, "the command exited with status 3", whole=True)
            self.assertEqual(self.effects.new(), ["watch 7", expected])

    def test_while_closing(self) -> None:
        """An end that is cut off while both are closed changes nothing: each has said that it was
        at its end.
        """
        self.open()
        self.machine.read_ended(CLIENT)
        self.machine.read_ended(SERVER)
        self.effects.new()
        self.machine.lost(SERVER, "the connection was reset")
        self.assertEqual(self.effects.new(), [])


class HangUpTest(MachineTestCase):
    """Peers that have gone entirely."""

    def test_unread(self) -> None:
        """What a peer sent before it went is still read, within the half-close time-out."""
        self.open()
        self.machine.peer_closed(CLIENT)
        self.assertEqual(self.effects.new(), ["watch 7"])
        self.assertIs(self.machine.phase, Phase.OPEN)

    def test_end_of_file_after_it(self) -> None:
        """Once a peer's end of file is read after it went, its end is aborted, for it can take
        nothing.
        """
        self.open()
        self.machine.peer_closed(CLIENT)
        self.effects.new()
        self.machine.read_ended(CLIENT)
        self.assertEqual(self.effects.new(), ["watch 7", "write_eof server", "abort client"])
        self.machine.lost(CLIENT, "")
        self.assertEqual(self.effects.new(), ["watch 7", "disconnect server"])

    def test_after_end_of_file(self) -> None:
        """A peer that goes after its end of file was read is aborted at once."""
        self.open()
        self.machine.read_ended(SERVER)
        self.effects.new()
        self.machine.peer_closed(SERVER)
        self.assertEqual(self.effects.new(), ["abort server"])

    def test_while_connecting(self) -> None:
        """A client that goes while the outbound is connected is still carried, within the
        half-close time-out from then on.
        """
        self.begin_connecting()
        self.machine.peer_closed(CLIENT)
        self.machine.connected()
        self.assertEqual(self.effects.new(), ["watch 7", "watch 7", "start_transfer"])

    def test_while_closing(self) -> None:
        """A peer that goes while its end is closed changes nothing, and one that was lost can't
        go.
        """
        self.open()
        self.machine.lost(SERVER, "")
        self.effects.new()
        self.machine.peer_closed(CLIENT)
        self.machine.peer_closed(SERVER)
        self.assertEqual(self.effects.new(), [])


class StopTest(MachineTestCase):
    """Ends that are not waited for."""

    def test_stop(self) -> None:
        """A stop aborts both ends, and nothing is watched any more."""
        self.open()
        self.machine.stop("enough")
        self.assertEqual(self.effects.new(), ["watch None", "abort client", "abort server"])
        self.machine.lost(CLIENT, "")
        self.machine.lost(SERVER, "")
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
        self.machine.lost(SERVER, "")
        self.effects.new()
        self.machine.stop("enough")
        self.assertEqual(self.effects.new(), ["watch None", "abort client"])

    def test_after_the_end(self) -> None:
        """A stop after the end changes nothing."""
        self.open()
        self.machine.lost(SERVER, "")
        self.machine.lost(CLIENT, "")
        self.effects.new()
        self.machine.stop("enough")
        self.assertEqual(self.effects.new(), [])
        self.assertEqual(self.machine.reason, "server closed")


class CauseTest(MachineTestCase):
    """What came in the way, as it is counted."""

    def cause(self, *steps: tuple[object, ...]) -> Cause | None:
        """What did, where an open connection meets this and then ends."""
        self.setUp()
        self.open()
        for name, *arguments in steps:
            getattr(self.machine, str(name))(*arguments)
        for end in (CLIENT, SERVER):
            self.machine.lost(end, "")
        self.assertIs(self.machine.phase, Phase.CLOSED)
        return self.machine.cause

    def test_nothing(self) -> None:
        """Ends that close in an orderly way come in the way of nothing."""
        self.assertIsNone(self.cause())
        self.assertIsNone(self.cause(("read_ended", SERVER), ("read_ended", CLIENT)))

    def test_each(self) -> None:
        """Whatever else ends a connection has its own."""
        self.assertIs(self.cause(("lost", CLIENT, "the connection was reset")), Cause.CLIENT)
        self.assertIs(
            self.cause(("lost", SERVER, "the command exited with status 3")), Cause.SERVER
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
            self.cause(("read_ended", CLIENT), ("lost", SERVER, "reset"), ("stop", "enough")),
            Cause.SERVER,
        )
        self.assertIs(self.cause(("inactive", 5), ("lost", CLIENT, "reset")), Cause.INACTIVITY)


class ReasonTest(MachineTestCase):
    """What is said of the end."""

    def test_first(self) -> None:
        """The end that closed first is named, whatever closes after it."""
        self.open()
        self.machine.read_ended(SERVER)
        self.machine.read_ended(CLIENT)
        self.machine.lost(CLIENT, "")
        self.machine.lost(SERVER, "")
        self.assertEqual(self.machine.reason, "server closed")

    def test_trouble(self) -> None:
        """Trouble is named with its end, and trouble that follows an orderly end is added."""
        self.open()
        self.machine.read_ended(CLIENT)
        self.machine.lost(SERVER, "the command exited with status 3")
        self.assertEqual(
            self.machine.reason, "client closed; server: the command exited with status 3"
        )
