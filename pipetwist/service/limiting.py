"""What a configuration limits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pipetwist.config.document import Document
from pipetwist.kinds.inbound_options import InboundOptions
from pipetwist.kinds.limit_options import LimitOptions
from pipetwist.kinds.outbound_options import OutboundOptions
from pipetwist.kinds.user_options import AskingOptions, UserOptions
from pipetwist.limits.limit_table import Limits

__all__ = ["limits_of"]


def limits_of(document: Document) -> Limits:
    """What holds for inbounds, outbounds and users, as far as it is limited."""
    users: list[UserOptions] = list(document.users)
    for options in document.inbounds:
        if isinstance(options, AskingOptions):
            users.extend(options.own_users)
    return Limits(
        inbound=_by_tag(document.inbounds),
        outbound=_by_tag(document.outbounds),
        user={user.name: user.limits for user in users if user.limits is not None},
        default=document.default_limits,
    )


def _by_tag(
    section: Iterable[InboundOptions] | Iterable[OutboundOptions],
) -> Mapping[str, LimitOptions]:
    return {options.tag: options.limits for options in section if options.limits is not None}
