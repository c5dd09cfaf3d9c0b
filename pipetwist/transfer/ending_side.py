"""What every kind of side has of its ending: it asks the machine, tells the log at debug, and shows
where it is.
"""

from __future__ import annotations

from typing import Any, cast

from pipetwist.interfaces import ISide, ISideReceiver
from pipetwist.logs.levels import LeveledLogger
from pipetwist.transfer.ending import Ending, Event, Step

__all__ = ["EndingSide", "side_log"]

side_log = LeveledLogger("pipetwist.transfer", "info")
"""Where sides log their changes. There are many sides and few that look at them: it is one for all,
and asked before anything is made.
"""


class EndingSide:
    """A side of any kind, as far as it ends.

    Attributes:
        reason: why it is over, for people; empty where that is in order, or not so yet.
        ending: where it is.
        receiver: who hears of it; None before that is known, and where it is over.
    """

    __slots__ = ("ending", "reason", "receiver")

    reason: str
    ending: Ending
    receiver: Any

    def attach(self, receiver: ISideReceiver) -> None:
        if self.ending.over:
            receiver.lost(cast("ISide", self), self.reason)
        else:
            self.receiver = receiver

    def hear(self, event: Event) -> Step:
        """Take the next step.

        Args:
            event: what is asked of it, or has happened to it.

        Returns:
            The step, whose effects are to follow.
        """
        step = self.ending.steps[event]
        if side_log.debugs:
            self._tell(event, step)
        self.ending = step.after
        return step

    def _tell(self, event: Event, step: Step) -> None:
        if step.after is not self.ending:
            side_log.debug(
                "{side} hears {event}: {after}",
                side=repr(self),
                event=event.name,
                after=repr(step.after),
            )

    @property
    def descriptor_text(self) -> str:
        """What it is on the system, such as ``fd=9``; may be empty."""
        return ""

    @property
    def waits(self) -> str:
        """What waits to be delivered, such as ``4096 queued``; may be empty."""
        return ""

    @property
    def held(self) -> bool:
        """Whether nothing is read for now, where it knows that."""
        return bool(getattr(self, "paused", False))

    def __repr__(self) -> str:
        ending = self.ending
        state = (
            f"reading=PAUSED writing={ending.writing.name}"
            if ending.reads and self.held
            else repr(ending)
        )
        # A receiver that hears of one side alone need not have a name for it.
        name_of = getattr(self.receiver, "name_of", None)
        words = (
            type(self).__name__,
            "" if name_of is None else name_of(self),
            self.descriptor_text,
            state,
            self.waits,
        )
        return f"<{' '.join(word for word in words if word)}>"
