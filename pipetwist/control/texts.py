"""Texts on the wire."""

from __future__ import annotations

__all__ = ["wire_text"]


def wire_text(text: str) -> str:
    """A text that protobuf takes: the path of a client's socket may be no Unicode."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
