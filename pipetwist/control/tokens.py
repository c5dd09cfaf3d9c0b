"""Tokens against forged requests: another site can have a browser send a request, but can't read
what the page was told.
"""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Callable
from typing import Final

__all__ = ["TOKEN_SECONDS", "Tokens"]

TOKEN_SECONDS: Final = 12 * 3600.0
"""How long a token is good for, in seconds."""

_TOKEN = re.compile(r"([0-9]{1,15})\.([0-9a-f]{32})\.([0-9a-f]{64})", re.ASCII)


class Tokens:
    """Issues tokens and checks them. None is kept: each says itself until when it is good, and a
    code shows that it was issued here, in this run, to the holder of the same certificate.

    Args:
        seconds: the time, by a clock that only grows.
    """

    def __init__(self, seconds: Callable[[], float]) -> None:
        self._seconds = seconds
        self._secret = secrets.token_bytes(32)

    def issue(self, holder: bytes) -> str:
        """A token of its own for each load of the page.

        Args:
            holder: the fingerprint of the certificate that it is issued to.
        """
        end = str(int(self._seconds() + TOKEN_SECONDS))
        nonce = secrets.token_hex(16)
        return f"{end}.{nonce}.{self._code(end, nonce, holder)}"

    def is_good(self, token: str, holder: bytes) -> bool:
        """Whether a token was issued to this holder, and is not too old."""
        match = _TOKEN.fullmatch(token)
        if match is None:
            return False
        end, nonce, code = match.groups()
        is_ours = hmac.compare_digest(code, self._code(end, nonce, holder))
        return is_ours and self._seconds() < int(end)

    def _code(self, end: str, nonce: str, holder: bytes) -> str:
        return hmac.digest(self._secret, f"{end}.{nonce}.".encode() + holder, "sha256").hex()
