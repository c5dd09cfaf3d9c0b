"""Base class of every kind of side, for its ending: it asks the state machine, logs at debug, and
shows the state.
"""

from __future__ import annotations

from typing import cast

from twisted.internet.interfaces import ISSLTransport, ISystemHandle

from pipetwist.interfaces import AnySideReceiver, IFlow, ISide, ISideReceiver
from pipetwist.logs.levels import LeveledLogger
from pipetwist.transfer.ending import Ending, Event, Step
from pipetwist.transfer.socket_state import socket_of
from pipetwist.transfer.throttle import limit_reading

__all__ = ["EndingSide", "side_log"]

side_log = LeveledLogger("pipetwist.transfer", "info")
"""Where sides log their changes. There is one for all sides, and its level is checked before an
event is made, since there are many sides and the log is seldom at debug.
"""


class EndingSide:
    """A side of any kind, and its ending.

    Attributes:
        reason: why it has closed, for people; empty if it closed in order, or has not closed yet.
        ending: its state.
        receiver: gets its events; None before `attach`, and once it has closed.
    """

    __slots__ = ("ending", "reason", "receiver")

    reason: str
    ending: Ending
    receiver: AnySideReceiver

    def attach(self, receiver: ISideReceiver) -> None:
        if self.ending.over:
            receiver.lost(cast("ISide", self), self.reason)
        else:
            self.receiver = receiver

    @property
    def peer_socket(self) -> object:
        """The socket whose other end is the peer's; None if it has no socket, or none of its own.

        See `pipetwist.interfaces.IClientOutbound`.
        """
        return socket_of(getattr(self, "transport", None))

    @property
    def peer_tls(self) -> object:
        """OpenSSL's connection with the peer; None without TLS."""
        transport = getattr(self, "transport", None)
        if not ISSLTransport.providedBy(transport):
            return None
        return cast("ISystemHandle", transport).getHandle()

    def limit(self, flow: IFlow | None, *, since_start: bool, paused: bool = False) -> None:
        """See `ILimitedSide`: one that Twisted reads is paused while its flow waits."""
        if not self.ending.over:
            limit_reading(self, flow, since_start=since_start, paused=paused)

    def hear(self, event: Event) -> Step:
        """Take the next step.

        Args:
            event: the request to it, or what has happened to it.

        Returns:
            The step; the caller carries its effects out.
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
        """What is buffered, such as ``4096 queued``; may be empty."""
        return ""

    @property
    def held(self) -> bool:
        """Whether reading is paused, if it knows that."""
        return bool(getattr(self, "paused", False))

    def __repr__(self) -> str:
        ending = self.ending
        state = (
            f"reading=PAUSED writing={ending.writing.name}"
            if ending.reads and self.held
            else repr(ending)
        )
        # A receiver with only one side need not have a name for it.
        name_of = getattr(self.receiver, "name_of", None)
        words = (
            type(self).__name__,
            "" if name_of is None else name_of(self),
            self.descriptor_text,
            state,
            self.waits,
        )
        return f"<{' '.join(word for word in words if word)}>"
