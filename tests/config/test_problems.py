"""Problems and their places."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from pipetwist.config.problems import Problem, every, format_key_path, in_order


class PlacesTest(SynchronousTestCase):
    """How places are written."""

    def test_places(self) -> None:
        """Keys follow a dot, indices stand in brackets, and so do keys that are no words, between
        quotes.
        """
        self.assertEqual(
            format_key_path(("inbounds", 0, "users", 1, "uid")), "inbounds[0].users[1].uid"
        )
        self.assertEqual(
            format_key_path(("a-b", "c.d", "", "e\n", "0")), 'a-b["c.d"][""]["e\\n"]["0"]'
        )
        self.assertEqual(format_key_path((0, "a")), "[0].a")

    def test_whole(self) -> None:
        """A problem of the whole document has no place."""
        self.assertEqual(str(Problem((), "is wrong")), "is wrong")
        self.assertEqual(str(Problem(("a",), "is wrong")), "a: is wrong")


class EveryTest(SynchronousTestCase):
    """Looking into documents that may be broken."""

    def test_found(self) -> None:
        """Keys and each entry of lists are followed, and values are reported with their places."""
        raw = {"a": [{"b": [1, 2]}, {"b": [3]}, {"c": 4}]}
        self.assertEqual(
            list(every(raw, "a", ..., "b", ...)),
            [(("a", 0, "b", 0), 1), (("a", 0, "b", 1), 2), (("a", 1, "b", 0), 3)],
        )
        self.assertEqual(list(every(raw, "a", ..., "c")), [(("a", 2, "c"), 4)])

    def test_broken(self) -> None:
        """If a list or an object should be and is not, nothing is found."""
        broken: tuple[object, ...] = (
            None,
            5,
            "text",
            [],
            {},
            {"a": None},
            {"a": "text"},
            {"a": {"b": 1}},
            {"a": [5, None, "b", ["b"]]},
        )
        for raw in broken:
            self.assertEqual(list(every(raw, "a", ..., "b")), [], raw)


class OrderTest(SynchronousTestCase):
    """The order of problems."""

    def test_order(self) -> None:
        """Problems come as their places stand in the document, what is missing last in its object,
        and each once.
        """
        raw = {"b": {"y": 1, "x": 2}, "a": [{"k": 1}] * 11}
        key_paths = [
            ("b",),
            ("b", "y"),
            ("b", "x"),
            ("b", "missing"),
            ("a", 2, "k"),
            ("a", 2, "missing", "further"),
            ("a", 10),
            ("missing",),
        ]
        expected = [Problem(key_path, "") for key_path in key_paths]
        self.assertEqual(in_order([*reversed(expected), *expected], raw), expected)

    def test_same_place(self) -> None:
        """Two problems of one place keep their order."""
        both = [Problem(("a",), "first"), Problem(("a",), "second")]
        self.assertEqual(in_order(both, {}), both)

    def test_nowhere(self) -> None:
        """A place that leads through what is neither list nor object sorts, too."""
        self.assertEqual(len(in_order([Problem(("a", 0, "b"), ""), Problem((), "")], {"a": 5})), 2)
