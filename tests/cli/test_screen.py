"""What is written so that a terminal shows other lines."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.cli.top.screen import changes
from tests.support.whole_screen import ENTER, shown

_SCREENS = st.lists(st.lists(st.text("ab ", max_size=3).map(str.rstrip), max_size=5), min_size=1)


class ChangesTest(SynchronousTestCase):
    """One screen after another."""

    def test_changed_alone(self) -> None:
        """A line that stays is not written again."""
        self.assertEqual(changes(["a", "b"], ["a", "c"]), "\x1b[2H\x1b[2Kc")
        self.assertEqual(changes(["a", "b"], ["a", "b"]), "")

    def test_unknown(self) -> None:
        """Where it is not known what is there nothing of it stays."""
        text = f"{ENTER}\x1b[5Hof a screen that was larger{changes(None, ['a'])}"
        self.assertEqual(shown(text), ["a"])

    @given(_SCREENS)
    def test_screens(self, screens: list[list[str]]) -> None:
        """After each screen the terminal shows its lines and nothing else."""
        text, before = ENTER, None
        for screen in screens:
            text += changes(before, screen)
            before = screen
            found = shown(text)
            self.assertEqual(
                found, [*screen, *[""] * (len(found) - len(screen))], repr((screens, text))
            )
            self.assertLessEqual(len(found), len(screen))
