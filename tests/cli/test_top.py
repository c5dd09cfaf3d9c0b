"""``pipetwist top`` on a terminal."""

from __future__ import annotations

import os
import re
import signal
import threading
from collections.abc import Callable
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.support.command_line import TerminalCall, call, plain
from tests.support.foreign_servers import COUNTERS, V2Ray5, Xray, serve
from tests.support.whole_screen import ENTER, LEAVE, shown, wait_for


class ScreenTest(SynchronousTestCase):
    """On a terminal."""

    def start(self, servicer: V2Ray5, *arguments: str) -> TerminalCall:
        """Start it, and wait until the view is there."""
        terminal = TerminalCall(
            self, ["top", "--interval", "50ms", "-s", serve(self, servicer), *arguments]
        )
        self.before = terminal.modes
        wait_for(terminal, "q quits")
        return terminal

    def wait_until_stopped(self, terminal: TerminalCall) -> None:
        """Wait until the command is stopped by a signal."""
        terminal.wait_for(
            lambda _: (
                os.waitid(os.P_PID, terminal.process.pid, os.WSTOPPED | os.WNOHANG) is not None
            ),
            "the stop",
        )

    def assert_restored(self, terminal: TerminalCall) -> None:
        """The screen, the cursor and the modes are what they were, and Python has said nothing."""
        self.assertEqual((terminal.text.count(ENTER), terminal.text.count(LEAVE)), (1, 1))
        self.assertLess(terminal.text.rindex("\x1b[?25l"), terminal.text.rindex("\x1b[?25h"))
        self.assertEqual(terminal.modes, self.before)
        self.assertNotIn("Traceback", terminal.text)

    def test_quit(self) -> None:
        """The key q ends it with status 0, and the screen is what it was."""
        terminal = self.start(Xray("GetUsersStats"))
        self.assertNotEqual(terminal.modes, self.before)
        wait_for(terminal, "1 user online from 2 sources")
        wait_for(terminal, "0 B/s")
        terminal.type("q")
        self.assertEqual(terminal.status(), 0)
        self.assert_restored(terminal)

    def test_cursor(self) -> None:
        """Another screen is left empty, with the cursor at its top: tmux, if it has grown
        meanwhile, would keep a line of the view otherwise. A terminal without goes on below.
        """
        for term, end in (("xterm", f"\x1b[H\x1b[J{LEAVE}"), ("linux", f"\x1b[24H\n{LEAVE}")):
            address = serve(self, V2Ray5())
            terminal = TerminalCall(self, ["top", "-s", address], {"TERM": term})
            wait_for(terminal, "q quits")
            terminal.type("q")
            self.assertEqual(terminal.status(), 0)
            self.assertIn(end, terminal.text.replace("\r", ""))

    def test_interrupt(self) -> None:
        """Ctrl-C ends it with status 130, and the screen is what it was."""
        terminal = self.start(V2Ray5())
        terminal.type("\x03")
        self.assertEqual(terminal.status(), 130)
        self.assert_restored(terminal)

    def test_terminated(self) -> None:
        """SIGTERM ends it with the status that shells give, and the screen is what it was."""
        terminal = self.start(V2Ray5())
        terminal.process.send_signal(signal.SIGTERM)
        self.assertEqual(terminal.status(), 143)
        self.assert_restored(terminal)

    def test_suspended(self) -> None:
        """Ctrl-Z gives the screen back until the command goes on."""
        terminal = self.start(V2Ray5())
        terminal.process.send_signal(signal.SIGTSTP)
        terminal.wait_for(lambda text: LEAVE in text, "the screen to be given back")
        self.wait_until_stopped(terminal)
        self.assertEqual(terminal.modes, self.before)
        terminal.process.send_signal(signal.SIGCONT)
        terminal.wait_for(lambda text: text.count(ENTER) == 2, "the screen to be taken again")
        self.assertIn("bob", " ".join(wait_for(terminal, "q quits")))
        terminal.type("q")
        self.assertEqual(terminal.status(), 0)

    def test_stopped(self) -> None:
        """Where it was stopped without being asked, and somebody else has used the terminal, all is
        drawn again when it goes on.
        """
        terminal = self.start(V2Ray5(), "--interval", "1h")
        terminal.process.send_signal(signal.SIGSTOP)
        self.wait_until_stopped(terminal)
        terminal.set_modes(self.before)
        before = len(terminal.text)
        terminal.process.send_signal(signal.SIGCONT)
        terminal.wait_for(lambda text: "bob" in text[before:], "the view again")
        terminal.type("q")
        self.assertEqual(terminal.status(), 0)

    def test_sorting(self) -> None:
        """The key s sorts by something else at once."""
        terminal = self.start(V2Ray5(), "--sort", "name", "--interval", "1h")
        terminal.type("s")
        wait_for(terminal, "now by rate")

    def test_keys(self) -> None:
        """Keys work at once, however seldom the server is asked: other views, the help, and a
        filter, which Esc takes away.
        """
        terminal = self.start(V2Ray5(), "--interval", "1h")
        terminal.type("?")
        wait_for(terminal, "Page Up, Page Down")
        terminal.type("q")
        wait_for(terminal, "[1 traffic]")
        terminal.type("\t")
        wait_for(terminal, '"control": {"listen":')
        terminal.type("1/ALI")
        found = wait_for(terminal, "/ALI_")
        self.assertFalse([line for line in found if "bob" in line])
        terminal.type("\x1b")
        wait_for(terminal, "bob")
        terminal.type("q")
        self.assertEqual(terminal.status(), 0)
        self.assert_restored(terminal)

    def test_scrolling(self) -> None:
        """A terminal that is too low is scrolled, and what it shows follows its size."""
        servicer = V2Ray5()
        servicer.counters = {
            f"user>>>user-{number:03}>>>traffic>>>uplink": 1 for number in range(100)
        }
        terminal = self.start(servicer, "--interval", "1h", "--sort", "name")
        wait_for(terminal, "user-000")
        terminal.type("\x1b[F")
        found = wait_for(terminal, "user-099")
        self.assertEqual(len(found), 24)
        terminal.type("\x1b[5~\x1b[A")
        rows = len([line for line in found if "user-" in line])
        wait_for(terminal, f"user-{100 - 2 * rows - 1:03}")
        terminal.resize(32, 8)
        found = wait_for(terminal, "[1 traffic] of 4")
        self.assertEqual((len(found), max(map(len, found)) <= 32), (8, True), found)
        terminal.type("\x1b[H")
        wait_for(terminal, "user-000")

    def test_flicker(self) -> None:
        """Where nothing changes nothing is written, and where a figure does only its lines are."""
        servicer = V2Ray5()
        terminal = self.start(servicer, "--sort", "name")
        asked = servicer.calls
        wait_for(terminal, "0 B/s")
        before, count = len(terminal.text), len(asked)
        terminal.wait_for(lambda _: len(asked) > count + 12, "four more answers")
        self.assertEqual(terminal.text[before:], "")
        servicer.counters["user>>>bob>>>traffic>>>uplink"] = 2**40
        wait_for(terminal, "1.0 TiB")
        self.assertNotIn("alice", terminal.text[before:])

    def test_control_characters(self) -> None:
        """A name can do nothing to the terminal, and wide characters have their two columns."""
        servicer = V2Ray5()
        servicer.counters = {
            **COUNTERS,
            "user>>>\x1b[2J\u202eevil>>>traffic>>>uplink": 1,
            "user>>>漢字>>>traffic>>>uplink": 1,
        }
        terminal = self.start(servicer)
        found = wait_for(terminal, "漢字")
        self.assertIn("\\x1b[2J\\u202eevil", "\n".join(found))
        self.assertNotIn("\u202e", terminal.text)

    def test_without_colours(self) -> None:
        """A terminal that has none gets none, nor does anybody who wants none."""
        for variables in ({"TERM": "vt100"}, {"NO_COLOR": "1"}):
            terminal = TerminalCall(self, ["top", "-s", serve(self, V2Ray5())], variables)
            wait_for(terminal, "[1 traffic]")
            self.assertNotRegex(terminal.text, r"\x1b\[[0-9;]*3[0-9][0-9;]*m")
            terminal.type("q")
            self.assertEqual(terminal.status(), 0)

    def test_patterns(self) -> None:
        """Patterns choose what is shown."""
        terminal = self.start(V2Ray5(), "bob")
        self.assertIn("bob", terminal.text)
        self.assertNotIn("alice", terminal.text)

    def test_server_that_goes(self) -> None:
        """Where the server goes the last that is known stays, with what is wrong, and Ctrl-C still
        ends it.
        """
        servicer = V2Ray5()
        terminal = self.start(servicer)
        query: Callable[..., object] = servicer.QueryStats
        servicer.QueryStats = lambda request, context: 1 / 0  # type: ignore[method-assign,assignment,return-value] # a server that fails
        terminal.wait_for(lambda text: "refuses QueryStats" in text, "the fault")
        servicer.QueryStats = query  # type: ignore[method-assign,assignment] # it is back
        terminal.wait_for(
            lambda text: not any("refuses QueryStats" in line for line in shown(text)),
            "the end of the fault",
        )
        self.assertIn("bob", " ".join(shown(terminal.text)))
        terminal.type("q")
        self.assertEqual(terminal.status(), 0)

    def test_slow_server(self) -> None:
        """Keys do not wait for an answer, nor does the end."""
        servicer = V2Ray5()
        terminal = self.start(servicer)
        may, asked = threading.Event(), threading.Event()
        self.addCleanup(may.set)
        query = servicer.QueryStats

        def late(request: Any, context: Any) -> Any:
            asked.set()
            may.wait(60)
            return query(request, context)

        servicer.QueryStats = late  # type: ignore[method-assign]  # a server that is busy
        terminal.wait_for(lambda _: asked.is_set(), "a call")
        terminal.type("?")
        wait_for(terminal, "Page Up, Page Down")
        terminal.type("qq")
        self.assertEqual(terminal.status(), 0)
        self.assertFalse(may.is_set())
        self.assert_restored(terminal)

    def test_no_server(self) -> None:
        """A server that can't be asked is reported before the screen is taken."""
        terminal = TerminalCall(self, ["top", "-s", "127.0.0.1:1"])
        self.assertEqual(terminal.status(), 1)
        self.assertNotIn(ENTER, terminal.text)
        self.assertIn("nothing listens at 127.0.0.1:1", plain(terminal.text))

    def test_no_terminal(self) -> None:
        """If there is no terminal, or one that can't be drawn on, it says what there is instead."""
        status, _, errors = call("top", "-s", "127.0.0.1:1")
        self.assertEqual(status, 2)
        self.assertIn("pipetwist stats --watch", errors)
        terminal = TerminalCall(self, ["top", "-s", "127.0.0.1:1"], {"TERM": "dumb"})
        self.assertEqual(terminal.status(), 2)
        self.assertTrue(re.search(r"needs\s+a\s+full-screen", plain(terminal.text)))
