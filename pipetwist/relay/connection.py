"""One connection being carried: has done what its machine decides, on the sides that there are."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import CancelledError, Deferred, fail
from twisted.internet.defer import TimeoutError as DeferredTimeoutError
from twisted.internet.error import DNSLookupError
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from pipetwist.connection.cause import Cause
from pipetwist.connection.end import End
from pipetwist.connection.inactivity import Inactivity, Rounds
from pipetwist.connection.machine import ConnectionMachine, Phase
from pipetwist.connection.visitor import Timeouts
from pipetwist.errors import NameTimeoutError
from pipetwist.interfaces import ICommand, IConnectionEffects, IOutbound, ISide
from pipetwist.transfer.causes import describe_error
from pipetwist.transfer.pair import Ear, couple

__all__ = ["Connection"]

_log = Logger()


@implementer(IConnectionEffects)
class Connection:
    """Connects an outbound for a client, carries their bytes, and ends.

    Args:
        rounds: notices inactivity, and counts the time.
        client: the client's side, its reading paused.
        timeouts: how long it may go on without a byte.
        over: called once with the reason when both sides have ended.
        number: what it is told by.
    """

    def __init__(
        self, rounds: Rounds, client: ISide, timeouts: Timeouts, over: Callable[[Connection, str], None], number: int | None = None
    ) -> None:
        self._number = number
        self.machine = ConnectionMachine(self, timeouts)
        self._clock = rounds.clock
        self._over = over
        self._ears = {End.CLIENT: Ear(End.CLIENT, client, self.machine)}
        self._connecting: Deferred[None] | None = None
        self.command: ICommand | None = None
        """The command that the client is connected with; None where it is with something else, or not yet."""
        self._inactivity = Inactivity(rounds, self._moved, self.machine.inactive)

    def open(self, outbound: IOutbound) -> None:
        """Connect the outbound, and begin."""
        client = self._ears[End.CLIENT]
        self.machine.connecting()
        client.side.attach(client)
        if self.machine.phase is not Phase.CONNECTING:
            return
        try:
            connecting = outbound.connect()
        except Exception:  # noqa: BLE001 - an outbound's mistake ends its connection, not the relay
            connecting = fail()
        if not isinstance(connecting, Deferred):
            try:
                self._connected(connecting)
            except Exception:  # noqa: BLE001 - what goes wrong with one connection ends that one
                self._broken(Failure())
            return
        connecting.addTimeout(outbound.connect_timeout, self._clock, _too_slow)
        self._connecting = connecting.addCallbacks(self._connected, self._connect_failed, errbackArgs=(outbound.connect_timeout,))
        self._connecting.addErrback(self._broken)

    def _connected(self, side: ISide) -> None:
        self._connecting = None
        if self.machine.phase is not Phase.CONNECTING:
            side.abort()
            return
        server = self._ears[End.SERVER] = Ear(End.SERVER, side, self.machine)
        # A side of somebody else's need not say that it is no command.
        command = self.command = getattr(side, "command", None)
        if command is not None:
            command.connection = self._number
        side.attach(server)
        self.machine.connected(losses_are_noticed=side.notices_loss and self._ears[End.CLIENT].side.notices_loss)

    def _connect_failed(self, failure: Failure, timeout: float) -> None:
        self._connecting = None
        if failure.check(DeferredTimeoutError):
            self.machine.connect_failed(f"no answer for {timeout:g} s")
        elif not failure.check(CancelledError):
            self.machine.connect_failed(describe_error(failure.value))

    def _broken(self, failure: Failure) -> None:
        _log.failure("A connection failed in pipetwist itself", failure)
        self.machine.stop(f"internal error: {describe_error(failure.value)}", Cause.INTERNAL)

    def _moved(self) -> int:
        return sum(ear.side.moved for ear in self._ears.values())

    @property
    def dropped(self) -> int:
        """Datagrams that either side has dropped."""
        return sum(ear.side.dropped for ear in self._ears.values())

    # IConnectionEffects.

    def cancel_connecting(self) -> None:
        """See `IConnectionEffects`."""
        if self._connecting is not None:
            self._connecting.cancel()

    def start_transfer(self) -> None:
        """See `IConnectionEffects`."""
        couple(self._ears[End.CLIENT], self._ears[End.SERVER])

    def finish_writing(self, end: End) -> None:
        """See `IConnectionEffects`."""
        self._ears[end].side.finish_writing()
        if not any(ear.side.half_closes for ear in self._ears.values()):
            self.machine.read_ended(end)

    def close(self, end: End) -> None:
        """See `IConnectionEffects`."""
        self._ears[end].side.close()

    def hang_up(self, end: End) -> None:
        """See `IConnectionEffects`."""
        self._ears[end].side.hang_up()

    def break_off(self, end: End) -> None:
        """See `IConnectionEffects`."""
        self._ears[end].side.break_off()

    def abort(self, end: End) -> None:
        """See `IConnectionEffects`."""
        self._ears[end].side.abort()

    def watch(self, seconds: float | None) -> None:
        """See `IConnectionEffects`."""
        self._inactivity.watch(seconds)

    def finished(self, reason: str) -> None:
        """See `IConnectionEffects`. What holds this in a circle is let go of, or the collector would have to find it."""
        del self._inactivity
        self._over(self, reason)


def _too_slow(result: ISide | Failure, seconds: float) -> ISide | Failure:
    if not isinstance(result, Failure) or result.check(NameTimeoutError):
        return result
    if result.check(DNSLookupError):  # an endpoint of Twisted's that was still waiting for its name
        message = "the name could not be resolved in time"
        return Failure(NameTimeoutError(message))
    # What was cancelled may fail with an error of its own, as Twisted's endpoints do.
    return Failure(DeferredTimeoutError())
