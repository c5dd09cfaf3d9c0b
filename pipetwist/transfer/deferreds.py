"""Whether a result is there, or a Deferred of it: each connection asks that a few times."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred

if TYPE_CHECKING:
    from typing_extensions import TypeIs

__all__ = ["is_deferred"]


def is_deferred(result: object) -> TypeIs[Deferred[Any]]:  # Any: of whatever it is
    """As ``isinstance``, in half the time: the class is an abstract one (an ``Awaitable``), and of
    those Python code decides whose instance something is.
    """
    return Deferred in type(result).__mro__
