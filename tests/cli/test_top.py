"""``pipetwist top``: the view by itself, and on a terminal."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable

from rich.console import Console
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.cli.top_view import Sample, Sort, top_view
from pipetwist.cli.traffic import Reading
from tests.support.command_line import TerminalCall, call, plain
from tests.support.foreign_servers import V2Ray5, Xray, serve

_ENTER, _LEAVE = "\x1b[?1049h", "\x1b[?1049l"  # xterm's other screen (ctlseqs)


def _sample(seconds: float, **figures: tuple[int, int]) -> Sample:
    """A sample of entities such as ``user_alice``, each with its bytes up and down."""
    values = {}
    for key, (uplink, downlink) in figures.items():
        stem = f"{key.replace('_', '>>>')}>>>traffic>>>"
        values.update({f"{stem}uplink": uplink, f"{stem}downlink": downlink})
    return Sample(Reading(seconds, values), {"alice": {"192.0.2.1": 1, "pid:7": 2}}, 93784)


class ViewTest(SynchronousTestCase):
    """What is shown of two samples."""

    earlier = _sample(
        10.0, user_alice=(0, 0), user_bob=(0, 0), inbound_in=(1024, 0), outbound_out=(0, 0)
    )
    later = _sample(
        12.0, user_alice=(2048, 0), user_bob=(4096, 0), inbound_in=(7168, 0), outbound_out=(0, 0)
    )

    def lines(
        self,
        *,
        sort: Sort = "rate",
        earlier: bool = True,
        fault: str = "",
        width: int = 100,
        height: int = 24,
        later: Sample | None = None,
    ) -> list[str]:
        """The view's lines."""
        console = Console(width=width, height=height, color_system=None)
        with console.capture() as capture:
            before = self.earlier if earlier else None
            console.print(
                top_view(
                    "127.0.0.1:1",
                    before,
                    later or self.later,
                    sort=sort,
                    fault=fault,
                    width=width,
                    height=height,
                )
            )
        return [line.rstrip() for line in capture.get().splitlines()]

    def test_whole(self) -> None:
        """Inbounds, outbounds and users, each with rates, totals, and users with their sources;
        above them how it is in all.
        """
        self.assertEqual(
            self.lines(),
            [
                (
                    "127.0.0.1:1   up 1d 2h   uplink 3.0 KiB/s, downlink 0 B/s   1 user online "
                    "from 2 sources"
                ),
                "",
                "          name    uplink/s  downlink/s   uplink  downlink  sources",
                "inbound   in     3.0 KiB/s       0 B/s  7.0 KiB       0 B",
                "outbound  out        0 B/s       0 B/s      0 B       0 B",
                "user      bob    2.0 KiB/s       0 B/s  4.0 KiB       0 B        0",
                "user      alice  1.0 KiB/s       0 B/s  2.0 KiB       0 B        2",
                "",
                "q quits, s sorts by total (now by rate)",
            ],
        )

    def test_first(self) -> None:
        """While there is one sample there are no rates."""
        lines = self.lines(earlier=False)
        self.assertNotIn(
            "/s", "".join(line for line in lines if not line.strip().startswith("name"))
        )

    def test_sorts(self) -> None:
        """By rate and by total the largest is first, by name the first."""
        expected: dict[Sort, str] = {"rate": "bob", "total": "bob", "name": "alice"}
        for sort, first in expected.items():
            users = [line.split()[1] for line in self.lines(sort=sort) if line.startswith("user")]
            self.assertEqual(users[0], first, sort)

    def test_little_room(self) -> None:
        """What a screen has no room for is counted."""
        lines = self.lines(height=8)
        self.assertEqual(
            len([line for line in lines if line.startswith(("inbound", "outbound", "user"))]), 2
        )
        self.assertIn("and 2 more, which this screen has no room for", lines)
        self.assertLessEqual(len(lines), 8)

    def test_narrow(self) -> None:
        """A narrow screen has fewer figures, and names still; each is on one line, be it cut."""
        self.assertEqual(
            self.lines(width=57)[2:4],
            [
                "          name    uplink/s  downlink/s   uplink  downlink",
                "inbound   in     3.0 KiB/s       0 B/s  7.0 KiB       0 B",
            ],
        )
        self.assertEqual(
            self.lines(width=56)[2:4],
            ["          name    uplink/s  downlink/s", "inbound   in     3.0 KiB/s       0 B/s"],
        )
        later = _sample(
            12.0, **{"user_漢字漢字漢字漢字@example.org": (4096, 0), "inbound_in": (7168, 0)}
        )
        wanted = [
            "         name       uplink/s  downlink/s",
            "inbound  in        3.0 KiB/s       0 B/s",
            "user     漢字漢 …  2.0 KiB/s       0 B/s",
        ]
        self.assertEqual(self.lines(width=40, later=later)[2:5], wanted)

    def test_fault(self) -> None:
        """What goes wrong stands below the last that is known."""
        lines = self.lines(fault="no answer\x1b[2J")
        self.assertEqual(lines[-1], "no answer\\x1b[2J")
        self.assertTrue(any(line.startswith("inbound") for line in lines))


