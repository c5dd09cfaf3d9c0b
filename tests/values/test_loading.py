"""What is loaded with the options: nothing that only reading a configuration needs."""

from __future__ import annotations

import subprocess
import sys

from twisted.trial.unittest import SynchronousTestCase

_PIECES = (
    "pipetwist.api.options",
    "pipetwist.config.document",
    "pipetwist.inbounds.registry",
    "pipetwist.inbounds.unix",
    "pipetwist.outbounds.registry",
    "pipetwist.routing.rules",
    "pipetwist.stats.counters",
    "pipetwist.stats.tracking",
    "pipetwist.values",
)


class LoadingTest(SynchronousTestCase):
    """What a program loads that builds its options by hand."""

    def test_without_pydantic(self) -> None:
        """Neither a piece nor the document as a whole loads what reads configurations, nor gRPC."""
        program = f"import sys, {', '.join(_PIECES)}; print(*sys.modules)"
        said = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
        )
        self.assertEqual(
            {"pydantic", "pydantic_core", "json5", "grpc"} & set(said.stdout.split()), set()
        )
