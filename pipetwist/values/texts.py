"""Texts that go to the system as they are: host names, commands, environments."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from pipetwist.values.checked import Checked
from pipetwist.values.quoting import quote

__all__ = ["Command", "Environment", "Program", "Text", "Words", "parse_text", "shell_words"]

_OPERATORS = {"|", "||", "|&", "&", "&&", ";", "<", ">", ">>", "<<", "2>", "2>&1", "&>"}
_VARIABLE = re.compile(r"\$(\w+|\{\w+\})")


def parse_text(raw: object, folder: Path) -> str:
    """Accept a text.

    Raises:
        ValueError: it is not a text, is empty, or contains a NUL.
    """
    if not isinstance(raw, str) or not raw or "\0" in raw:
        message = f"{quote(raw)} is not a text of at least one character"
        raise ValueError(message)
    return raw


def _parse_command(raw: object, folder: Path) -> tuple[str, ...]:
    if not isinstance(raw, list) or not raw:
        message = (
            f'{quote(raw)} is not a command; write a list of texts, such as ["ncat", "127.0.0.1", '
            '"80"]'
        )
        raise ValueError(message)
    for number, word in enumerate(raw):
        if not isinstance(word, str) or "\0" in word:
            message = (
                f"entry {number} of the command is {quote(word)}; every entry must be a text "
                "without a NUL in it"
            )
            raise ValueError(message)
    program, *arguments = raw
    if not program:
        message = "the command's first entry is empty; it must name the program"
        raise ValueError(message)
    return (_located(program, folder), *arguments)


def _located(program: str, folder: Path) -> str:
    return str(folder / program) if "/" in program else program


def _parse_program(raw: object, folder: Path) -> str:
    if isinstance(raw, list):
        message = (
            f"{quote(raw)} is a command; a plugin is one text, the program's name or path, and has "
            "its options in plugin_opts"
        )
        raise ValueError(message)
    return _located(parse_text(raw, folder), folder)


def _parse_words(raw: object, folder: Path) -> str:
    if not isinstance(raw, str) or "\0" in raw:
        message = f"{quote(raw)} is not a text without a NUL in it"
        raise ValueError(message)
    return raw


def shell_words(command: Sequence[str]) -> str | None:
    """Say which words of a command only a shell would know; None if there are none.

    Args:
        command: a program and its arguments.
    """
    program, *arguments = command
    shell = 'no shell reads the command; write ["sh", "-c", "..."] if one should'
    for word in arguments:
        if word in _OPERATORS:
            return f"{quote(word)} is an argument of {quote(program)} here, since {shell}"
        if _VARIABLE.fullmatch(word) or word.startswith("~/"):
            return f"{quote(word)} reaches {quote(program)} as it stands, since {shell}"
    if not arguments and " " in program.strip():
        return (
            f"{quote(program)} is the name of one program; write each argument as a text of its own"
        )
    return None


def _parse_environment(raw: object, folder: Path) -> dict[str, str]:
    if not isinstance(raw, dict):
        message = (
            f'{quote(raw)} is not an environment; write an object of texts, such as {{"KEY": '
            f'"value"}}'
        )
        raise ValueError(message)
    for key, value in raw.items():
        if not key or "=" in key or "\0" in key:
            message = (
                f"{quote(key)} can't name a variable; a name has at least one character, and "
                "neither '=' nor NUL"
            )
            raise ValueError(message)
        if not isinstance(value, str) or "\0" in value:
            message = (
                f"the variable {quote(key)} is {quote(value)}; it must be a text without a NUL in "
                "it"
            )
            raise ValueError(message)
    return dict(raw)


_COMMAND_SCHEMA: dict[str, object] = {
    "type": "array",
    "items": {"type": "string"},
    "minItems": 1,
    "examples": [["ncat", "127.0.0.1", "80"]],
}
_ENVIRONMENT_SCHEMA: dict[str, object] = {
    "type": "object",
    "propertyNames": {"pattern": "^[^=]+$"},
    "additionalProperties": {"type": "string"},
    "examples": [{"KEY": "value"}],
}

Text = Annotated[str, Checked(parse_text, {"type": "string", "minLength": 1})]
Words = Annotated[str, Checked(_parse_words, {"type": "string"})]
Program = Annotated[
    str,
    Checked(
        _parse_program,
        {"type": "string", "minLength": 1, "examples": ["obfs-local", "./my-plugin"]},
    ),
]
Command = Annotated[tuple[str, ...], Checked(_parse_command, _COMMAND_SCHEMA)]
Environment = Annotated[dict[str, str], Checked(_parse_environment, _ENVIRONMENT_SCHEMA)]
