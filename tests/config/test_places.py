"""Lines and columns of key paths."""

from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.config.places import place_of_index, places
from pipetwist.config.problems import KeyPath
from tests.config.malformed import members
from tests.support.documents import EXAMPLES, full
from tests.support.examples import examples

_TEXT = """// a comment
{
  "a": [1, {"b": 2},
    [3]],
  'c': {d: {}, "\\u0065": null, /* two
  lines */ f: 5,},
  "a": {"x": 1}
}
"""


class PlacesTest(SynchronousTestCase):
    """Of a text with everything in it that JSON5 has."""

    def test_places(self) -> None:
        """A key is where it begins, and an entry of a list is where that begins, whatever stands
        before it.
        """
        for key_path, place in (
            ((), (2, 1)),
            (("c",), (5, 3)),
            (("c", "d"), (5, 9)),
            (("c", "e"), (5, 16)),
            (("c", "f"), (6, 12)),
        ):
            self.assertEqual(places(_TEXT, [key_path]), {key_path: place})

    def test_lists(self) -> None:
        """Entries are counted, those that are objects and lists too."""
        text = '{"a": [1, {"b": [2, 3]},\n [4]]}'
        wanted: list[KeyPath] = [("a", 0), ("a", 1), ("a", 1, "b", 1), ("a", 2), ("a", 2, 0)]
        self.assertEqual(
            list(places(text, wanted).values()), [(1, 8), (1, 11), (1, 21), (2, 2), (2, 3)]
        )

    def test_twice(self) -> None:
        """Of a key that is given twice it is the second, whose value counts."""
        self.assertEqual(places(_TEXT, [("a",)]), {("a",): (7, 3)})

    def test_missing(self) -> None:
        """What is not there is where the object or the list is that should have it."""
        for key_path, place in (
            (("z",), (2, 1)),
            (("c", "z"), (5, 3)),
            (("c", "z", 0, "y"), (5, 3)),
            (("c", "f", "z"), (6, 12)),
        ):
            self.assertEqual(places(_TEXT, [key_path]), {key_path: place})

    def test_no_object(self) -> None:
        """A document that is no object has a place, too."""
        self.assertEqual(places(" 5", [(), ("a",)]), {(): (1, 2), ("a",): (1, 2)})

    @settings(deadline=None, max_examples=examples(50))
    @given(st.sampled_from([None, 0, 2]))
    def test_every(self, indent: int | None) -> None:
        """Whatever is in a document is found where its key or its value is written."""
        document = full()
        text = json.dumps(document, indent=indent)
        lines = text.split("\n")
        found = dict(members(document))
        for key_path, (line, column) in places(text, found).items():
            step = key_path[-1]
            written = json.dumps(step if isinstance(step, str) else found[key_path], indent=indent)
            self.assertTrue(lines[line - 1][column - 1 :].startswith(written.split("\n")[0]))

    def test_one_pass(self) -> None:
        """An example with comments gives each of its keys a place of its own."""
        text = (EXAMPLES / "pipetwist.json").read_text(encoding="utf-8")
        wanted: list[KeyPath] = [("inbounds", 0), ("outbounds", 0, "tag"), ("experimental",)]
        found = places(text, wanted)
        self.assertEqual(len(set(found.values())), 3)
        self.assertTrue(text.split("\n")[found["experimental",].line - 1].startswith('  "exp'))

    def test_index(self) -> None:
        """A character's place is counted from 1, and so is that of the end of the text."""
        self.assertEqual(place_of_index("ab\nc", 0), (1, 1))
        self.assertEqual(place_of_index("ab\nc", 2), (1, 3))
        self.assertEqual(place_of_index("ab\nc", 4), (2, 2))
