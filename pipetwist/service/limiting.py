"""What a configuration limits."""

from __future__ import annotations

from pipetwist.config.document import Document
from pipetwist.limits.limit_table import Limits

__all__ = ["limits_of"]


def limits_of(document: Document) -> Limits:
    """The limits of all inbounds and outbounds that have some."""
    return Limits(
        inbound={
            options.tag: options.limits
            for options in document.inbounds
            if options.limits is not None
        },
        outbound={
            options.tag: options.limits
            for options in document.outbounds
            if options.limits is not None
        },
    )
