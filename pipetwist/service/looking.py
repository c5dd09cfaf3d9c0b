"""What the HTTP listener serves: each part is added here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.logger import Logger

if TYPE_CHECKING:
    from pipetwist.web.options import WebOptions
    from pipetwist.web.service import WebService

__all__ = ["web_service"]


def web_service(options: WebOptions, reactor: Any, log: Logger) -> WebService:
    """The listener with all that it serves. Nothing of the web is loaded where this is not called.

    Args:
        options: what the configuration says.
        reactor: the reactor.
        log: takes what there is to say.

    Raises:
        StartError: it may not listen there, or a certificate can't be used.
    """
    from pipetwist.web.service import WebService

    return WebService(options, reactor, log)
