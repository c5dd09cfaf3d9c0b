"""What is said of a client that was lost in its handshake."""

from __future__ import annotations

from twisted.logger import Logger
from twisted.python.failure import Failure

from pipetwist.transfer.loss_reasons import NO_CLOSE_NOTIFY, reason_of
from pipetwist.values.addresses import shown_peer

__all__ = ["log_failed_handshake"]


def log_failed_handshake(log: Logger, label: str, peer: object, reason: Failure) -> None:
    """Say that a client was lost before its handshake was complete. Programs that ban addresses
    read this line: docs/running.md has it.

    Args:
        log: takes it.
        label: whose client it was.
        peer: where it was, in Twisted's words.
        reason: why it was lost.
    """
    cause = reason_of(reason)
    # Before the handshake is complete nobody could say close_notify.
    cause = "it was not completed" if cause in ("", NO_CLOSE_NOTIFY) else cause
    text = "{place}: the TLS handshake with {peer} failed: {cause}"
    log.info(text, place=label, peer=shown_peer(peer), cause=cause)
