"""Texts that go to the system as they are: host names, commands, environments."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

from pipetwist.values.checked import Checked

__all__ = ["Command", "Environment", "Text"]


def _parse_text(raw: object, folder: Path) -> str:
    if not isinstance(raw, str) or not raw or "\0" in raw:
        message = f"{raw!r} is not a text of at least one character"
        raise ValueError(message)
    return raw


def _parse_command(raw: object, folder: Path) -> tuple[str, ...]:
    if not isinstance(raw, list) or not raw or not all(isinstance(word, str) and "\0" not in word for word in raw) or not raw[0]:
        message = f'{raw!r} is not a command; write a list of texts, such as ["ncat", "127.0.0.1", "80"]'
        raise ValueError(message)
    program, *arguments = raw
    if "/" in program:
        program = os.path.normpath(folder / program)
    return (program, *arguments)


def _parse_environment(raw: object, folder: Path) -> dict[str, str]:
    if not isinstance(raw, dict):
        message = f'{raw!r} is not an environment; write an object of texts, such as {{"KEY": "value"}}'
        raise ValueError(message)
    for key, value in raw.items():
        if not key or "=" in key or "\0" in key or not isinstance(value, str) or "\0" in value:
            message = f"the variable {key!r} needs a name without '=' and a text as its value"
            raise ValueError(message)
    return dict(raw)


Text = Annotated[str, Checked(_parse_text, {"type": "string", "minLength": 1})]
Command = Annotated["tuple[str, ...]", Checked(_parse_command, {"type": "array", "items": {"type": "string"}, "minItems": 1})]
Environment = Annotated["dict[str, str]", Checked(_parse_environment, {"type": "object", "additionalProperties": {"type": "string"}})]
