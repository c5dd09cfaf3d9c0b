"""Writes values in messages: as in a configuration, on one line, and not too long."""

from __future__ import annotations

import json

__all__ = ["quote"]

_MAX_LENGTH = 80


def quote(raw: object) -> str:
    """Quote a value for a message; a long one is cut."""
    text = json.dumps(raw, ensure_ascii=False)
    text = "".join(
        character if character.isprintable() else f"\\u{ord(character):04x}" for character in text
    )
    return text if len(text) <= _MAX_LENGTH else f"{text[: _MAX_LENGTH - 4]} ..."
