"""The resource ``/healthz``: one line for a load balancer, whether clients should be sent here."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from twisted.web.http import OK, SERVICE_UNAVAILABLE
from twisted.web.resource import Resource

from pipetwist.web.answers import TextAnswer

if TYPE_CHECKING:
    from twisted.web.server import Request

__all__ = ["Health"]


class Health(Resource):
    """Says ``ok`` with the status 200, or with 503 what is in the way.

    Args:
        why_not: says what is in the way, on one line; None if nothing is. It is called for each
            request.
    """

    isLeaf = True

    def __init__(self, why_not: Callable[[], str | None]) -> None:
        super().__init__()
        self._why_not = why_not

    def render(self, request: Request) -> bytes:
        """Answer."""
        reason = self._why_not()
        status = OK if reason is None else SERVICE_UNAVAILABLE
        return TextAnswer(status, reason or "ok").render(request)
