"""What the suites have in common: mixins for trial's test cases, and a receiver that checks the
order of events.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from zope.interface import implementer

from pipetwist.interfaces import ISideReceiver

if TYPE_CHECKING:
    from twisted.trial.unittest import SynchronousTestCase

    Mixin = SynchronousTestCase
else:
    Mixin = object

__all__ = ["Mixin", "OrderlyReceiver", "Settling"]

_MAX_ROUNDS = 10_000


class Settling(Mixin):
    """Waits for a condition; the test case says how."""

    def settle(self) -> None:
        """Let pending events happen: run a turn of the test's reactor, or wait a little for the
        system. Does nothing by default.
        """

    def wait_for(self, condition: Callable[[], object], what: str) -> None:
        """Settle until the condition holds; the test fails if it never does."""
        for _ in range(_MAX_ROUNDS):
            if condition():
                return
            self.settle()
        self.fail(f"timed out waiting for {what}")


@implementer(ISideReceiver)
class OrderlyReceiver:
    """Records the events of a side, and those that the interface does not allow."""

    def __init__(self) -> None:
        self.data: list[bytes] = []
        """What was read, call by call."""
        self.told: list[str] = []
        """The other calls, in order."""
        self.reason: str | None = None
        """Why the side was lost; None until then."""
        self.mistakes: list[str] = []
        """Events that the interface does not allow."""
        self.wanted = False
        """Whether reading is resumed."""

    @property
    def lost_once(self) -> bool:
        """Whether the side has closed."""
        return "lost" in self.told

    def data_received(self, side: object, data: bytes) -> None:
        if not self.wanted:
            self.mistakes.append("data_received while reading is paused")
        if "read_ended" in self.told:
            self.mistakes.append("data_received after read_ended")
        self._after_lost("data_received")
        self.data.append(data)

    def read_ended(self, side: object) -> None:
        if "read_ended" in self.told:
            self.mistakes.append("read_ended twice")
        self._tell("read_ended")

    def pause_writing(self, side: object) -> None:
        if self._last_of_room() == "pause_writing":
            self.mistakes.append("pause_writing twice")
        self._tell("pause_writing")

    def resume_writing(self, side: object) -> None:
        if self._last_of_room() != "pause_writing":
            self.mistakes.append("resume_writing without pause_writing")
        self._tell("resume_writing")

    def peer_closed(self, side: object) -> None:
        self._tell("peer_closed")

    def lost(self, side: object, reason: str, *, whole: bool = False) -> None:
        self._tell("lost")
        self.reason = reason

    def _tell(self, what: str) -> None:
        self._after_lost(what)
        self.told.append(what)

    def _after_lost(self, what: str) -> None:
        if self.lost_once:
            self.mistakes.append(f"{what} after lost")

    def _last_of_room(self) -> str | None:
        return next(
            (told for told in reversed(self.told) if told in ("pause_writing", "resume_writing")),
            None,
        )
