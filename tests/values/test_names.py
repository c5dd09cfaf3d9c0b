"""Names and owners."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.stats.names import traffic_name
from pipetwist.values.names import parse_name, parse_owner


class NamesTest(SynchronousTestCase):
    """Tags and users."""

    def test_taken(self) -> None:
        """Letters of any script, spaces and signs may stand in a name."""
        for name in ("pipe-in", "alice@example.org", "Ж", "a b", "<"):
            self.assertEqual(parse_name(name), name)

    def test_refused(self) -> None:
        """Other types, an empty text, a '>' and what can't be printed are refused, each in its own
        words.
        """
        refused = {
            5: "not a name",
            None: "not a name",
            "": "empty",
            "a>b": "'>'",
            ">>>": "'>'",
            "a\n": "can't be printed",
            "\0": "can't be printed",
        }
        for raw, words in refused.items():
            self.assertIn(words, str(self.assertRaises(ValueError, parse_name, raw)))

    @settings(deadline=None)
    @given(st.text())
    def test_counters_name(self, text: str) -> None:
        """A name that is taken can be told from the name of its counter, which people split at
        '>>>'.
        """
        try:
            name = parse_name(text)
        except ValueError:
            return
        self.assertEqual(
            traffic_name("user", name, "uplink").split(">>>"), ["user", name, "traffic", "uplink"]
        )


class OwnersTest(SynchronousTestCase):
    """Owners of files."""

    def test_taken(self) -> None:
        """A name is taken, and a number."""
        self.assertEqual(
            [parse_owner("proxy"), parse_owner(0), parse_owner(65534)], ["proxy", 0, 65534]
        )

    def test_refused(self) -> None:
        """What is neither is refused, and so is the number that means "nobody" to chown(2)."""
        refused: tuple[object, ...] = ("", -1, 2**32 - 1, 1.0, True, None, [], "a\0b")
        for raw in refused:
            self.assertIn(
                "neither the name nor the number",
                str(self.assertRaises(ValueError, parse_owner, raw)),
            )
