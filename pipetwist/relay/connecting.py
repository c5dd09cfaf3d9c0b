"""Connects an outbound, within its time-out, with retries, and says why that failed."""

from __future__ import annotations

from functools import partial

from twisted.internet.defer import CancelledError, Deferred, fail
from twisted.internet.defer import TimeoutError as DeferredTimeoutError
from twisted.internet.error import DNSLookupError
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure

from pipetwist.connection.client_info import Timeouts
from pipetwist.connection.states import CLIENT, SERVER, closes_whole
from pipetwist.errors import NameTimeoutError
from pipetwist.interfaces import IClient, ISide, OutboundLike
from pipetwist.relay.connect_retry import Retrying
from pipetwist.transfer.deferreds import is_deferred
from pipetwist.transfer.loss_reasons import describe_error

__all__ = ["begin_connecting", "connect_failure_text", "ends_closing_whole"]


def begin_connecting(
    outbound: OutboundLike, clock: IReactorTime, client: IClient
) -> ISide | Deferred[ISide]:
    """Connect an outbound for a client, within its time-out, and retry for its ``connect_retry``,
    if any.

    Returns:
        Its side, or a Deferred of it, which may be cancelled. If it fails, `connect_failure_text`
        makes a text of the failure.
    """
    connecting = _connect(outbound, client)
    if not is_deferred(connecting):
        return connecting
    in_time = _in_time(connecting, outbound, clock)
    # Outbounds of other programs need not have this attribute.
    seconds: float | None = getattr(outbound, "connect_retry", None)
    if seconds is None:
        return in_time
    describe = partial(connect_failure_text, outbound=outbound)
    again = partial(_connect_once, outbound, clock, client)
    return Retrying(in_time, again, describe, seconds, clock)


def _connect(outbound: OutboundLike, client: IClient) -> ISide | Deferred[ISide]:
    try:
        # Of others' outbounds few have heard of it.
        connect_as = getattr(outbound, "connect_as", None)
        connecting: ISide | Deferred[ISide] = (
            outbound.connect() if connect_as is None else connect_as(client)
        )
    except Exception:  # noqa: BLE001 - an outbound's mistake ends its connection, not the relay
        return fail()
    return connecting


def _in_time(
    connecting: Deferred[ISide], outbound: OutboundLike, clock: IReactorTime
) -> Deferred[ISide]:
    return connecting.addTimeout(outbound.connect_timeout, clock, _too_slow)


def _connect_once(
    outbound: OutboundLike, clock: IReactorTime, client: IClient
) -> ISide | Deferred[ISide]:
    connecting = _connect(outbound, client)
    return _in_time(connecting, outbound, clock) if is_deferred(connecting) else connecting


def ends_closing_whole(outbound: OutboundLike, timeouts: Timeouts) -> int:
    """The facts of a connection's state that say which ends can't take an end of file while they
    still send.

    Args:
        outbound: where it goes.
        timeouts: its client's.
    """
    # Outbounds of other programs need not have this attribute.
    server: int = 0 if getattr(outbound, "half_close", True) else closes_whole(SERVER)
    return server | closes_whole(CLIENT) if timeouts.closes_whole else server


def connect_failure_text(failure: Failure, outbound: OutboundLike) -> str | None:
    """Why an outbound can't be connected, for people; None if the attempt was cancelled."""
    if failure.check(CancelledError):
        return None
    if failure.check(DeferredTimeoutError):
        return f"no answer for {outbound.connect_timeout:g} s"
    return describe_error(failure.value)


def _too_slow(result: ISide | Failure, seconds: float) -> ISide | Failure:
    if not isinstance(result, Failure) or result.check(NameTimeoutError):
        return result
    if result.check(DNSLookupError):  # an endpoint of Twisted's that was still waiting for its name
        message = "the name could not be resolved in time"
        return Failure(NameTimeoutError(message))
    # What was cancelled may fail with an error of its own, as Twisted's endpoints do.
    return Failure(DeferredTimeoutError())
