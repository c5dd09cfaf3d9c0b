"""Arguments of pluggable transports as credentials."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.socks.socks5 import Socks5
from pipetwist.socks.target import Credentials, Target
from pipetwist.socks.transport_arguments import MAX_ARGUMENT_BYTES, arguments_as_credentials
from tests.support.examples import examples

_TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30)


def _read(credentials: Credentials | None) -> dict[str, str]:
    """Read arguments as a transport does, a character at a time."""
    if credentials is None:
        return {}
    username, password = credentials
    text = (username + (b"" if password == b"\0" else password)).decode()
    pairs = [["", ""]]
    part, characters = 0, iter(text)
    for character in characters:
        if character == ";":
            pairs.append(["", ""])
            part = 0
        elif character == "=" and part == 0:
            part = 1
        else:
            pairs[-1][part] += next(characters) if character == "\\" else character
    return {pair[0]: pair[1] for pair in pairs}


class ArgumentsTest(SynchronousTestCase):
    """`arguments_as_credentials`."""

    def test_written(self) -> None:
        """They are pairs in the username, and NUL stands for a password of nothing."""
        self.assertIsNone(arguments_as_credentials({}))
        self.assertEqual(
            arguments_as_credentials({"cert": "a;b", "iat-mode": "0", "\\": "="}),
            Credentials(b"cert=a\\;b;iat-mode=0;\\\\=\\=", b"\0"),
        )

    def test_bound(self) -> None:
        """510 bytes have room, the last of them in the password; 511 have not."""
        found = arguments_as_credentials({"k": "x" * (MAX_ARGUMENT_BYTES - 2)})
        assert found is not None
        self.assertEqual((len(found.username), len(found.password)), (255, 255))
        Socks5(Target("192.0.2.1", 1), found, insists=True)
        for arguments, said in (
            ({"k": "x" * (MAX_ARGUMENT_BYTES - 1)}, "room for 510 bytes, and these take 511"),
            ({"k": "a\0b"}, "no NUL"),
        ):
            error = self.assertRaises(ValueError, arguments_as_credentials, arguments)
            self.assertIn(said, str(error))

    def test_read_again(self) -> None:
        """Whatever they are, a transport reads what was meant, though a character may be cut."""

        @settings(max_examples=examples(300), deadline=None, database=None)
        @given(st.dictionaries(_TEXTS, _TEXTS, max_size=6))
        def one(arguments: dict[str, str]) -> None:
            try:
                found = arguments_as_credentials(arguments)
            except ValueError as error:
                self.assertIn("have room for", str(error))
                return
            self.assertEqual(_read(found), arguments)
            if found is not None:
                Socks5(Target("192.0.2.1", 1), found, insists=True)

        one()
