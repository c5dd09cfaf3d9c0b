"""Limits a side that Twisted reads: it is paused while its flow waits.

Such a side can't ask before it reads, but the transport reads no more at once than was granted
last, where it lets itself be told. What has come is passed on, and counts for the rates; what a
quota has not left is held back, however many connections have read at once.
"""

from __future__ import annotations

from zope.interface import implementer

from pipetwist.interfaces import AnySide, AnySideReceiver, AnyTransport, IFlow, ISide, ISideReceiver

__all__ = ["Throttle", "limit_reading"]

_MAX_READ = 1 << 16  # as Twisted's transports read at once
_HELD_BACK = "it closed while a quota held back the last that it sent"


def limit_reading(side: AnySide, flow: IFlow | None, *, since_start: bool, paused: bool) -> None:
    """Limit a side, or limit it no more.

    Args:
        side: the side, which has a receiver.
        flow: what is asked; None to read freely.
        since_start: whether what was read already counts as well.
        paused: whether its receiver has paused it.
    """
    throttle = side.receiver
    if flow is not None and since_start:
        flow.charge(side.received)
    if isinstance(throttle, Throttle):
        throttle.ask(flow)
    elif flow is not None:
        Throttle(side, throttle, paused=paused).ask(flow)


@implementer(ISideReceiver)
class Throttle:
    """Stands between a side and its receiver: what is read goes through here, and so do the
    receiver's calls that pause reading.

    Args:
        side: the side.
        receiver: its receiver.
        paused: whether that has paused it.
    """

    def __init__(self, side: AnySide, receiver: AnySideReceiver, *, paused: bool) -> None:
        self._side = side
        self._receiver = receiver
        self._paused = paused
        self._flow: IFlow | None = None
        self._expected = 0  # what its turn has granted
        self._held = b""  # what was read, and no quota has left
        self._ended = False  # after that
        self._pause, self._resume = side.pause_reading, side.resume_reading
        side.receiver = self
        # From now on the receiver calls these.
        side.pause_reading, side.resume_reading = self.pause_reading, self.resume_reading

    def __repr__(self) -> str:
        return f"<Throttle of {self._side!r}, {len(self._held)} held>"

    def ask(self, flow: IFlow | None) -> None:
        """Ask this flow from now on; None to leave the side alone."""
        waited = self._waits
        if self._flow is not None:
            self._flow.leave()
        self._flow = flow
        self._expected = 0
        if flow is not None:
            flow.bearer = self
        # Even if the receiver has paused it: it was read before.
        self._let_go()
        if flow is None:
            self._step_aside()
            if waited and not self._paused:
                self._resume()
        elif not (self._paused or flow.waits or self._side.ending.over):
            self._begin(flow, waited=waited)

    @property
    def _waits(self) -> bool:
        return self._flow is not None and self._flow.waits

    # The flow's bearer.

    def turn(self, granted: int) -> None:
        """See `Bearer`; one that can't read now leaves its share to others."""
        flow = self._flow
        if flow is None:
            return
        if self._paused or self._side.ending.over:
            flow.settle(granted, 0)
            return
        flow.lend(granted)
        self._expected = granted
        self._read_at_once(granted)
        self._resume()

    def failed(self) -> None:
        """See `Bearer`."""
        self._side.abort()

    # What the receiver asks of the side.

    def pause_reading(self) -> None:
        """See `ISide`."""
        self._paused = True
        self._pause()

    def resume_reading(self) -> None:
        """See `ISide`; a side that waits for its turn is not resumed before."""
        self._paused = False
        if not self._waits:
            self._resume()

    # ISideReceiver.

    def data_received(self, side: ISide, data: bytes) -> None:
        """See `ISideReceiver`: count it, and pause the side if there is no more to be had."""
        if self._held:
            # It is paused, but TLS passes on all that it has read.
            self._held += data
            return
        expected, count = self._expected, len(data)
        self._pass_on(data)
        flow = self._flow
        if flow is None or self._side.ending.over:
            return
        if self._held:
            self._pause()
        elif not flow.waits:
            if 0 < expected <= count:
                flow.wait()
                self._pause()
            else:
                self._ask_for_more(flow)

    def _begin(self, flow: IFlow, *, waited: bool) -> None:
        """Read on if that may be: many that have waited, or begin, must not all read at once."""
        if not waited:
            self._ask_for_more(flow)
        elif granted := flow.take():
            self.turn(granted)

    def _ask_for_more(self, flow: IFlow) -> None:
        granted = flow.take()
        if granted:
            flow.settle(granted, 0)
            self._read_at_once(granted)
        else:
            self._pause()

    def _pass_on(self, data: bytes) -> None:
        """Pass on as much as the quotas have left, and hold back the rest."""
        flow = self._flow
        passed = len(data) if flow is None else flow.allow(len(data), self._expected)
        self._expected = 0
        self._held = data[passed:]
        if passed:
            self._receiver.data_received(self._side, data[:passed])

    def _let_go(self) -> None:
        """Pass on what was held back, as far as that may be now; a side that closes drops it."""
        held, self._held = self._held, b""
        if not held or self._side.ending.closing:
            return
        self._pass_on(held)
        if self._ended and not self._held:
            self._ended = False
            self._receiver.read_ended(self._side)

    def _step_aside(self) -> None:
        """Leave the side and its receiver to each other."""
        if self._side.receiver is self:
            self._side.receiver = self._receiver
        del self._side.pause_reading, self._side.resume_reading
        self._read_at_once(_MAX_READ)

    def _read_at_once(self, count: int) -> None:
        transport: AnyTransport = getattr(self._side, "transport", None)
        while hasattr(transport, "transport"):
            transport = transport.transport
        if hasattr(transport, "bufferSize"):
            transport.bufferSize = min(count, _MAX_READ)

    def read_ended(self, side: ISide) -> None:
        """See `ISideReceiver`: that comes after what is held back."""
        if self._held:
            self._ended = True
        else:
            self._receiver.read_ended(side)

    def pause_writing(self, side: ISide) -> None:
        self._receiver.pause_writing(side)

    def resume_writing(self, side: ISide) -> None:
        self._receiver.resume_writing(side)

    def peer_closed(self, side: ISide) -> None:
        self._receiver.peer_closed(side)

    def lost(self, side: ISide, reason: str, *, whole: bool = False) -> None:
        """See `ISideReceiver`: nothing more is waited for. What is held back is lost, so that
        nobody may take the rest for the whole; who is ended by its quota waits no more.
        """
        if self._flow is not None:
            if self._held and self._flow.waits:
                reason, whole = reason or _HELD_BACK, False
            self._flow.leave()
        self._receiver.lost(side, reason, whole=whole)

    def name_of(self, side: ISide) -> str:
        """The receiver's name for the side, see `EndingSide`."""
        name_of = getattr(self._receiver, "name_of", None)
        return "" if name_of is None else str(name_of(side))
