"""How the inbounds of a configuration share the process's file descriptors."""

from __future__ import annotations

from pipetwist.config.document import Document
from pipetwist.descriptors import DescriptorShares
from pipetwist.kernel.pipe_pool import PipePool

__all__ = ["divide_descriptors"]

# Of those that are kept anyway so many are for listening sockets.
_LISTENING = 8
# A pipe has two. All of them together may have one of so many.
_PIPES = 8


def divide_descriptors(
    shares: DescriptorShares, document: Document, pipes: PipePool | None
) -> None:
    """Divide what there is as a configuration has it.

    Args:
        shares: the shares.
        document: the configuration.
        pipes: what bytes are spliced through, which is bounded where there are few descriptors;
            None where the kernel moves nothing.
    """
    reserved = 0
    if pipes is not None:
        pipes.limit = max(1, min(pipes.limit, shares.limit // _PIPES // 2))
        reserved += 2 * pipes.limit
    reserved += max(0, len(document.inbounds) - _LISTENING)
    clients = {options.tag: options.descriptors for options in document.inbounds}
    servers = {options.tag: options.descriptors for options in document.outbounds}
    reserved += sum(options.reserved_descriptors for options in document.outbounds)
    shares.divide(clients, servers, reserved)
