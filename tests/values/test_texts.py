"""Texts, commands and environments."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

from twisted.trial.unittest import SynchronousTestCase

from pipetwist.values import Checked, Command, Environment, Text


def _parse(kind: object, raw: object) -> Any:
    (mark,) = (mark for mark in get_args(kind) if isinstance(mark, Checked))
    return mark.parse(raw, Path("/etc/pipetwist"))


class TextsTest(SynchronousTestCase):
    """Texts as such."""

    def test_texts(self) -> None:
        """A text is taken as it is; an empty one, one with a NUL and what is no text are
        refused.
        """
        self.assertEqual(_parse(Text, " é "), " é ")
        for raw in ("", "a\0", 5, None, ["a"]):
            self.assertIn("is not a text", str(self.assertRaises(ValueError, _parse, Text, raw)))


class CommandsTest(SynchronousTestCase):
    """Commands."""

    def test_looked_up(self) -> None:
        """A command without a '/' is left for PATH, and arguments are never looked at."""
        self.assertEqual(_parse(Command, ["cat", "./a", ""]), ("cat", "./a", ""))

    def test_relative(self) -> None:
        """A command with a '/' is relative to the configuration's folder."""
        self.assertEqual(_parse(Command, ["bin/tool"]), ("/etc/pipetwist/bin/tool",))
        self.assertEqual(_parse(Command, ["/bin/cat"]), ("/bin/cat",))

    def test_refused(self) -> None:
        """A shell's line, an empty list and entries that are no texts are refused; the message says
        which entry.
        """
        others: tuple[object, ...] = ("cat file", [], None, 5, {"cat": 1})
        for other in others:
            self.assertIn(
                "is not a command", str(self.assertRaises(ValueError, _parse, Command, other))
            )
        for entry in (5, "a\0", None):
            self.assertIn(
                "entry 1 of the command",
                str(self.assertRaises(ValueError, _parse, Command, ["cat", entry])),
            )
        self.assertIn(
            "must name the program", str(self.assertRaises(ValueError, _parse, Command, ["", "a"]))
        )


class EnvironmentsTest(SynchronousTestCase):
    """Environments."""

    def test_taken(self) -> None:
        """Variables may be empty, and there may be none."""
        self.assertEqual(
            _parse(Environment, {"KEY": "value", "EMPTY": ""}), {"KEY": "value", "EMPTY": ""}
        )
        self.assertEqual(_parse(Environment, {}), {})

    def test_refused(self) -> None:
        """What the system can't hold is refused, and the message names the variable."""
        for name in ("", "A=B", "A\0"):
            self.assertIn(
                "can't name a variable",
                str(self.assertRaises(ValueError, _parse, Environment, {name: "a"})),
            )
        for value in (5, None, "a\0"):
            self.assertIn(
                'the variable "KEY"',
                str(self.assertRaises(ValueError, _parse, Environment, {"KEY": value})),
            )
        for other in (["KEY=value"], "KEY=value", None):
            self.assertIn(
                "is not an environment",
                str(self.assertRaises(ValueError, _parse, Environment, other)),
            )
