"""The screen of ``pipetwist top``, made of answers."""

from __future__ import annotations

import re
from dataclasses import replace

from twisted.trial.unittest import SynchronousTestCase

from pipetwist.cli.top.asking import Snapshot
from pipetwist.cli.top.state import SORTS, VIEWS, TopState
from pipetwist.cli.top.view import listing_of, top_view
from tests.cli.top_samples import entity, known, lines, sample

_EARLIER = sample(
    10.0,
    {"user_alice": (0, 0), "user_bob": (0, 0), "inbound_in": (1024, 0), "outbound_out": (0, 0)},
)
_LATER = sample(
    12.0,
    {
        "user_alice": (2048, 0),
        "user_bob": (4096, 0),
        "inbound_in": (7168, 0),
        "outbound_out": (0, 0),
    },
)
_TRAFFIC = Snapshot(_EARLIER, _LATER)


class TrafficTest(SynchronousTestCase):
    """What passes, of a server without a control service."""

    def test_whole(self) -> None:
        """Inbounds, outbounds and users, each with rates, totals, uplink first, and users with
        their sources; above them how it is in all.
        """
        self.assertEqual(
            lines(_TRAFFIC),
            [
                (
                    "127.0.0.1:1   up 1d 2h   uplink 3.0 KiB/s, downlink 0 B/s   1 user online "
                    "from 2 sources"
                ),
                "[1 traffic] 2 limits  3 failures  4 connections",
                "          name     uplink/s  downlink/s    uplink  downlink  sources",
                "inbound   in      3.0 KiB/s       0 B/s   7.0 KiB       0 B",
                "outbound  out         0 B/s       0 B/s       0 B       0 B",
                "user      bob     2.0 KiB/s       0 B/s   4.0 KiB       0 B        0",
                "user      alice   1.0 KiB/s       0 B/s   2.0 KiB       0 B        2",
                "q quits   ? helps   s sorts by total (now by rate)   / filters",
            ],
        )

    def test_first(self) -> None:
        """While there is one sample there are no rates."""
        found = lines(Snapshot(None, _LATER))
        self.assertFalse([line for line in found if "B/s" in line])

    def test_sorts(self) -> None:
        """By rate and by total the largest is first, by name the first."""
        for sort, first in (("rate", "bob"), ("total", "bob"), ("name", "alice")):
            users = [
                line.split()[1]
                for line in lines(_TRAFFIC, TopState(sort))
                if line.startswith("user")
            ]
            self.assertEqual(users[0], first, sort)

    def test_filter(self) -> None:
        """Only rows with every word are shown, in any case, and the filter is; where none has them
        it is said how to take it away.
        """
        state = TopState()
        for key in ("/", *"BO us"):
            state.press(key)
        found = lines(_TRAFFIC, state)
        self.assertEqual([line.split()[1] for line in found if "B/s" in line][1:], ["bob"])
        self.assertEqual(found[-1], "/BO us_   Enter keeps it   Esc takes it away")
        state.press("x")
        self.assertIn(
            'Nothing here has "BO usx"; Esc takes the filter away.', lines(_TRAFFIC, state)
        )
        state.press("enter")
        self.assertTrue(lines(_TRAFFIC, state)[-1].startswith("/BO usx   q quits"))

    def test_nothing_counted(self) -> None:
        """It is said what to write, or which pattern it was, and no word is broken."""
        nothing = Snapshot(None, sample(1.0, {}))
        for width in (32, 100):
            text = " ".join(lines(nothing, width=width))
            self.assertIn("listed in experimental.v2ray_api.stats of pipetwist and sing-box", text)
        self.assertIn("No counter matches carol.", lines(replace(nothing), patterns=("carol",)))

    def test_fault(self) -> None:
        """What goes wrong stands below the last that is known, and does nothing to a terminal."""
        found = lines(replace(_TRAFFIC, fault="no answer\x1b[2J"))
        self.assertEqual(found[-2], "no answer\\x1b[2J")
        self.assertTrue(any(line.startswith("inbound") for line in found))
        self.assertIn("...", lines(replace(_TRAFFIC, fault="no answer " * 90), height=8)[-2])


