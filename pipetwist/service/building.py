"""Makes the inbounds and outbounds of a configuration. They do not listen or run yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from pipetwist.config.document import Document
from pipetwist.errors import StartError
from pipetwist.inbounds.context import InboundContext
from pipetwist.inbounds.registry import INBOUNDS
from pipetwist.interfaces import IInbound, OutboundLike
from pipetwist.kinds.inbound_options import InboundOptions
from pipetwist.network.inherited import InheritedSocket, InheritedSockets
from pipetwist.outbounds.context import OutboundContext
from pipetwist.outbounds.registry import OUTBOUNDS

__all__ = ["make_inbound", "make_outbounds", "refuse_unused_sockets", "unused_sockets"]


def make_inbound(options: InboundOptions, context: InboundContext) -> IInbound:
    """Make an inbound.

    Args:
        options: its configuration.
        context: its context.

    Raises:
        StartError: something that it names can't be used.
    """
    return INBOUNDS.kind_of(options)(options, context)


def make_outbounds(
    document: Document, context: OutboundContext, kept: Mapping[str, OutboundLike] | None = None
) -> dict[str, OutboundLike]:
    """Make every outbound of a configuration.

    Args:
        document: the configuration.
        context: what they work with.
        kept: existing outbounds to keep, by their tags.

    Raises:
        StartError: something that one names can't be used.
    """
    stream = replace(context, kernel=None)
    outbounds: dict[str, OutboundLike] = {}
    for options in document.outbounds:
        transfer = options.moved_by(document.transfer)
        outbound = None if kept is None else kept.get(options.tag)
        if outbound is None:
            outbound = OUTBOUNDS.kind_of(options)(
                options, stream if transfer == "stream" else context
            )
        if transfer == "kernel" and not outbound.in_kernel:
            message = (
                f"outbound {options.tag}: the kernel can't move its bytes, as transfer requires; "
                "use auto"
            )
            raise StartError(message)
        outbounds[options.tag] = outbound
    return outbounds


def unused_sockets(
    inherited: InheritedSockets, inbounds: Mapping[str, IInbound]
) -> list[InheritedSocket]:
    """The inherited sockets that no inbound uses: clients would wait there for ever.

    Args:
        inherited: all of them.
        inbounds: all inbounds by their tags.
    """
    used = [one for inbound in inbounds.values() for one in inbound.inherited]
    return [one for one in inherited if one not in used]


def refuse_unused_sockets(inherited: InheritedSockets, inbounds: Mapping[str, IInbound]) -> None:
    """Check that an inbound uses each inherited socket.

    Args:
        inherited: all of them.
        inbounds: all inbounds by their tags.

    Raises:
        StartError: none uses one of them.
    """
    for one in unused_sockets(inherited, inbounds):
        message = (
            f"{one} was inherited, and no inbound listens there: write it in an inbound's "
            "path, listen and listen_port, or cid and port"
        )
        raise StartError(message)
