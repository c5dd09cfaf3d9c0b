"""How the inbounds of a configuration share the process's file descriptors."""

from __future__ import annotations

from pipetwist.config.document import Document
from pipetwist.descriptors import DescriptorShares
from pipetwist.kernel.ancillary import MAX_DESCRIPTORS
from pipetwist.kernel.pipe_pool import PipePool

__all__ = ["divide_descriptors"]

# The number of listening sockets that the usual reserve includes.
_LISTENING = 8
# What a control service uses, its clients included.
_CONTROL = 20
# A pipe has two descriptors. All pipes together may use this part of the limit.
_PIPES = 8


def divide_descriptors(
    shares: DescriptorShares, document: Document, pipes: PipePool | None
) -> None:
    """Divide the descriptors among the inbounds of a configuration.

    Args:
        shares: the shares.
        document: the configuration.
        pipes: the pipes that bytes are spliced through, whose number is limited if there are few
            descriptors; None if the kernel moves no bytes.
    """
    reserved = 0
    if pipes is not None:
        pipes.limit = max(1, min(pipes.limit, shares.limit // _PIPES // 2))
        reserved += 2 * pipes.limit
    reserved += max(0, len(document.inbounds) - _LISTENING)
    reserved += _CONTROL if document.control is not None else 0
    clients = {options.tag: options.descriptors for options in document.inbounds}
    servers = {options.tag: options.descriptors for options in document.outbounds}
    if any(options.passes_descriptors for options in document.inbounds):
        reserved += MAX_DESCRIPTORS  # those of one message are here for a moment
    reserved += sum(
        options.reserved_descriptors for options in (*document.inbounds, *document.outbounds)
    )
    shares.divide(clients, servers, reserved)
