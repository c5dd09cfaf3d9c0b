"""A tree that runs and is told to reload."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from twisted.logger import capturedLogs, formatEvent

from pipetwist.errors import StartError
from pipetwist.outbounds.fork import ForkOutboundOptions
from pipetwist.service.tree import PipetwistService
from tests.service.case import TreeTestCase

__all__ = ["TOOL", "ReloadTestCase"]

TOOL = ForkOutboundOptions(tag="tool", command=("cat",))


class ReloadTestCase(TreeTestCase):
    """A tree that runs."""

    def start(self, *inbounds: Any, **more: Any) -> PipetwistService:
        """Make a tree and start it."""
        tree = self.make(*inbounds, **more)
        tree.startService()
        return tree

    def reload(self, tree: PipetwistService, **more: Any) -> list[str]:
        """Have it go on by its document with other values for these keys; what was logged."""
        with capturedLogs() as events:
            self.successResultOf(tree.reload(replace(tree.document, **more)))
        return [formatEvent(event) for event in events]

    def refused(self, tree: PipetwistService, **more: Any) -> str:
        """Why it does not."""
        return str(
            self.failureResultOf(tree.reload(replace(tree.document, **more)), StartError).value
        )

    def commands(self, tree: PipetwistService) -> dict[str, int]:
        """How many commands each outbound has."""
        return {tag: outbound.processes for tag, outbound in tree.outbounds.items()}
