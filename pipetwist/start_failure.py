"""How a start that failed ends the daemon's process, and is told once."""

from __future__ import annotations

from typing import Any

__all__ = ["DeduplicatedStderr", "StartFailedError"]


class StartFailedError(SystemExit, Exception):
    """Ends the process with status 1 and no traceback.

    It is an Exception as well since that is what twistd's daemon tells its parent about, which
    waits for the outcome.
    """

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.code = 1


class DeduplicatedStderr:
    """Standard error for twistd's parent process, which repeats the daemon's word on its failed
    start, cut to 100 bytes.

    Args:
        stream: the real one.
    """

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def write(self, text: str) -> Any:
        """Write all but the repetition."""
        return None if StartFailedError.__name__ in text else self._stream.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
