"""Effects that are only written down."""

from __future__ import annotations

from zope.interface import implementer

from pipetwist.connection.end import End
from pipetwist.interfaces import IConnectionEffects

__all__ = ["RecordingEffects"]


@implementer(IConnectionEffects)
class RecordingEffects:
    """Keeps what a machine asks for, in order, as one line each."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def new(self) -> list[str]:
        """What was asked for since the last call."""
        asked, self.asked = self.asked, []
        return asked

    def cancel_connecting(self) -> None:
        """See `IConnectionEffects`."""
        self.asked.append("cancel_connecting")

    def start_transfer(self) -> None:
        """See `IConnectionEffects`."""
        self.asked.append("start_transfer")

    def finish_writing(self, end: End) -> None:
        """See `IConnectionEffects`."""
        self.asked.append(f"finish_writing {end.value}")

    def close(self, end: End) -> None:
        """See `IConnectionEffects`."""
        self.asked.append(f"close {end.value}")

    def hang_up(self, end: End) -> None:
        """See `IConnectionEffects`."""
        self.asked.append(f"hang_up {end.value}")

    def break_off(self, end: End) -> None:
        """See `IConnectionEffects`."""
        self.asked.append(f"break_off {end.value}")

    def abort(self, end: End) -> None:
        """See `IConnectionEffects`."""
        self.asked.append(f"abort {end.value}")

    def watch(self, seconds: float | None) -> None:
        """See `IConnectionEffects`."""
        self.asked.append(f"watch {seconds}")

    def finished(self, reason: str) -> None:
        """See `IConnectionEffects`."""
        self.asked.append(f"finished {reason}")
