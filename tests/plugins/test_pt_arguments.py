"""The arguments of pluggable transports."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.plugins.pt_arguments import read_arguments, server_options

_NAMES = st.text("ab-,=\\;:", min_size=1, max_size=5)
_VALUES = st.text("ab=,\\;:", max_size=8)


def _written(text: str) -> str:
    for letter in "\\=,":
        text = text.replace(letter, f"\\{letter}")
    return text


class ArgumentsTest(SynchronousTestCase):
    """Those that a server says."""

    def test_read(self) -> None:
        """Names and values are found, with what is escaped in them, and with the padding of
        base64.
        """
        self.assertEqual(
            read_arguments("cert=Ab==,iat-mode=0,a\\=b=c\\,d\\\\"),
            {"cert": "Ab==", "iat-mode": "0", "a=b": "c,d\\"},
        )
        self.assertEqual(read_arguments(""), {})

    def test_bad(self) -> None:
        """Without a name or a value, or with an end within an escape, they can't be read."""
        for text in ("cert", "=a", "a=b,", ",", "a=b\\"):
            self.assertRaises(ValueError, read_arguments, text)

    @given(st.dictionaries(_NAMES, _VALUES, max_size=4))
    def test_any(self, arguments: dict[str, str]) -> None:
        """What was written is read."""
        text = ",".join(f"{_written(name)}={_written(of)}" for name, of in arguments.items())
        self.assertEqual(read_arguments(text), arguments)

    @given(st.text())
    def test_any_text(self, text: str) -> None:
        """Any text is read or refused."""
        try:
            read = read_arguments(text)
        except ValueError:
            return
        self.assertTrue(all(read))


class OptionsTest(SynchronousTestCase):
    """Those that a server is given."""

    def test_written(self) -> None:
        """They are escaped, each with the transport's name."""
        self.assertEqual(
            server_options("obfs4", {"iat-mode": "1", "a;b": "c:d=e\\"}),
            "obfs4:iat-mode=1;obfs4:a\\;b=c\\:d\\=e\\\\",
        )
