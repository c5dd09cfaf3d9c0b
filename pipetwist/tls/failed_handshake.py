"""What is said of a client that was lost in its handshake."""

from __future__ import annotations

from twisted.logger import Logger
from twisted.python.failure import Failure

from pipetwist.transfer.loss_reasons import NO_CLOSE_NOTIFY, reason_of
from pipetwist.values.addresses import shown_peer

__all__ = ["log_failed_handshake", "log_handshake_failure"]


def log_failed_handshake(log: Logger, label: str, peer: object, reason: Failure) -> None:
    """Say that a client was lost before its handshake was complete. Programs that ban addresses
    read this line: docs/running.md has it.

    Args:
        log: takes it.
        label: whose client it was.
        peer: where it was, in Twisted's words or in our own.
        reason: why it was lost.
    """
    cause = reason_of(reason)
    # Before the handshake is complete nobody could say close_notify.
    shown = peer if isinstance(peer, str) else shown_peer(peer)
    log_handshake_failure(log, label, shown, "" if cause == NO_CLOSE_NOTIFY else cause)


def log_handshake_failure(log: Logger, label: str, peer: str, cause: str) -> None:
    """The same for a peer and a cause in words.

    Args:
        log: takes it.
        label: whose client it was.
        peer: where it was.
        cause: why it was lost; empty where it just left.
    """
    text = "{place}: the TLS handshake with {peer} failed: {cause}"
    log.info(text, place=label, peer=peer, cause=cause or "it was not completed")