class SizeTest(SynchronousTestCase):
    """Screens of other sizes."""

    def test_low(self) -> None:
        """Eight lines have rows still, and say which of them they show."""
        state = TopState("name")
        found = lines(_TRAFFIC, state, height=8)
        self.assertEqual(
            [line.split()[0] for line in found[3:-1]], ["inbound", "outbound", "user", "user"]
        )
        found = lines(_TRAFFIC, state, height=6)
        self.assertIn("1 to 2 of 4", found[-1])
        state.press("end")
        found = lines(_TRAFFIC, state, height=6)
        self.assertIn("3 to 4 of 4", found[-1])
        self.assertEqual([line.split()[1] for line in found[3:-1]], ["alice", "bob"])

    def test_narrow(self) -> None:
        """A narrow screen has fewer figures, and names still; each is on one line, be it cut."""
        self.assertEqual(
            lines(_TRAFFIC, width=59)[-6:-4],
            [
                "          name     uplink/s  downlink/s    uplink  downlink",
                "inbound   in      3.0 KiB/s       0 B/s   7.0 KiB       0 B",
            ],
        )
        self.assertEqual(
            lines(_TRAFFIC, width=58)[-6:-4],
            ["          name     uplink/s  downlink/s", "inbound   in      3.0 KiB/s       0 B/s"],
        )
        later = sample(
            12.0, {"user_漢字漢字漢字漢字@example.org": (4096, 0), "inbound_in": (7168, 0)}
        )
        self.assertEqual(
            lines(Snapshot(_EARLIER, later), width=32)[-4:-1],
            [
                "     name          up/s   down/s",
                "in   in         3.0 KiB      0 B",
                "user 漢字漢字…  2.0 KiB      0 B",
            ],
        )

    def test_every_size(self) -> None:
        """Whatever the size, each view and its help have exactly so many lines, none of them
        longer; at 32 columns no word of ours is broken.
        """
        words = set(re.findall(r"\S+", " ".join(self.texts(200, 60))))
        for width in (1, 8, 20, 32, 80, 200):
            for height in (1, 2, 3, 5, 6, 8, 16, 24, 60):
                found = self.texts(width, height)
                if width == 32:
                    ends = {text.split()[-1] for text in found if text.split() and len(text) == 32}
                    self.assertFalse({word for word in ends - words if word.isalpha()}, height)

    def texts(self, width: int, height: int) -> list[str]:
        """All screens."""
        found = []
        for view in VIEWS:
            for in_help in (False, True):
                state = TopState()
                state.view, state.in_help = view, in_help
                found += lines(
                    replace(_TRAFFIC, fault="nothing listens there"),
                    state,
                    width=width,
                    height=height,
                )
        return found

    def test_once(self) -> None:
        """Rows are sorted once for each answer, however often they are drawn and scrolled."""
        state = TopState()
        first = listing_of(_TRAFFIC, state, ())
        state.press("down")
        self.assertIs(listing_of(_TRAFFIC, state, ()), first)
        state.press("s")
        self.assertIsNot(listing_of(_TRAFFIC, state, ()), first)
        self.assertIsNot(listing_of(replace(_TRAFFIC), TopState(), ()), first)

    def test_thousands(self) -> None:
        """Of thousands of names only those on the screen are made rows of, and asked for."""
        many = {f"user_{number:05}": (number, 0) for number in range(20_000)}
        snapshot = Snapshot(sample(1.0, many), sample(2.0, many, known()), has_control=True)
        state = TopState("total")
        frame = top_view("a", snapshot, state, width=80, height=24)
        self.assertEqual(len(frame.wanted.users), 18)
        self.assertIn("19999", frame.wanted.users)
        state.press("end")
        frame = top_view("a", snapshot, state, width=80, height=24)
        self.assertIn("00000", frame.wanted.users)


class ControlTest(SynchronousTestCase):
    """What a control service adds."""

    def test_traffic(self) -> None:
        """How many are open and have failed, and who is held or refused."""
        before = known(entity("user_alice", held_down=1.0), entity("user_bob", refused=2))
        now = known(
            entity("user_alice", open=2, held_down=2.5),
            entity("user_bob", open=1, refused=5),
            entity("outbound_out", open=3),
        )
        snapshot = Snapshot(
            replace(_EARLIER, known=before), replace(_LATER, known=now), has_control=True
        )
        found = lines(snapshot)
        self.assertIn("3 open, 0 failed", " ".join(found[:2]))
        rows = {line.split()[1]: line for line in found if "B/s" in line}
        self.assertTrue(rows["alice"].endswith("   2          held down 75%"), rows["alice"])
        self.assertTrue(rows["bob"].endswith("   1          3 refused"), rows["bob"])
        self.assertRegex(rows["out"], r" 3 +0$")

    def test_views_without(self) -> None:
        """Without one the other views say what to write, and with one that does not answer why."""
        for view in VIEWS[1:]:
            state = TopState()
            state.view = view
            text = " ".join(lines(_TRAFFIC, state))
            self.assertIn('write "control": {"listen": "unix:control.sock"}', text)
            refused = replace(_TRAFFIC, later=replace(_LATER, unknown="this user may not"))
            text = " ".join(lines(replace(refused, has_control=True), state))
            self.assertIn("this user may not", text)
            self.assertNotIn("write", text)

    def test_help(self) -> None:
        """The help has every key, and what control is for."""
        state = TopState()
        state.press("?")
        text = " ".join(lines(_TRAFFIC, state, height=60))
        for word in ("Tab", "Page Up", "Esc", "Ctrl-Z", "need control", "--control"):
            self.assertIn(word, text)
        self.assertNotIn(
            "--control", " ".join(lines(replace(_TRAFFIC, has_control=True), state, height=60))
        )

    def test_low_help(self) -> None:
        """It can be scrolled."""
        state = TopState()
        state.press("?")
        self.assertNotIn("Ctrl-Z", " ".join(lines(_TRAFFIC, state, height=8)))
        for _ in range(9):
            state.press("down")
        self.assertIn("Ctrl-Z", " ".join(lines(_TRAFFIC, state, height=8)))

    def test_every_order(self) -> None:
        """Each view can be sorted by all that it says."""
        snapshot = Snapshot(
            replace(_EARLIER, known=known()), replace(_LATER, known=known()), has_control=True
        )
        for view, sorts in SORTS.items():
            state = TopState()
            state.view = view
            for sort in sorts:
                self.assertEqual(state.sort, sort)
                self.assertIn(f"(now by {sort})", lines(snapshot, state)[-1])
                state.press("s")
