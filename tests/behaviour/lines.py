"""The log's lines of finished connections."""

from __future__ import annotations

from twisted.logger import ILogObserver, LogEvent, formatEvent, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from tests.support.waiting import until

__all__ = ["Lines"]


@implementer(ILogObserver)
class Lines:
    """Keeps the events of finished connections, in their order, each with its text.

    Args:
        case: the test, whose clean-up ends this.
    """

    def __init__(self, case: SynchronousTestCase) -> None:
        self.waiting: list[LogEvent] = []
        """Those that nobody has taken."""
        globalLogPublisher.addObserver(self)
        case.addCleanup(globalLogPublisher.removeObserver, self)

    def __call__(self, event: LogEvent) -> None:
        """Keep the event if it is one."""
        if event.get("log_namespace") == "pipetwist" and "uplink" in event:
            self.waiting.append({**event, "text": formatEvent(event)})

    async def next(self) -> LogEvent:
        """Wait until one more connection is over, and take its event."""
        await until(lambda: self.waiting, "the line of a finished connection")
        return self.waiting.pop(0)
