"""Commands in Twisted's endpoint strings: ``fork:sort:-u:cwd=/srv``. A plug-in in
``twisted/plugins`` tells Twisted of them.
"""

from __future__ import annotations

from collections.abc import Mapping

from pipetwist.interfaces import AnyReactor
from pipetwist.process.endpoint import CommandEndpoint

__all__ = ["command_endpoint"]

_KEYS = ("cwd", "user", "kill_grace", "inherit_env")
_TRUTHS = {"yes": True, "no": False}


def command_endpoint(
    reactor: AnyReactor, words: tuple[str, ...], keys: Mapping[str, str]
) -> CommandEndpoint:
    """Make the endpoint that a string describes.

    Args:
        reactor: as for `CommandEndpoint`.
        words: the command and its arguments, for no shell.
        keys: what else the string says: ``cwd``, ``user``, ``kill_grace`` in seconds, and
            ``inherit_env``, which is ``yes`` or ``no``.

    Raises:
        ValueError: the string can't be used as it is.
        StartError: there is no such command, folder or user.
    """
    if not words:
        message = 'it names no command; write it behind "fork:", as in "fork:sort:-u"'
        raise ValueError(message)
    for key in keys:
        if key not in _KEYS:
            message = (
                f'"{key}" is not known here; use {", ".join(_KEYS)}, and write "\\=" for a = '
                "of an argument"
            )
            raise ValueError(message)
    inherit = _TRUTHS.get(keys.get("inherit_env", "no"))
    if inherit is None:
        message = "inherit_env is yes or no"
        raise ValueError(message)
    return CommandEndpoint(
        reactor,
        words,
        inherit_env=inherit,
        cwd=keys.get("cwd"),
        user=keys.get("user"),
        kill_grace=float(keys.get("kill_grace", "5")),
    )
