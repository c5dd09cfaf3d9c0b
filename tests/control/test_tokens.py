"""Tokens against forged requests."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.control.tokens import TOKEN_SECONDS, Tokens
from tests.support.examples import examples


class TokensTest(SynchronousTestCase):
    """Those of one run."""

    def setUp(self) -> None:
        """Begin it."""
        self.clock = Clock()
        self.tokens = Tokens(self.clock.seconds)

    def test_good(self) -> None:
        """A token is good for whom it was issued to, until it is too old, and each is another."""
        token, other = self.tokens.issue(b"alice"), self.tokens.issue(b"alice")
        self.assertNotEqual(token, other)
        self.clock.advance(TOKEN_SECONDS - 1)
        self.assertTrue(self.tokens.is_good(token, b"alice"))
        self.clock.advance(1)
        self.assertFalse(self.tokens.is_good(token, b"alice"))
        self.assertTrue(self.tokens.is_good(self.tokens.issue(b"alice"), b"alice"))

    def test_others(self) -> None:
        """Another's token is not, nor one of another run."""
        self.assertFalse(self.tokens.is_good(self.tokens.issue(b"bob"), b"alice"))
        self.assertFalse(Tokens(self.clock.seconds).is_good(self.tokens.issue(b"bob"), b"bob"))

    def test_changed(self) -> None:
        """A token with any character changed, or with a later end, is not good."""
        token = self.tokens.issue(b"alice")
        for at, character in enumerate(token):
            for other in {"0", "1", "a", ".", " "} - {character}:
                changed = f"{token[:at]}{other}{token[at + 1 :]}"
                self.assertFalse(self.tokens.is_good(changed, b"alice"), changed)
        for changed in ("", f"1{token}", f"{token} ", f"{token}\n", token.upper(), token[:-1]):
            self.assertFalse(self.tokens.is_good(changed, b"alice"), changed)

    @settings(max_examples=examples(200))
    @given(st.text())
    def test_any_text(self, text: str) -> None:
        """No text that was not issued is good."""
        self.assertFalse(Tokens(Clock().seconds).is_good(text, b""))
