"""The arguments of Tor's pluggable transports, as they are written in their lines and variables
(pt-spec, 3.2.3 and 3.3.3).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

__all__ = ["read_arguments", "server_options"]

_SPECIAL = re.compile(r"([:;=\\])")


def server_options(transport: str, options: Mapping[str, str]) -> str:
    """Write the options of a server's transport, as for ``TOR_PT_SERVER_TRANSPORT_OPTIONS``.

    Args:
        transport: its name.
        options: their values by their names.
    """
    return ";".join(
        f"{transport}:{_escaped(name)}={_escaped(value)}" for name, value in options.items()
    )


def _escaped(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", text)


def read_arguments(text: str) -> dict[str, str]:
    """Read the arguments that clients need, ``key=value,key=value``, with a backslash before each
    ``,``, ``=`` and backslash that is none of these. The first ``=`` ends a name, and others belong
    to the value: programs leave those at the end of base64 as they are.

    Raises:
        ValueError: an argument has no name, or no value, or the text ends within an escape.
    """
    arguments: dict[str, str] = {}
    name: str | None = None
    part = ""
    letters = iter(text)
    for letter in letters:
        if letter == "\\":
            part += _next(letters)
        elif letter == "=" and name is None:
            name, part = part, ""
        elif letter == ",":
            _add(arguments, name, part)
            name, part = None, ""
        else:
            part += letter
    if text:
        _add(arguments, name, part)
    return arguments


def _next(letters: Iterator[str]) -> str:
    letter = next(letters, None)
    if letter is None:
        message = "the arguments end within an escape"
        raise ValueError(message)
    return letter


def _add(arguments: dict[str, str], name: str | None, value: str) -> None:
    if not name:
        message = "an argument has no name, or no value"
        raise ValueError(message)
    arguments[name] = value
