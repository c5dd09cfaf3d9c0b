"""Ends the daemon's process after a failed start, with one message."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any, NoReturn

__all__ = ["DeduplicatedStderr", "StartFailedError", "exit_with_failure"]


class StartFailedError(SystemExit, Exception):
    """Ends the process with status 1 and no traceback.

    It is an Exception too, because twistd's daemon reports only those to its parent, which waits
    for the result.
    """

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.code = 1


class DeduplicatedStderr:
    """Standard error of twistd's parent process, which would repeat the daemon's message about its
    failed start, cut to 100 bytes.

    Args:
        stream: the real one.
    """

    def __init__(self, stream: Any) -> None:  # a TextIO; sys.__stderr__ may be None
        self._stream = stream

    def write(self, text: str) -> object:
        """Write everything except the repetition."""
        return None if StartFailedError.__name__ in text else self._stream.write(text)

    def __getattr__(self, name: str) -> Any:  # whatever the stream has
        return getattr(self._stream, name)


def exit_with_failure(linger: Callable[[], None]) -> NoReturn:
    """End the process with status 1. The reactor has no exit status, and twistd returns 0 after it
    in any case.

    Args:
        linger: waits until the log is written.
    """
    linger()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(1)
