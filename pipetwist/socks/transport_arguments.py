"""The arguments of a connection through one of Tor's pluggable transports, which travel as the
username and the password of SOCKS 5 (pt-spec, "Pluggable transport client per-connection
arguments").
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from pipetwist.socks.target import Credentials

__all__ = ["MAX_ARGUMENT_BYTES", "arguments_as_credentials"]

_MAX_FIELD_BYTES = 255
MAX_ARGUMENT_BYTES = 2 * _MAX_FIELD_BYTES
"""How many bytes all of them may have, as they are written there."""

_SPECIAL = re.compile(r"([;=\\])")


def arguments_as_credentials(arguments: Mapping[str, str]) -> Credentials | None:
    """Write arguments as credentials, for a `pipetwist.socks.socks5.Socks5` that insists on them.

    Args:
        arguments: their values by their names.

    Returns:
        The credentials; None if there are no arguments.

    Raises:
        ValueError: they do not fit in; its text is for people.
    """
    if not arguments:
        return None
    text = ";".join(f"{_escaped(name)}={_escaped(value)}" for name, value in arguments.items())
    written = text.encode()
    if b"\0" in written:
        message = "the arguments of a transport have no NUL in them"
        raise ValueError(message)
    if len(written) > MAX_ARGUMENT_BYTES:
        message = (
            f"the arguments of a transport have room for {MAX_ARGUMENT_BYTES} bytes, and these "
            f"take {len(written)}"
        )
        raise ValueError(message)
    # A password of no bytes is none (RFC 1929): NUL stands for it.
    return Credentials(written[:_MAX_FIELD_BYTES], written[_MAX_FIELD_BYTES:] or b"\0")


def _escaped(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", text)
