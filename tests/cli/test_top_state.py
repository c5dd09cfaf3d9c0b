"""What the keys of ``pipetwist top`` do."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from pipetwist.cli.top.state import SORTS, VIEWS, TopState


class StateTest(SynchronousTestCase):
    """Keys, one after the other."""

    def setUp(self) -> None:
        """A hundred rows, of which ten are shown."""
        self.state = TopState("name")
        self.state.drawn(100, 10)

    def press(self, *keys: str) -> bool:
        """Press keys; whether it goes on."""
        return all(map(self.state.press, keys))

    def test_scrolling(self) -> None:
        """Arrows, pages and ends, and never beyond the first or the last row."""
        for keys, offset in (
            (("up",), 0),
            (("down", "down"), 2),
            (("page-down",), 12),
            (("up",), 11),
            (("end",), 90),
            (("down", "page-down"), 90),
            (("page-up",), 80),
            (("home",), 0),
            (("page-up",), 0),
        ):
            self.assertTrue(self.press(*keys))
            self.assertEqual(self.state.offset, offset, keys)

    def test_fewer_rows(self) -> None:
        """Where rows go, or the screen grows, no screen is empty."""
        self.press("end")
        self.assertEqual(self.state.drawn(15, 10), 5)
        self.assertEqual(self.state.drawn(15, 20), 0)

    def test_filter(self) -> None:
        """It is in effect while it is typed; Enter keeps it, and Esc takes it away, then or
        later.
        """
        self.press("end", "/")
        for key, text in (("q", "q"), ("S", "qS"), ("?", "qS?"), ("backspace", "qS"), (" ", "qS ")):
            self.assertTrue(self.press(key))
            self.assertEqual((self.state.filter, self.state.offset), (text, 0))
        self.press(*"x")
        self.assertEqual(self.state.words, ("qs", "x"))
        self.press("enter")
        self.assertEqual((self.state.is_typing, self.state.filter), (False, "qS x"))
        self.press("/", "ctrl-u", "a", "\x1c", "down", "tab")
        self.assertEqual((self.state.is_typing, self.state.filter), (True, "a"))
        self.press("enter", "escape")
        self.assertEqual(self.state.filter, "")
        self.press("/", "b", "escape")
        self.assertEqual((self.state.is_typing, self.state.filter), (False, ""))

    def test_views(self) -> None:
        """Tab goes round, and numbers lead there; each view begins with its first row and keeps its
        order.
        """
        self.press("end")
        found = []
        for _ in VIEWS:
            found.append(self.state.view)
            self.press("s", "tab")
        self.assertEqual((tuple(found), self.state.view), (VIEWS, "traffic"))
        self.assertEqual(self.state.offset, 0)
        self.assertEqual(self.state.sort, "rate")
        for number, view in enumerate(VIEWS, 1):
            self.press(str(number))
            self.assertEqual(self.state.view, view)
            self.assertIn(self.state.sort, SORTS[view])
        self.press("left")
        self.assertEqual(self.state.view, "failures")
        self.press("5")
        self.assertEqual(self.state.view, "failures")

    def test_help(self) -> None:
        """It goes away by the key that it came by, and by some others, which do nothing else."""
        for key in ("?", "q", "escape", "enter"):
            self.assertTrue(self.press("?", "s", "/"))
            self.assertTrue(self.state.in_help)
            self.assertTrue(self.press(key))
            self.assertFalse(self.state.in_help)
        self.assertEqual(self.state.sort, "name")

    def test_quit(self) -> None:
        """The key q ends it."""
        self.assertFalse(self.press("q"))
        self.assertFalse(self.press("Q"))
