"""Asking a StatsService, whoever serves it: pipetwist, V2Ray, sing-box or Xray. What they differ in is evened out here."""

from __future__ import annotations

import os

# As in pipetwist.api. A call that fails is told in words of ours, and gRPC is not to write its own beside them.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")