class ScreenTest(SynchronousTestCase):
    """On a terminal."""

    def start(self, servicer: V2Ray5, *arguments: str) -> TerminalCall:
        """Start it, and wait until the view is there."""
        terminal = TerminalCall(
            self, ["top", "--interval", "50ms", "-s", serve(self, servicer), *arguments]
        )
        self.before = terminal.modes
        terminal.wait_for(lambda text: "q quits" in text, "the view")
        return terminal

    def assert_restored(self, terminal: TerminalCall) -> None:
        """The screen, the cursor and the modes are what they were, and Python has said nothing."""
        self.assertEqual((terminal.text.count(_ENTER), terminal.text.count(_LEAVE)), (1, 1))
        self.assertLess(terminal.text.rindex("\x1b[?25l"), terminal.text.rindex("\x1b[?25h"))
        self.assertEqual(terminal.modes, self.before)
        self.assertNotIn("Traceback", terminal.text)

    def test_quit(self) -> None:
        """The key q ends it with status 0, and the screen is what it was."""
        terminal = self.start(Xray("GetUsersStats"))
        self.assertNotEqual(terminal.modes, self.before)
        terminal.wait_for(
            lambda text: "1 user online from 2 sources" in text and "0 B/s" in text,
            "rates and users",
        )
        terminal.type("q")
        self.assertEqual(terminal.status(), 0)
        self.assert_restored(terminal)

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
        terminal.wait_for(lambda text: _LEAVE in text, "the screen to be given back")
        terminal.wait_for(
            lambda _: (
                os.waitid(os.P_PID, terminal.process.pid, os.WSTOPPED | os.WNOHANG) is not None
            ),
            "the stop",
        )
        self.assertEqual(terminal.modes, self.before)
        terminal.process.send_signal(signal.SIGCONT)
        terminal.wait_for(lambda text: text.count(_ENTER) == 2, "the screen to be taken again")
        terminal.type("q")
        self.assertEqual(terminal.status(), 0)

    def test_sorting(self) -> None:
        """The key s sorts by something else at once."""
        terminal = self.start(V2Ray5(), "--sort", "name", "--interval", "1h")
        terminal.type("s")
        terminal.wait_for(lambda text: "now by rate" in text, "the other order")

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
            lambda text: "q quits" in text.rpartition("refuses QueryStats")[2],
            "the end of the fault",
        )
        terminal.type("q")
        self.assertEqual(terminal.status(), 0)

    def test_no_server(self) -> None:
        """A server that can't be asked is reported before the screen is taken."""
        terminal = TerminalCall(self, ["top", "-s", "127.0.0.1:1"])
        self.assertEqual(terminal.status(), 1)
        self.assertNotIn(_ENTER, terminal.text)
        self.assertIn("nothing listens at 127.0.0.1:1", plain(terminal.text))

    def test_no_terminal(self) -> None:
        """If there is no terminal, or one that can't be drawn on, it says what there is instead."""
        status, _, errors = call("top", "-s", "127.0.0.1:1")
        self.assertEqual(status, 2)
        self.assertIn("pipetwist stats --watch", errors)
        terminal = TerminalCall(self, ["top", "-s", "127.0.0.1:1"], {"TERM": "dumb"})
        self.assertEqual(terminal.status(), 2)
        self.assertTrue(re.search(r"needs\s+a\s+full-screen", plain(terminal.text)))
