"""Keys out of what a terminal sends."""

from __future__ import annotations

import os
import pty
import select
import sys

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.cli.top.keyboard import Keyboard, Keys


class KeysTest(SynchronousTestCase):
    """Bytes, as xterm, VT terminals and the Linux console send them."""

    def test_named(self) -> None:
        """Keys that type no character have names."""
        for data, key in (
            (b"\x1b[A", "up"),
            (b"\x1bOB", "down"),
            (b"\x1b[1;5C", "right"),
            (b"\x1b[5~", "page-up"),
            (b"\x1b[6~", "page-down"),
            (b"\x1b[H", "home"),
            (b"\x1b[1~", "home"),
            (b"\x1bOF", "end"),
            (b"\x1b[8~", "end"),
            (b"\x1b[Z", "back-tab"),
            (b"\t", "tab"),
            (b"\n", "enter"),
            (b"\r", "enter"),
            (b"\x7f", "backspace"),
            (b"\x15", "ctrl-u"),
            ("é".encode(), "é"),
            ("漢".encode(), "漢"),
        ):
            self.assertEqual(Keys().feed(data), [key], data)

    def test_unknown(self) -> None:
        """A function key does nothing, nor does what it sends type anything."""
        self.assertEqual(Keys().feed(b"\x1b[15~a\x1b[[Ab\x1bOPc"), ["a", "b", "c"])

    def test_escape(self) -> None:
        """The key Esc sends what others begin with: it is one when nothing more has come, or
        something else.
        """
        keys = Keys()
        self.assertEqual((keys.feed(b"\x1b"), keys.has_begun), ([], True))
        self.assertEqual((keys.end(), keys.has_begun), (["escape"], False))
        self.assertEqual(keys.end(), [])
        self.assertEqual(keys.feed(b"\x1bq"), ["escape", "q"])
        self.assertEqual([*keys.feed(b"\x1b\x1b[A"), *keys.end()], ["escape", "up"])

    @given(st.lists(st.integers(0, 12)))
    def test_divided(self, cuts: list[int]) -> None:
        """However the bytes are divided, the keys are the same."""
        data = "/é\x1b[1;2A漢\x1b[6~x".encode()
        keys = Keys()
        found: list[str] = []
        ends = sorted({*cuts, len(data)})
        for begin, end in zip([0, *ends], ends, strict=False):
            found += keys.feed(data[begin:end])
        self.assertEqual(found, ["/", "é", "up", "漢", "page-down", "x"])


class KeyboardTest(SynchronousTestCase):
    """Keys of a terminal."""

    def test_typed_before(self) -> None:
        """What was typed before it starts, or starts anew, as when the command goes on, is read."""
        master, slave = pty.openpty()
        self.addCleanup(os.close, master)
        terminal = os.fdopen(slave)
        self.addCleanup(terminal.close)
        os.set_blocking(slave, False)
        self.patch(sys, "stdin", terminal)
        keyboard = Keyboard()
        keyboard.start()
        self.addCleanup(keyboard.stop)
        os.write(master, b"q")
        self.assertTrue(select.select([slave], [], [], 60)[0])
        keyboard.start()
        self.assertEqual(keyboard.read(), ["q"])
